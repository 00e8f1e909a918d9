"""The list of instruments that ISS gave last, kept on disk for the day on which ISS does not answer."""

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec

from shared.decoding import decoded
from shared.errors import InstrumentsError
from shared.printable import printable

log = logging.getLogger(__name__)

Secid = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}\Z")]


class Remembered(msgspec.Struct, frozen=True):
    """What the file holds; `saved_at` in seconds since 1970, `host` the name of the ISS server that was asked."""

    host: str
    saved_at: Annotated[float, msgspec.Meta(ge=0, le=4_000_000_000)]
    tickers: Annotated[tuple[Secid, ...], msgspec.Meta(min_length=1)]


_decoder = msgspec.json.Decoder(Remembered)


class InstrumentCache:
    """One file with the list of one board from one host. Blocks on the disk only; `clock` gives seconds since 1970."""

    def __init__(self, path: Path, host: str, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._host = host
        self._clock = clock

    def read(self) -> Remembered:
        """Raises InstrumentsError when there is no list of this host that can be read."""
        try:
            remembered = decoded(_decoder, self._path.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise InstrumentsError(printable(str(error))) from error
        if remembered.host != self._host:
            raise InstrumentsError(f"the list is of {printable(remembered.host)}, not of {self._host}")
        return remembered

    def write(self, tickers: tuple[str, ...]) -> None:
        """Replace the file in one step. A disk that does not take it costs a log line only."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(msgspec.json.encode(Remembered(self._host, self._clock(), tickers)))
        except OSError as error:
            log.warning("the list of instruments was not remembered on disk: %s", error)

    def _replace(self, content: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            temporary.replace(self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
