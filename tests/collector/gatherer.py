"""What stands in for a worker's main thread: a thread that gathers."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from collector.gathering import Gathering
from tests.collector.waiting import LIMIT_S

NEWS, CLOSE = b"n", b"c"
REPORT_INTERVAL_S = 0.5


class Gatherer:
    """A Gathering and its thread, which waits and reads until it is closed, as that of a worker does."""

    def __init__(self, interval_s: float = 0.02) -> None:
        self._reader, self._writer = os.pipe()
        self.gathering = Gathering(self._reader, lambda: os.write(self._writer, NEWS), interval_s)
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="gatherer", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        os.close(self._reader)
        os.close(self._writer)

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is gathered meanwhile."""
        with self._turn:
            yield

    def stop(self) -> None:
        """Gather no more, as a worker does before it stops its connections. Idempotent."""
        os.write(self._writer, CLOSE)
        self._thread.join(LIMIT_S)
        assert not self.is_running

    def _run(self) -> None:
        while CLOSE not in self._woken():
            with self._turn:
                self.gathering.read()

    def _woken(self) -> bytes:
        return os.read(self._reader, 4096) if self.gathering.wait(REPORT_INTERVAL_S) else b""
