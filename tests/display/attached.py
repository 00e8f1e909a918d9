"""`run.py attach` and `run.py health` as a person starts them: a process of its own, with pipes or on a terminal."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.display.pseudo_terminal import LEAVE_ALTERNATE, LIMIT_S, PseudoTerminal

RUN = Path(__file__).parents[2] / "run.py"
INHERITED = ("PATH", "LANG", "SYSTEMROOT")
NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the person who runs the tests."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return inherited | {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }


def viewed(folder: Path, *arguments: str, more: Mapping[str, str] = NOTHING_MORE) -> "subprocess.CompletedProcess[str]":
    """What a viewer says that ends by itself; `more` is of its environment."""
    return subprocess.run(
        [sys.executable, str(RUN), *arguments],
        cwd=folder,
        env=environment(folder) | dict(more),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@contextmanager
def following(folder: Path, *arguments: str, stdout: int = subprocess.PIPE) -> "Iterator[subprocess.Popen[bytes]]":
    """A viewer that goes on; it is killed at the end of the block."""
    command = [sys.executable, str(RUN), *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=stdout, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


class Attached:
    """A viewer that draws on `terminal`, and belongs to it as to a shell's."""

    def __init__(
        self, folder: Path, terminal: PseudoTerminal, arguments: Sequence[str], config: Path | None = None
    ) -> None:
        self.terminal = terminal
        self.config = config or folder / "attached.toml"
        if config is None:
            self.config.write_text("[display]\nrefresh_s = 0.1\n")
        command = [sys.executable, "-c", TAKE_TERMINAL, terminal.path, sys.executable, str(RUN), *arguments]
        self.process = subprocess.Popen(
            [*command, "--config", str(self.config)],
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
        )

    def until(self, text: str) -> None:
        self.terminal.until(lambda: text in self.terminal.text, f"{text!r} is shown")

    def until_said(self, text: str) -> None:
        """Until it is there on the normal screen."""
        terminal = self.terminal
        said = text.encode()
        terminal.until(lambda: said in terminal.written.rpartition(LEAVE_ALTERNATE)[2], f"{text!r} is said")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code."""
        self.terminal.until(lambda: self.process.poll() is not None, "the viewer ends")
        self.terminal.read_what_is_there()
        return self.process.wait()


TAKE_TERMINAL = """
import fcntl, os, sys, termios
terminal = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
for number in (0, 1, 2):
    os.dup2(terminal, number)
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def attached(folder: Path, terminal: PseudoTerminal, *arguments: str, config: Path | None = None) -> Iterator[Attached]:
    """`config` is a file that is there; without it the viewer has one of its own."""
    viewer = Attached(folder, terminal, arguments, config)
    try:
        yield viewer
    finally:
        viewer.process.kill()
        viewer.process.wait()
