"""The display process among its relatives: the parent that dies, the shell with job control."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.display.pseudo_terminal import LIMIT_S, PseudoTerminal, pseudo_terminal

PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    with pseudo_terminal(100, 24) as made:
        yield made


@contextmanager
def program(module: str, terminal: PseudoTerminal) -> "Iterator[subprocess.Popen[str]]":
    """A Python module in a session of its own, with pipes for input and output."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.display.{module}", terminal.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_the_death_of_the_parent_ends_the_display_and_leaves_the_terminal_whole(terminal: PseudoTerminal) -> None:
    with program("doomed_parent", terminal) as parent:
        terminal.until(lambda: "starting..." in terminal.text, "the display has started")
        parent.kill()
        terminal.until(lambda: terminal.is_whole, "the terminal is whole")


def test_in_the_background_nothing_is_drawn_and_ctrl_z_gives_the_terminal_back(terminal: PseudoTerminal) -> None:
    with program("job_shell", terminal) as shell:
        assert shell.stdin is not None and shell.stdout is not None
        assert [shell.stdout.readline() for _ in range(5)] == ["asked\n"] * 5
        assert terminal.written == b""
        for _ in range(2):
            print("fg", file=shell.stdin, flush=True)
            terminal.until(lambda: "SBER" in terminal.text and not terminal.is_whole, "the table is drawn")
            terminal.press(b"\x1a")
            terminal.until(lambda: terminal.is_whole, "the terminal is given back")
            while shell.stdout.readline() != "stopped\n":
                pass
            terminal.clear()
        shell.stdin.close()
        shell.wait(LIMIT_S)
