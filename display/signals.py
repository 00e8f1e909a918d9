"""Signals of a child process: what was inherited is reset, what matters is recorded for the loop to act on."""

import contextlib
import os
import signal
from collections.abc import Iterable
from types import FrameType

READ_SIZE = 4096


def reset_inherited() -> None:
    """Undo what a parent may have set up: its wakeup descriptor and its handlers. For the main thread."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


class Recorder:
    """Records signals; `fileno` is readable when there are some. For the main thread; it never blocks.

    A signal that the program was started to ignore (nohup) stays ignored.
    """

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self._seen: set[signal.Signals] = set()
        self._is_all_to_stop = False
        self._reader, self._writer = os.pipe()
        for descriptor in (self._reader, self._writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._record)

    def fileno(self) -> int:
        return self._reader

    def take(self) -> set[signal.Signals]:
        """The signals since the last call."""
        self._drain()
        taken, self._seen = self._seen, set()
        return taken

    def ask_to_stop_all(self) -> None:
        """Have SIGTSTP taken next, and the next `stop_self` stop the whole program: Ctrl+Z, which came as a key."""
        self._is_all_to_stop = True
        self._seen.add(signal.SIGTSTP)
        with contextlib.suppress(BlockingIOError):
            os.write(self._writer, b"\0")

    def stop_self(self) -> None:
        """Stop this process as SIGTSTP would have, together with all others of its group if that was asked for.

        Returns when it goes on, and at once where nobody could let it go on (a group without a shell).
        """
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        if self._is_all_to_stop:
            self._is_all_to_stop = False
            os.killpg(0, signal.SIGTSTP)
        else:
            signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._record)
        self._seen.discard(signal.SIGCONT)

    def _drain(self) -> None:
        try:
            while os.read(self._reader, READ_SIZE):
                pass
        except BlockingIOError:
            pass

    def _record(self, number: int, frame: FrameType | None) -> None:
        self._seen.add(signal.Signals(number))
