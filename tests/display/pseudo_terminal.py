"""A terminal for the tests: what a program writes is read back by a terminal emulator."""

import os
import re
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait

import pyte

ENTER_ALTERNATE, LEAVE_ALTERNATE = b"\x1b[?1049h", b"\x1b[?1049l"
CURSOR_QUERY = b"\x1b[6n"
LIMIT_S = 30.0
"""Generous: the machines that run the tests are busy."""

SYNCHRONIZED = re.compile(rb"\x1b\[\?2026h.*?\x1b\[\?2026l", re.DOTALL)


class PseudoTerminal:
    """`is_answering` is False for a terminal that ignores every question it is asked."""

    def __init__(self, columns: int, lines: int, *, is_answering: bool = True) -> None:
        self._master, self._slave = os.openpty()
        self.path = os.ttyname(self._slave)
        self.written = b""
        self._is_closed = False
        self._is_answering = is_answering
        self._emulator = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._emulator)
        self.resize(columns, lines)
        self.modes_before = self.modes

    @property
    def modes(self) -> list[object]:
        return list(termios.tcgetattr(self._slave))

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._emulator.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def is_whole(self) -> bool:
        """Whether the normal screen is shown, with its cursor, and the modes are those from before."""
        has_left = self.written.rfind(LEAVE_ALTERNATE) >= self.written.rfind(ENTER_ALTERNATE)
        return has_left and not self.is_cursor_hidden and self.modes == self.modes_before

    @property
    def is_cursor_hidden(self) -> bool:
        return bool(self._emulator.cursor.hidden)

    @property
    def frames(self) -> list[bytes]:
        """Every synchronized update so far."""
        return SYNCHRONIZED.findall(self.written)

    @property
    def sources(self) -> list[int]:
        """What to wait on before `read`."""
        return [] if self._is_closed else [self._master]

    def colour_at(self, column: int, line: int) -> str:
        return str(self._emulator.buffer[line][column].fg)

    def read(self) -> None:
        """Show what was written; one read, which blocks when there is nothing."""
        data = os.read(self._master, 65536)
        self.written += data
        self._stream.feed(data)
        if self._is_answering:
            os.write(self._master, b"\x1b[1;1R" * data.count(CURSOR_QUERY))

    def read_what_is_there(self) -> None:
        """As `read`, until there is nothing."""
        while wait(self.sources, 0):
            self.read()

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def resize(self, columns: int, lines: int) -> None:
        """As the window is drawn larger or smaller, but without the signal."""
        termios.tcsetwinsize(self._slave, (lines, columns))
        self._emulator.resize(lines, columns)

    def clear(self) -> None:
        """Forget what the screen shows."""
        self._emulator.reset()

    def hang_up(self) -> None:
        self._is_closed = True
        os.close(self._slave)
        os.close(self._master)

    def close(self) -> None:
        if not self._is_closed:
            self.hang_up()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Read until `condition` holds; fails, with the screen, when it does not in time."""
        end = time.monotonic() + LIMIT_S
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not in {LIMIT_S} s: {what}\n{self.text}")
            if wait(self.sources, 0.05):
                self.read()


@contextmanager
def pseudo_terminal(columns: int = 80, lines: int = 24, *, is_answering: bool = True) -> Iterator[PseudoTerminal]:
    terminal = PseudoTerminal(columns, lines, is_answering=is_answering)
    try:
        yield terminal
    finally:
        terminal.close()
