"""The person's terminal, as it was before anything was drawn on it."""

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Callable

LEAVE_SCREEN = b"\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l\r"
"""End a synchronized update, plain colours, no marks round what is pasted, wrap lines, show the cursor, leave the
alternate screen."""


class Terminal:
    """That of standard output. Remembers its modes, for the case that the display is killed."""

    def __init__(self) -> None:
        """Raises OSError when standard output is no terminal."""
        self.path = os.ttyname(sys.stdout.fileno())
        self._modes = termios.tcgetattr(sys.stdout.fileno())

    def tell(self, text: str) -> None:
        """A line that is there before the screen is drawn, and again when it is left. Never raises, never blocks."""
        self._do(lambda descriptor: os.write(descriptor, f"{text}\n".encode()))

    def restore(self) -> None:
        """Make the terminal whole again after a display that could not do it itself. Never raises, never blocks."""

        def restore(descriptor: int) -> None:
            termios.tcsetattr(descriptor, termios.TCSANOW, self._modes)
            os.write(descriptor, LEAVE_SCREEN)  # last: it fails where nobody reads

        # From the background a change of modes would stop this process, were that not blocked.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        self._do(restore)

    def _do(self, act: Callable[[int], object]) -> None:
        with contextlib.suppress(OSError, termios.error):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                act(descriptor)
            finally:
                os.close(descriptor)


def of_standard_output() -> Terminal | None:
    """The terminal that a screen can be drawn on; None when output goes elsewhere, or the terminal can only print."""
    if sys.stdout is None or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return None
    try:
        return Terminal()
    except (OSError, termios.error):
        return None


def is_there() -> bool:
    """Whether this program belongs to a terminal, which tells it by SIGHUP that it is gone."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
