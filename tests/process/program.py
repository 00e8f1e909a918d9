"""The real program as a test drives it: started as a user starts it, watched through its log, its output and /proc."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from multiprocessing.connection import wait
from pathlib import Path
from socket import SHUT_WR, socket
from typing import Any, Self, TypeVar

from display.service import reach
from shared.market import Market

CHECKOUT = Path(__file__).parents[2]
LIMIT_S = 40.0
"""Generous: how long a loaded machine may take for anything that is not slow by itself."""

PASSCODE = "s3cret-Passcode"

OUR_NAMES, SUPERVISOR = "moex-", "moex-monitor"
_T = TypeVar("_T")


def wait_for(condition: Callable[[], _T], what: str, within_s: float = LIMIT_S) -> _T:
    """The first true value of `condition`; AssertionError when there is none in time."""
    end = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.02)
    return value


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Program:
    """`run.py` in a session of its own, with home, cache and state in `folder`. Killed at the end of the block."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        config: str = "[display]\nstatus_interval_s = 0.5\n",
        environment: Mapping[str, str] | None = None,
        stdout: int | None = None,
        summary: bool = True,
        log_file: bool = True,
        through: Sequence[str] = (),
    ) -> None:
        """`through` is a command that becomes the program, which is given to it as its last arguments.

        Without a log file the log is in the output.
        """
        self.log_file = folder / ("monitor.log" if log_file else "output.txt")
        self.summary_file = folder / "summary.json"
        self.socket_file = folder / "moex-monitor" / "monitor.sock"
        self.output_file = folder / "output.txt"
        config_file = folder / "config.toml"
        config_file.write_text(config)
        command = [*through, sys.executable, str(CHECKOUT / "run.py"), "--config", str(config_file), *arguments]
        command += ["--log-file", str(self.log_file)] if log_file else []
        command += ["--summary", str(self.summary_file)] if summary else []
        paths = {name: str(folder) for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")}
        paths["RUNTIME_DIRECTORY"] = str(self.socket_file.parent)  # so that no program of whoever tests is looked for
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MOEX_", "PYTHON"))}
        with self.output_file.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=inherited | paths | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output if stdout is None else stdout,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._children: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.session():
            with contextlib.suppress(ProcessLookupError):  # it went together with another
                os.kill(pid, signal.SIGKILL)
        self._process.wait(LIMIT_S)

    # ---- what it says

    @property
    def log(self) -> str:
        return self.log_file.read_bytes().decode() if self.log_file.exists() else ""

    @property
    def output(self) -> str:
        """To the byte, carriage returns included."""
        return self.output_file.read_bytes().decode()

    def wait_for_log(self, text: str, count: int = 1) -> None:
        wait_for(lambda: self.log.count(text) >= count, f"{count} times {text!r} in the log")

    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self.summary_file.read_text())
        return summary

    # ---- its processes

    def children(self) -> dict[str, int]:
        """The process of each child, by its name as the log has it; of one that is gone, the one that was seen last."""
        for pid in self.session():
            name = _name_of(pid)
            if name.startswith(OUR_NAMES) and name != SUPERVISOR:  # it forks before it becomes another program
                self._children[name.removeprefix(OUR_NAMES).replace("-", " ")] = pid
        return dict(self._children)

    def market(self) -> Market:
        """What everybody sees now who looks in from outside."""
        with closing(reach([self.socket_file], is_brief=True)) as feed, socket(fileno=os.dup(feed.fileno())) as end:
            market = feed.state_of_now()
            end.shutdown(SHUT_WR)
            wait([end], LIMIT_S)
            assert end.recv(1) == b""  # the program holds nothing for us any more
        return market

    def session(self) -> list[int]:
        """Every process of the program that is alive, helpers of multiprocessing included."""
        return [pid for pid in _pids() if _session_of(pid) == self.pid and is_alive(pid)]

    def command_lines(self) -> str:
        """What `ps` shows of the program's processes."""
        return "\n".join(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in self.session())

    # ---- its end

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code. Every process of the program has to be gone then."""
        code = self._process.wait(LIMIT_S)
        wait_for(lambda: not self.session(), "no process is left behind")
        return code

    def stop(self) -> int:
        self.send(signal.SIGTERM)
        return self.wait()


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""  # it has ended


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
