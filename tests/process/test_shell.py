"""The program in a real shell on a real terminal: however it ends or is stopped, the shell finds its terminal whole."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSCTTY

import pytest

from shared.processes import run_state
from tests.display.pseudo_terminal import ENTER_ALTERNATE, LEAVE_ALTERNATE, PseudoTerminal, pseudo_terminal
from tests.process.conftest import SMALL
from tests.process.program import CHECKOUT, wait_for

CTRL_C, CTRL_Z, CTRL_BACKSLASH = b"\x03", b"\x1a", b"\x1c"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is what it is about")


class Shell:
    """bash on `terminal`."""

    def __init__(self, terminal: PseudoTerminal, folder: Path) -> None:
        self.terminal = terminal
        self._seen = 0
        (folder / "config.toml").write_text("[display]\nrefresh_s = 0.2\n")
        device = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            stdin=device,
            stdout=device,
            stderr=device,
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "TERM": "xterm-256color",
                "LANG": "C.UTF-8",
                "PS1": "> ",
                "HISTFILE": "",
            },
            start_new_session=True,
            preexec_fn=lambda: ioctl(0, TIOCSCTTY, 0),
        )
        os.close(device)

    def run_program(self) -> None:
        """Returns once its table is drawn."""
        arguments = (
            "--simulate",
            "--display",
            "screen",
            "--config",
            "config.toml",
            "--log-file",
            "monitor.log",
            *SMALL,
        )
        program = " ".join((sys.executable, str(CHECKOUT / "run.py"), *arguments))
        self.type(f"ulimit -c 0; M=$(stty -g); {program}; echo ended=$?")
        self.until(self.shows_table, "the table is drawn")

    def type(self, command: str) -> None:
        self.terminal.press(command.encode() + b"\n")

    def press(self, key: bytes) -> None:
        """From here on only what comes now counts."""
        self._seen = len(self.terminal.written)
        self.terminal.press(key)

    def _news(self) -> bytes:
        return self.terminal.written[self._seen :]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        self.terminal.until(condition, what)

    def shows_table(self) -> bool:
        return "Connections: 4/4" in self.terminal.text and not self.has_left()

    def has_left(self) -> bool:
        return self._news().rfind(LEAVE_ALTERNATE) > self._news().rfind(ENTER_ALTERNATE)

    def said(self, text: str) -> bool:
        """Whether this came after the alternate screen was left."""
        return text in self._news().rpartition(LEAVE_ALTERNATE)[2].decode(errors="replace")

    def told(self, text: str) -> bool:
        return text in self._news().decode(errors="replace")

    def program(self) -> list[int]:
        """The processes of the program, of which the first is the supervisor."""
        shell = self.process.pid
        return sorted((pid for pid in _members(shell) if pid != shell), key=lambda pid: (_parent(pid) != shell, pid))

    def is_terminal_whole(self) -> bool:
        """Whether the modes are as before, the cursor is shown, and so is the shell's own screen."""
        self.type('test "$M" = "$(stty -g)" && echo as""before || echo other""wise')
        self.until(lambda: self.said("asbefore") or self.said("otherwise"), "the shell tells of the modes")
        return self.said("asbefore") and not self.terminal.is_cursor_hidden and self.has_left()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _members(session: int) -> list[int]:
    found = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and os.getsid(int(path.name)) == session and run_state(int(path.name)) != "Z":
                found.append(int(path.name))
        except OSError:
            continue
    return found


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with pseudo_terminal(100, 30) as terminal:
        made = Shell(terminal, tmp_path)
        try:
            made.run_program()
            yield made
        finally:
            for pid in _members(made.process.pid):
                with suppress(ProcessLookupError):  # it went together with another
                    os.kill(pid, signal.SIGKILL)
            made.process.wait()


def test_ctrl_z_leaves_the_table_before_the_shell_says_stopped_and_fg_brings_it_back(shell: Shell) -> None:
    for _ in range(3):
        shell.press(CTRL_Z)
        shell.until(lambda: shell.said("Stopped"), "the shell says so, on its own screen")
        wait_for(lambda: {run_state(pid) for pid in shell.program()} == {"T"}, "the whole program is stopped")
        assert shell.is_terminal_whole()
        shell.terminal.clear()
        shell.type("fg")
        shell.until(shell.shows_table, "the table is drawn again")


def test_in_the_background_it_goes_on_without_its_table(shell: Shell) -> None:
    shell.press(CTRL_Z)
    shell.until(lambda: shell.said("Stopped"), "the shell says so")
    shell.type("bg")
    wait_for(lambda: "T" not in {run_state(pid) for pid in shell.program()}, "the whole program goes on")
    assert shell.is_terminal_whole()
    assert "T" not in {run_state(pid) for pid in shell.program()}, "nor did its terminal stop it since"
    shell.type("fg")
    shell.until(shell.shows_table, "the table is drawn again")


@pytest.mark.parametrize(("key", "code"), [(CTRL_C, 0), (b"q", 0), (CTRL_BACKSLASH, 128 + signal.SIGQUIT)])
def test_a_key_that_ends_it_leaves_the_terminal_whole(shell: Shell, key: bytes, code: int) -> None:
    shell.press(key)
    shell.until(shell.has_left, "the table is left")
    shell.until(lambda: shell.told(f"ended={code}"), "the program has ended")
    assert shell.is_terminal_whole()
    assert code or shell.said("Final statistics")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGKILL, 128 + signal.SIGKILL)]
)
def test_a_signal_that_ends_it_leaves_the_terminal_whole(shell: Shell, number: signal.Signals, code: int) -> None:
    os.kill(shell.program()[0], number)
    shell.until(shell.has_left, "the table is left")
    shell.until(lambda: shell.told(f"ended={code}"), "the program has ended")
    assert shell.is_terminal_whole()
    wait_for(lambda: not shell.program(), "no process is left behind")


def test_a_closed_window_ends_all_of_it(shell: Shell) -> None:
    members = _members(shell.process.pid)
    assert len(members) > len(("shell", "supervisor", "simulator", "display", "worker 1", "worker 2"))
    shell.terminal.hang_up()
    shell.process.wait()
    wait_for(lambda: all(run_state(pid) in (None, "Z") for pid in members), "no process is left behind")
    assert _members(shell.process.pid) == []
