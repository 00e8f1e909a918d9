"""What other threads and signals ask of the supervisor's main loop, and how that one waits for it.

A signal handler only records, and wakes the loop, which acts.
"""

import contextlib
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import wait

from shared.processes import STOP_SIGNALS

SECOND_REQUEST_AFTER_S = 0.15


class Calls:
    """Any thread and any signal handler may call `stop`, `reread` and `wake`; all else is for the main thread."""

    def __init__(self) -> None:
        self.stop_requested_at: float | None = None
        self.is_in_hurry = False
        self._is_reread_requested = False
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def stop(self) -> None:
        """Ask the main loop to end; once more, by a second key press, shortens the ending.

        A closed terminal sends several signals at once: that is one.
        """
        now = time.monotonic()
        self.stop_requested_at = self.stop_requested_at or now
        self.is_in_hurry = now - self.stop_requested_at >= SECOND_REQUEST_AFTER_S
        self.wake()

    def reread(self) -> None:
        """Ask the main loop to read the settings anew."""
        self._is_reread_requested = True
        self.wake()

    def wake(self) -> None:
        """Have the main loop look at once."""
        with contextlib.suppress(OSError):  # it was woken and has not looked yet, or the run is over
            self._writer.send(b"\0")

    def take_reread(self) -> bool:
        """Whether it was asked for since the last time."""
        was_requested, self._is_reread_requested = self._is_reread_requested, False
        return was_requested

    def wait(self, sentinels: Iterable[int], timeout_s: float) -> None:
        """Until a call comes, the time is over, or one of `sentinels` can be read."""
        wait([self._reader, *sentinels], timeout_s)
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(4096)

    @contextlib.contextmanager
    def by_signals(self, *, is_reread_by_sighup: bool) -> Iterator[None]:
        """Within the block the stop signals ask to stop, those from before too; from its end on they do nothing.

        With `is_reread_by_sighup` that one asks to read the settings anew instead.
        """
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup asks for
                act = self.reread if number == signal.SIGHUP and is_reread_by_sighup else self.stop
                signal.signal(number, lambda *_, act=act: act())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
