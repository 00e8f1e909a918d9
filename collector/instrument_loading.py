"""Asks for the list of instruments until there is one: a start needs it, and nothing else waits for it."""

import logging
import time
from collections.abc import Callable
from threading import Thread

from collector.instruments import Instruments, load_instruments
from shared.errors import InstrumentsError
from shared.logs import OncePer
from shared.settings import Settings

RETRY_S = 30.0
SAY_AGAIN_AFTER_S = 3600.0
"""So often at most is the same failure said again, with how often it was meanwhile."""

log = logging.getLogger(__name__)


class InstrumentLoading:
    """In a thread of its own, for it may take ten seconds, and for ever where no list is to be had.

    `instruments` are there once they are found; `failure` says in one line that they never will be.
    """

    def __init__(self, settings: Settings, tell: Callable[[str, str], object], on_end: Callable[[], object]) -> None:
        """`tell` is the hub's. Both are called in the thread; `on_end` once, with the list or the failure there."""
        self.instruments: Instruments | None = None
        self.failure: str | None = None
        self._settings = settings
        self._tell = tell
        self._on_end = on_end
        self._once = OncePer(SAY_AGAIN_AFTER_S)

    def start(self) -> None:
        Thread(target=self._run, name="instruments", daemon=True).start()

    def _run(self) -> None:
        try:
            while self.instruments is None:
                self.instruments = self._try_to_load()
        except Exception as error:
            log.exception("no list of instruments")
            self.failure = f"no list of instruments: {error}"
        self._on_end()

    def _try_to_load(self) -> Instruments | None:
        try:
            return load_instruments(self._settings.instruments, self._settings.exchange.iss_url)
        except InstrumentsError as error:
            if (more := self._once.allows(str(error), time.monotonic())) is not None:
                log.warning("%s%s; next attempt in %g s", error, more, RETRY_S)
                self._tell("instruments", str(error))
            time.sleep(RETRY_S)
            return None
