"""The whole program inside tmux, where many keep it open all day: its keys, its window, and its ends."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.processes import run_state
from tests.display.test_tmux import Tmux
from tests.process.conftest import SMALL
from tests.process.program import CHECKOUT, Program, is_alive, wait_for

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is what it is about")

WHOLE = "0 1 1\n"
ALL_ROWS = re.compile(r"1-(\d+) of \1 ")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:[349][0-8]|10[0-7])[;m]")


class Pane:
    """A pane in which the program's table is drawn."""

    def __init__(self, tmux: Tmux, folder: Path, environment: str = "") -> None:
        self.tmux = tmux
        self.log_file = folder / "log"
        tmux("new-session", "-d", "-x", "100", "-y", "30", "sh")
        program = f"{sys.executable} {CHECKOUT / 'run.py'} --simulate {' '.join(SMALL)} --log-file {self.log_file}"
        tmux("send-keys", f"{environment} XDG_STATE_HOME={folder} {program}; code=$?; echo ended=$code", "Enter")
        self.until_shown("Connections: 4/4")

    def until_shown(self, *texts: str) -> list[str]:
        """The lines of the first picture that has all of these."""

        def shown() -> str:
            picture = self.text
            return picture if all(text in picture for text in texts) else ""

        return [line.rstrip() for line in wait_for(shown, f"{texts} are shown").splitlines()]

    @property
    def text(self) -> str:
        return self.tmux("capture-pane", "-p", "-J")

    @property
    def state(self) -> str:
        """Whether the alternate screen is on, the cursor shown, and lines wrapped."""
        return self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{wrap_flag}")

    def until_whole(self) -> None:
        wait_for(lambda: self.state == WHOLE, "the pane is as before")

    @property
    def colours(self) -> list[str]:
        """What switches a colour on in what is shown."""
        return COLOUR.findall(self.tmux("capture-pane", "-p", "-e"))

    def program(self) -> list[int]:
        """The processes of the program, the supervisor first."""
        shell = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        found = children_of(shell)
        for pid in found:
            found += children_of(pid)
        return found


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Pane]]:
    """Starts the program in a pane, once its table is drawn."""
    tmux = Tmux(tmp_path / "socket")
    try:
        yield lambda environment="": Pane(tmux, tmp_path, environment)
    finally:
        tmux("kill-server")


@pytest.fixture
def pane(start: Callable[..., Pane]) -> Pane:
    return start()


def test_keys_are_heard_and_every_size_of_the_window_is_filled(pane: Pane) -> None:
    for key, text in (("2", "Last reason"), ("3", "events, the newest first"), ("?", "the row above"), ("1", "Volume")):
        pane.tmux("send-keys", key)
        pane.until_shown(text)
    pane.tmux("send-keys", "Down", "Enter")
    pane.until_shown("Order book")
    pane.tmux("send-keys", "Escape")
    for columns, lines, text in ((40, 10, "LAST     Age"), (200, 50, "Exch."), (60, 20, "Chg %     Age")):
        pane.tmux("resize-window", "-x", str(columns), "-y", str(lines))
        shown = pane.until_shown(text, "q quit")
        assert (len(shown), max(map(len, shown))) == (lines, columns)
        assert shown[0].endswith("SIMULATED EXCHANGE")
        assert len(shown[0]) == columns
        assert shown[-1].startswith("q quit") or ALL_ROWS.search("\n".join(shown)), "rows down to the last line"


@pytest.mark.parametrize("key", ["q", "C-c"])
def test_a_key_ends_it_and_the_pane_is_as_before(pane: Pane, key: str) -> None:
    pane.tmux("send-keys", key)
    pane.until_shown("ended=0")
    assert pane.state == WHOLE
    assert "Final statistics" in pane.text


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, 128 + signal.SIGKILL)])
def test_a_signal_that_ends_it_leaves_the_pane_as_before(pane: Pane, number: signal.Signals, code: int) -> None:
    program = pane.program()
    os.kill(program[0], number)
    wait_for(lambda: not any(map(is_alive, program)), "no process is left behind")
    pane.until_whole()
    if number == signal.SIGKILL:  # the shell knew before the display, which then left the screen that it had written to
        pane.tmux("send-keys", "echo ended=$code", "Enter")
    pane.until_shown(f"ended={code}")
    assert (pane.state, [pid for pid in program if is_alive(pid)]) == (WHOLE, [])


def test_a_pane_that_is_closed_ends_all_of_it_in_order(pane: Pane) -> None:
    program = pane.program()
    pane.tmux("kill-pane")
    wait_for(lambda: not any(map(is_alive, program)), "no process is left behind")
    log = pane.log_file.read_text()
    for child in ("worker 1", "worker 2", "simulator"):
        assert f"{child}: stopping -> dead: ended with exit code 0" in log


def test_ctrl_z_gives_the_pane_back_and_fg_brings_the_table_again(pane: Pane) -> None:
    assert pane.colours
    program = pane.program()
    pane.tmux("send-keys", "C-z")
    pane.until_shown("Stopped")
    assert pane.state == WHOLE
    wait_for(lambda: {run_state(pid) for pid in program} == {"T"}, "the whole program is stopped")
    pane.tmux("send-keys", "clear; fg", "Enter")
    pane.until_shown("Connections: 4/4", "q quit")
    pane.tmux("send-keys", "q")
    pane.until_shown("Final statistics")
    pane.until_whole()


def test_a_second_start_leaves_word_of_who_is_running(start: Callable[..., Pane], tmp_path: Path) -> None:
    with Program(tmp_path, "--simulate", "--display", "none", *SMALL) as program:
        program.wait_for_log("is online", 4)
        pane = start(f"XDG_RUNTIME_DIR={tmp_path}")
        pane.tmux("send-keys", "q")
        pane.until_whole()
        pane.until_shown(f"already running: pid {program.pid} has the socket {program.socket_file}", "ended=0")
        assert program.stop() == 0


def test_no_color_means_no_colours(start: Callable[..., Pane]) -> None:
    assert start("NO_COLOR=1").colours == []
