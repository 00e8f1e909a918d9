"""The terminal that a killed display left behind is made whole again; where there is none, nothing is drawn."""

import io
import os
import pty
import select
import subprocess
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest

from collector.terminal import LEAVE_SCREEN, Terminal, is_there, of_standard_output
from tests.collector.waiting import LIMIT_S, nothing_left_over

CHECKOUT = Path(__file__).parents[2]


class PseudoTerminal:
    """`screen` is what a person sees, `program` is what standard output is to the program."""

    def __init__(self) -> None:
        self.screen, self.program = pty.openpty()

    def close(self) -> None:
        os.close(self.screen)
        os.close(self.program)

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.program)

    def seen(self) -> bytes:
        """What was written, as far as it has come; waits for something."""
        assert select.select([self.screen], [], [], LIMIT_S)[0]
        return os.read(self.screen, 65_536)


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    made = PseudoTerminal()
    yield made
    made.close()


@contextmanager
def standard_output(descriptor: int, kind: str | None = "xterm-256color") -> Iterator[None]:
    """`descriptor` is standard output, of a terminal of that TERM. Not a fixture: pytest sets its own before a test."""
    with pytest.MonkeyPatch.context() as patch, os.fdopen(os.dup(descriptor), "w") as output:
        patch.setattr(sys, "stdout", output)
        if kind is None:
            patch.delenv("TERM", raising=False)
        else:
            patch.setenv("TERM", kind)
        yield


def test_the_terminal_of_standard_output_is_found_by_its_device(terminal: PseudoTerminal) -> None:
    with standard_output(terminal.program):
        found = of_standard_output()
    assert found is not None
    assert found.path == os.ttyname(terminal.program)


def remembered(terminal: PseudoTerminal) -> Terminal:
    with standard_output(terminal.program):
        return Terminal()


def test_the_modes_from_before_come_back_and_the_screen_is_left(terminal: PseudoTerminal) -> None:
    found, before = remembered(terminal), terminal.modes()
    tty.setraw(terminal.program)
    assert terminal.modes() != before
    with nothing_left_over():
        found.restore()
    assert terminal.modes() == before
    assert terminal.seen() == LEAVE_SCREEN


def test_a_line_is_told_as_it_is(terminal: PseudoTerminal) -> None:
    with nothing_left_over():
        remembered(terminal).tell("already running: pid 1")
    assert terminal.seen() == b"already running: pid 1\r\n"


def test_leaving_shows_the_cursor_and_the_normal_screen_and_ends_a_synchronized_update() -> None:
    for sequence in (b"\x1b[?25h", b"\x1b[?1049l", b"\x1b[?2026l", b"\x1b[?7h", b"\x1b[0m", b"\x1b[?2004l"):
        assert sequence in LEAVE_SCREEN


def test_the_modes_come_back_even_when_nobody_reads_the_terminal(terminal: PseudoTerminal) -> None:
    found, before = remembered(terminal), terminal.modes()
    tty.setraw(terminal.program)
    os.set_blocking(terminal.program, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(terminal.program, b"x" * 4096)
    found.restore()
    assert terminal.modes() == before


def test_restoring_a_terminal_that_is_gone_is_harmless() -> None:
    gone = PseudoTerminal()
    found = remembered(gone)
    gone.close()
    with nothing_left_over():
        found.restore()


@pytest.mark.parametrize("kind", ["dumb", None])
def test_a_terminal_that_can_only_print_is_none(terminal: PseudoTerminal, kind: str | None) -> None:
    with standard_output(terminal.program, kind):
        assert of_standard_output() is None


def test_output_that_goes_elsewhere_is_no_terminal() -> None:
    reader, writer = os.pipe()
    with standard_output(writer):
        assert of_standard_output() is None
        with pytest.raises(OSError, match="ioctl"):
            Terminal()
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("output", [None, io.StringIO()])
def test_no_standard_output_at_all_is_no_terminal(output: io.StringIO | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        patch.setenv("TERM", "xterm-256color")
        assert of_standard_output() is None


@pytest.mark.parametrize("has_terminal", [True, False])
def test_a_program_knows_whether_it_belongs_to_a_terminal(terminal: PseudoTerminal, has_terminal: bool) -> None:
    """It may print elsewhere."""
    code = "from collector.terminal import is_there; raise SystemExit(is_there())"
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        stdin=terminal.program,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=(lambda: ioctl(0, termios.TIOCSCTTY, 0)) if has_terminal else None,
    )
    assert program.wait(LIMIT_S) == has_terminal
    assert is_there() in (True, False)
