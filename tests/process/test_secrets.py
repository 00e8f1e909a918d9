"""The passcode is where it has to be, at the exchange, and nowhere else, even when all is told and parts break."""

import os
import re
import resource
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL, Start
from tests.process.program import CHECKOUT, Program, wait_for

PASSCODE = "open sesame"
LOGIN = {"MOEX_DOMAIN": "passport", "MOEX_LOGIN": "trader", "MOEX_PASSCODE": PASSCODE}
BREAK = """
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import current_thread

begin = BaseProcess._bootstrap

def fail(*_):
    passcode = os.environ["MOEX_PASSCODE"]
    raise ValueError(f"no such login: {passcode!r} in {current_thread().name}", {"passcode": passcode})

def begin_broken(process, *arguments, **more):
    if process.name == "worker-1":
        from collector.worker import Worker

        Worker.run = fail
    if process.name == "worker-2":
        from collector.connection import Connection

        Connection._run = fail
    return begin(process, *arguments, **more)

BaseProcess._bootstrap = begin_broken

if any(argument.endswith("run.py") for argument in sys.orig_argv):
    from collector.session_watch import SessionWatch
    from collector.supervisor import Supervisor

    look = Supervisor._look
    SessionWatch._keep = fail
    Supervisor._look = lambda *arguments: fail() if Path("fail").exists() else look(*arguments)
"""
"""Has failures with the passcode in their exceptions, in every Python process that imports it at its start: the main
thread of a worker, the connections of another, a thread of the supervisor, and its loop once there is a file `fail`."""

FAILED = {
    "text": r" ERROR   (\S+) (\S+): .*\n    Traceback .*\n(?:    .*\n)+?    ValueError: \(.no such login: '\*\*\*' in ",
    "json": r'"error", "process": "(\S+)", "thread": "(\S+)", .*\\nValueError: \(\\"no such login: \'\*\*\*\' in ',
}
"""The process and the thread of a record that has such an exception."""

WITH_CORE_DUMPS = ("sh", "-c", 'ulimit -S -c "$(ulimit -H -c)" && exec "$@"', "sh")


def where_it_is(program: Program, *but: Path) -> list[str]:
    """What of all that the program wrote or shows to others holds the passcode."""
    shown = {path.name: path.read_bytes() for path in program.log_file.parent.rglob("*") if path.is_file()}
    for path in but:
        del shown[path.name]
    shown |= {f"{pid}/{name}": shown_by(pid, name) for pid in program.session() for name in ("cmdline", "comm", "stat")}
    return [name for name, text in shown.items() if PASSCODE.encode() in text]


def shown_by(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""  # it has ended


@pytest.fixture
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path_factory.mktemp("manager") / "notify"))
        yield made


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_login_that_is_taken_is_told_to_the_exchange_alone(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], manager: socket.socket, kind: str
) -> None:
    environment = LOGIN | {"NOTIFY_SOCKET": manager.getsockname()}
    arguments = (*at[:-1], "plain", *SMALL, "--log-level", "debug", "--log-format", kind)
    program = start(*arguments, environment=environment)
    program.wait_for_log("is online", 4)
    wait_for(lambda: "4/4 online" in program.output, "a status line")
    gateway.drop()
    program.wait_for_log("is online", 8)
    assert where_it_is(program) == []
    assert PASSCODE.encode() not in manager.recv(65_536) + manager.recv(65_536)
    assert program.stop() == 0
    assert where_it_is(program) == []
    assert "debug" in program.log.lower()


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_traceback_with_it_is_masked(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "sitecustomize.py").write_text(BREAK)
    environment = LOGIN | {"PYTHONPATH": os.pathsep.join([str(folder), str(CHECKOUT)])}
    program = start(*at, *SMALL, "--log-level", "debug", "--log-format", kind, environment=environment)
    for thread in ("calendar", "connection-3", "connection-4", "MainThread"):
        program.wait_for_log(f"no such login: '***' in {thread}")
    program.log_file.with_name("fail").touch()
    assert program.wait() == 70
    assert where_it_is(program) == []
    assert "own failure, see the log" in program.output
    told = Counter(re.findall(FAILED[kind], program.log))
    assert told.pop(("worker-1", "MainThread")) > 0
    assert told == {
        ("supervisor", "calendar"): 1,
        ("supervisor", "MainThread"): 1,
        ("worker-2", "connection-3"): 1,
        ("worker-2", "connection-4"): 1,
    }


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="nobody here may have a core dump")
def test_no_process_leaves_a_core_dump_though_its_shell_would_allow_it(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    """Where core dumps are files, they would be in the program's folder."""
    program = start(*at, *SMALL, environment=LOGIN, through=WITH_CORE_DUMPS)
    program.wait_for_log("starting -> running", 2)
    assert {resource.prlimit(pid, resource.RLIMIT_CORE)[0] for pid in program.session()} == {0}
    os.kill(program.children()["worker 1"], signal.SIGSEGV)
    program.wait_for_log("killed by SIGSEGV")
    os.kill(program.pid, signal.SIGABRT)
    assert program.wait() == -signal.SIGABRT
    assert where_it_is(program) == []


@pytest.mark.parametrize(("mode", "is_told"), [(0o644, True), (0o600, False)])
def test_an_env_file_that_others_may_read_is_told_once(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], tmp_path: Path, mode: int, is_told: bool
) -> None:
    env_file = tmp_path / "login.env"
    env_file.write_text("".join(f"{name}='{value}'\n" for name, value in LOGIN.items()))
    env_file.chmod(mode)
    program = start(*at, *SMALL, "--env-file", str(env_file))
    program.wait_for_log("is online", 4)
    assert program.stop() == 0
    assert program.log.count("others may read the passcode in") == is_told
    assert [event["source"] for event in program.summary()["events"]].count("login") == is_told
    assert where_it_is(program, env_file) == []
