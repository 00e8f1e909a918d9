"""The program as a systemd service sees it, through a real notify socket that the test opens, and real signals."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from collector.child import FROZEN_AFTER_S
from shared.processes import run_state
from tests.drills.planted import STUCK_SUPERVISOR, planted
from tests.fakes.behaviour import Behaviour
from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL, Start
from tests.process.program import LIMIT_S, Program, wait_for
from tests.process.test_mending import wait_until_replaced

CONFIG = "[display]\nstatus_interval_s = 0.2\n"
WATCHDOG_S = 0.4
READY_AFTER_S = 1.5
HASTY = "[exchange]\nrefused_retry_first_s = 0.2\nrefused_retry_cap_s = 0.2\n"


class Manager:
    """What a service manager hears, line by line, in its order."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.lines: list[str] = []
        self.signs: list[float] = []
        """When the signs of life were heard."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(LIMIT_S)

    def close(self) -> None:
        self._socket.close()

    def hear(self) -> list[str]:
        """The lines of the next datagram."""
        lines = self._socket.recv(65_536).decode().split("\n")
        self.lines += lines
        self.signs += [time.monotonic()] * lines.count("WATCHDOG=1")
        return lines

    def until(self, condition: Callable[[list[str]], bool], what: str) -> list[str]:
        """What is heard from here on, until `condition` of it is true."""
        end, heard = time.monotonic() + LIMIT_S, list[str]()
        while not condition(heard):
            assert time.monotonic() < end, f"not heard: {what}; {heard[-5:]}"
            heard += self.hear()
        return heard

    def until_said(self, line: str, count: int = 1) -> list[str]:
        return self.until(lambda heard: sum(one.startswith(line) for one in heard) >= count, line)

    def is_silent_for(self, seconds: float) -> bool:
        self._socket.settimeout(seconds)
        try:
            self.hear()
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(LIMIT_S)
        return False

    def drain(self) -> None:
        """All that was said until now."""
        self._socket.setblocking(False)
        try:
            while True:
                self.hear()
        except BlockingIOError:
            self._socket.settimeout(LIMIT_S)

    @property
    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address, "WATCHDOG_USEC": f"{WATCHDOG_S * 1e6:.0f}"}


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.close()


def environment_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return ""  # it has ended


def test_it_is_ready_when_the_first_connection_is_online_says_how_it_stands_and_that_it_stops(
    start: Start, manager: Manager, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    gateway.close_port()
    program = start(*at, *SMALL, config=CONFIG, environment=manager.environment)
    before = manager.until_said("STATUS=0/4 online", 5)
    assert "READY=1" not in before
    gateway.open_port()
    manager.until_said("READY=1")
    assert "is online" in program.log
    manager.until_said("STATUS=4/4 online")
    manager.until_said("WATCHDOG=1", 3)
    assert program.stop() == 0
    manager.until_said("STOPPING=1")
    assert manager.lines.count("READY=1") == manager.lines.count("STOPPING=1") == 1


def test_where_nobody_is_let_in_it_is_ready_when_the_first_minute_is_over_and_goes_on_trying(
    start: Start, manager: Manager, gateway: GatewayProcess, at: tuple[str, ...], tmp_path: Path
) -> None:
    """A minute of 1.5 s."""
    gateway.behave(Behaviour(greeting="refuse"))
    minute = planted(tmp_path / "faults", {"collector.service.READY_AFTER_S": str(READY_AFTER_S)})
    began = time.monotonic()
    program = start(*at, *SMALL, config=CONFIG + HASTY, environment=manager.environment | minute)
    manager.until_said("READY=1")
    assert time.monotonic() - began >= READY_AFTER_S
    manager.until_said("STATUS=0/4 online")
    assert "is online" not in program.log
    gateway.behave(Behaviour())
    manager.until_said("STATUS=4/4 online")
    assert program.stop() == 0
    manager.until_said("STOPPING=1")
    assert manager.lines.count("READY=1") == 1


def test_an_abstract_socket_is_one_too(start: Start) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"moex-monitor-test-{os.getpid()}"
        listening.bind("\0" + name)
        listening.settimeout(LIMIT_S)
        start("--simulate", "--display", "none", *SMALL, environment={"NOTIFY_SOCKET": "@" + name})
        assert listening.recv(10_000).startswith(b"STATUS=")


def test_no_child_can_speak_for_the_service(start: Start, manager: Manager) -> None:
    program = start("--simulate", *SMALL, config=CONFIG, environment=manager.environment | {"KEPT": "here"})
    manager.until_said("READY=1")
    children = [pid for pid in program.session() if pid != program.pid]
    assert len(children) >= 4
    for pid in children:
        assert "NOTIFY_SOCKET" not in (told := environment_of(pid))
        assert "WATCHDOG" not in told
        assert not told or "KEPT" in told


def test_signs_of_life_stop_while_no_worker_advances_and_come_back_with_them(
    start: Start, manager: Manager, gateway: GatewayProcess, at: tuple[str, ...], tmp_path: Path
) -> None:
    faults = tmp_path / "faults"
    environment = manager.environment | planted(faults, {})
    program = start(*at, *SMALL, config=CONFIG, environment=environment)
    manager.until_said("STATUS=4/4 online")
    workers = [pid for name, pid in program.children().items() if name.startswith("worker")]
    for name in ("worker-1", "worker-2"):
        (faults / name).write_text("die")  # who takes the place of a frozen one
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: {run_state(pid) for pid in workers} <= {"T", None, "Z"}, "both are frozen")
    manager.drain()
    # What they had reported and is still in the queue may be one more sign.
    assert manager.until_said("STATUS=", 20).count("WATCHDOG=1") <= 1
    for name in ("worker-1", "worker-2"):
        (faults / name).unlink()
    manager.until_said("WATCHDOG=1", 3)
    assert program.stop() == 0


def test_one_frozen_worker_costs_no_sign_of_life(
    start: Start, manager: Manager, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    """They go on from when it is frozen until another in its place reports: it is not waited for."""
    reports = "worker 1: starting -> running"
    program = start(*at, *SMALL, config=CONFIG, environment=manager.environment)
    manager.until_said("STATUS=4/4 online")
    program.wait_for_log(reports)
    manager.until_said("WATCHDOG=1", 2)
    began, frozen = manager.signs[-1], program.children()["worker 1"]
    os.kill(frozen, signal.SIGSTOP)
    manager.until(lambda _: program.log.count(reports) > 1, "another worker 1 reports")
    assert program.children()["worker 1"] != frozen
    signs = [*(sign for sign in manager.signs if sign >= began), time.monotonic()]
    assert signs[-1] - began > FROZEN_AFTER_S
    assert max(later - earlier for earlier, later in pairwise(signs)) < FROZEN_AFTER_S


@contextmanager
def stopped(program: Program, faults: Path) -> Iterator[None]:
    program.send(signal.SIGSTOP)
    wait_for(lambda: run_state(program.pid) == "T", "it is stopped")
    yield
    program.send(signal.SIGCONT)


@contextmanager
def stuck(program: Program, faults: Path) -> Iterator[None]:
    """Its other threads take and show what the workers report all the same."""
    (faults / STUCK_SUPERVISOR).touch()
    yield
    began = time.monotonic()
    wait_for(lambda: reported_at(program) > began, "the workers are heard")
    (faults / STUCK_SUPERVISOR).unlink()


def reported_at(program: Program) -> float:
    """When the last of the workers reported, as a viewer sees it."""
    return min(program.market().totals.reported_at.values())


@pytest.mark.parametrize("fault", [stopped, stuck])
def test_a_supervisor_whose_own_loop_stands_still_is_silent_though_workers_advance(
    start: Start,
    manager: Manager,
    gateway: GatewayProcess,
    at: tuple[str, ...],
    tmp_path: Path,
    fault: Callable[[Program, Path], AbstractContextManager[None]],
) -> None:
    faults = tmp_path / "faults"
    program = start(*at, *SMALL, config=CONFIG, environment=manager.environment | planted(faults, {}))
    manager.until_said("STATUS=4/4 online")
    program.wait_for_log("starting -> running", 2)
    manager.until_said("WATCHDOG=1")
    before = program.children()
    with fault(program, faults):
        wait_for(lambda: manager.is_silent_for(2 * WATCHDOG_S), "it falls silent")
    manager.until_said("WATCHDOG=1", 3)
    assert program.children() == before
    assert program.stop() == 0


# ---- ExecReload


def write_config(program: Program, text: str) -> None:
    program.log_file.with_name("config.toml").write_text(text)


def test_a_reload_takes_what_can_change_and_names_what_cannot(
    start: Start, manager: Manager, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = start(*at[:-1], "plain", *SMALL, config=CONFIG, environment=manager.environment)
    manager.until_said("STATUS=4/4 online")
    before = program.children()
    write_config(program, CONFIG + "fresh_s = 2\n[log]\nlevel = 'debug'\n[exchange]\nping_interval_s = 7\n")
    program.send(signal.SIGHUP)
    heard = manager.until_said("READY=1")
    begun = heard.index("RELOADING=1")
    assert heard[begun + 1].startswith("MONOTONIC_USEC=")
    assert "READY=1" in heard[begun:]
    wait_until_replaced(program, "display", before["display"])
    program.wait_for_log(
        "the settings were read anew: changed [display] fresh_s, [log] level;"
        " only a restart changes [exchange] ping_interval_s"
    )
    assert {name: program.children()[name] for name in before if name != "display"} == {
        name: pid for name, pid in before.items() if name != "display"
    }
    gateway.drop()  # a worker that runs on tells its steps now
    program.wait_for_log(" DEBUG   worker-1 ")
    program.wait_for_log(" DEBUG   worker-2 ")
    assert program.stop() == 0
    assert program.summary()["worker_restarts"] == 0


def test_a_bad_file_is_refused_with_one_line_and_a_good_one_is_taken_later(start: Start, manager: Manager) -> None:
    program = start("--simulate", "--display", "none", *SMALL, config=CONFIG, environment=manager.environment)
    manager.until_said("READY=1")
    before = program.children()
    write_config(program, "[display]\nstatus_interval_s = 'often'\n[log]\nlevel = 'debug'\n")  # one is right
    program.send(signal.SIGHUP)
    program.wait_for_log("the settings stay as they are: ")
    manager.until_said("RELOADING=1")
    manager.until_said("STATUS=", 3)  # as often as before
    assert "READY=1" in manager.lines[manager.lines.index("RELOADING=1") :]
    assert " DEBUG " not in program.log
    write_config(program, "[display]\nstatus_interval_s = 0.3\n")
    program.send(signal.SIGHUP)
    program.wait_for_log("the settings were read anew: changed [display] status_interval_s")
    assert program.children() == before
    write_config(program, "[log]\nlevel = 'error'\n")
    program.send(signal.SIGHUP)
    manager.until_said("RELOADING=1", 2)  # that of the good file is still to be heard
    manager.until_said("READY=1")
    assert program.stop() == 0
    assert "built-in exchange stopped" not in program.log  # its process was told the level too
    (line,) = [line for line in program.log.splitlines() if "stay as they are" in line]
    assert "status_interval_s: must be a number from 0.1 to 86400, not 'often'" in line
    assert " ERROR " in line


def test_without_a_service_manager_it_is_the_same_signal(start: Start) -> None:
    program = start("--simulate", "--display", "none", *SMALL, config=CONFIG)
    program.wait_for_log("is online", 4)
    program.send(signal.SIGHUP)
    program.wait_for_log("the settings were read anew: nothing has changed")
    assert program.stop() == 0
