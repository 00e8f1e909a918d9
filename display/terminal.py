"""The terminal as the kernel knows it: descriptors, modes, size, and writing without ever being held up."""

import io
import os
import select
import sys
import termios
from typing import Any

from shared.errors import MonitorError

PATIENCE_S = 0.05
"""How long one frame may wait for a terminal that is slow to take it; the rest goes out later."""

KEYBOARD, OUTPUT = 0, 1
"""The descriptors that a Terminal takes over."""

INPUT_MODES, LOCAL_MODES, CONTROL_CHARACTERS = 0, 3, 6
"""Places in the list that termios makes of a terminal's modes."""

FALLBACK_SIZE = os.terminal_size((80, 24))


class TerminalLost(MonitorError):
    """The terminal has hung up, or was taken away; nothing more can be shown."""


class Terminal:
    """One terminal device. Used by one thread.

    It becomes descriptors 0 and 1 and `sys.stdin` and `sys.stdout` of this process: a child of multiprocessing has no
    standard input. The descriptors are opened anew, so that their flags are nobody else's.
    """

    def __init__(self, path: str, encoding: str = "utf-8") -> None:
        """Raises TerminalLost when the device cannot be opened. What has no place in `encoding` is written as `?`."""
        self.encoding = encoding
        try:
            _open_as(KEYBOARD, path, os.O_RDWR)
            _open_as(OUTPUT, path, os.O_WRONLY)
        except OSError as error:
            raise TerminalLost(f"{path}: {error.strerror}") from error
        sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.FileIO(KEYBOARD, closefd=False))  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.FileIO(OUTPUT, "w", closefd=False))  # type: ignore[misc]
        self._unsent = b""
        self._modes: list[Any] | None = None

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines now; a usual size when the terminal does not know."""
        try:
            size = os.get_terminal_size(OUTPUT)
        except OSError as error:
            raise TerminalLost(f"size: {error.strerror}") from error
        return size if size.columns > 0 and size.lines > 0 else FALLBACK_SIZE

    @property
    def is_ours(self) -> bool:
        """Whether this process may draw: it is not in the background of a shell with job control."""
        try:
            return os.tcgetpgrp(KEYBOARD) == os.getpgrp()
        except OSError:
            return True

    @property
    def is_behind(self) -> bool:
        """Whether it has not yet taken all that was written."""
        return bool(self._unsent)

    def take_keys(self) -> None:
        """Keys come one by one and unechoed from now on; Ctrl+C stays a signal. Raises TerminalLost.

        Ctrl+Z becomes a key: as a signal it would stop the parent, and bring the shell back, before this process could
        leave the alternate screen, and what the shell says would be lost with that. So does Ctrl+S: it would keep a
        picture that looks alive, and hold back the farewell. Once more without `give_back` in between, it repeats that,
        for a terminal whose modes somebody else changed.
        """
        try:
            modes = termios.tcgetattr(KEYBOARD)
            self._modes = self._modes or termios.tcgetattr(KEYBOARD)
            modes[INPUT_MODES] &= ~termios.IXON
            modes[LOCAL_MODES] &= ~(termios.ECHO | termios.ICANON)
            modes[CONTROL_CHARACTERS][termios.VMIN] = 1
            modes[CONTROL_CHARACTERS][termios.VTIME] = 0
            modes[CONTROL_CHARACTERS][termios.VSUSP] = bytes([os.fpathconf(KEYBOARD, "PC_VDISABLE")])
            termios.tcsetattr(KEYBOARD, termios.TCSANOW, modes)
        except (OSError, termios.error) as error:
            raise TerminalLost(f"modes: {error}") from error
        os.set_blocking(OUTPUT, False)

    def give_back(self, farewell: str) -> None:
        """Write `farewell` and restore the modes that `take_keys` found. Neither waits for the terminal nor raises.

        The modes of a terminal that a shell has taken back meanwhile are the shell's.
        """
        modes, self._modes = self._modes, None
        try:
            self.write(farewell)
            if modes is not None and self.is_ours:
                termios.tcsetattr(KEYBOARD, termios.TCSANOW, modes)
        except (termios.error, TerminalLost):
            pass
        finally:
            self._unsent = b""
            os.set_blocking(OUTPUT, True)

    def write(self, text: str) -> None:
        """Write after all that is still unsent; takes a moment at most. Raises TerminalLost."""
        self._unsent += text.encode(self.encoding, "replace")
        self.flush()

    def flush(self) -> None:
        """Send what the terminal takes now. Raises TerminalLost."""
        poll = select.poll()
        poll.register(OUTPUT, select.POLLOUT)
        try:
            while self._unsent:
                if not poll.poll(PATIENCE_S * 1000):
                    return
                self._unsent = self._unsent[os.write(OUTPUT, self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            raise TerminalLost(f"write: {error.strerror}") from error


def _open_as(number: int, path: str, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_NOCTTY)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
