"""The loop of plain mode: status lines on standard output."""

import io
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from multiprocessing.connection import wait

from display.feed import Feed, parent_sentinels
from display.now import Now
from display.plain import hinting_status_line
from display.signals import Recorder
from shared.settings import DisplaySettings
from shared.timing import Deadline


class PlainLoop:
    """A status line at once, and then in the interval of the settings, for as long as somebody reads them.

    When standard output is closed the process lives on in silence: ended, it would only be started again.
    """

    def __init__(
        self, feed: Feed, settings: DisplaySettings, recorder: Recorder, as_printed: Callable[[str], str]
    ) -> None:
        """`as_printed` makes of a status line what is printed."""
        self._feed = feed
        self._as_printed = as_printed
        self._interval_s = settings.status_interval_s
        self._recorder = recorder
        self._due = Deadline(0.0)
        self._has_reader = True

    def run(self) -> None:
        """Blocks until a signal was recorded, or the hub or the parent is gone."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        parent = parent_sentinels()
        while not self._feed.is_over:
            if self._due.is_over():
                self._feed.ask()
            sources = [self._feed.fileno(), self._recorder.fileno(), *parent]
            ready = wait(sources, self._due.remaining() or self._interval_s)
            if self._recorder.take() or any(sentinel in ready for sentinel in parent):
                return
            if self._feed.receive():
                self._tell()

    def _tell(self) -> None:
        """Print the line, unless it is not even known yet which connections there are."""
        market = self._feed.market
        if market is None or not market.connections:
            return
        self._due = Deadline(self._interval_s)
        if self._has_reader:
            line = hinting_status_line(market, Now(time.monotonic(), datetime.now()))
            self._has_reader = _print(self._as_printed(line))


def _print(line: str) -> bool:
    """False when nobody can read it any more."""
    try:
        print(line, flush=True)
    except (OSError, ValueError):
        _drop_standard_output()
        return False
    return True


def _drop_standard_output() -> None:
    """Send the rest nowhere: at its end the interpreter would try, and fail, to write what is still buffered."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
