"""Whatever is done to one of the program's processes, it is replaced in time and the others do not notice."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from tests.drills.conftest import StartDrill
from tests.drills.drill import FRESH_PROCESSES_MB, Record, meanwhile, seconds_until, wait_until_all_report
from tests.drills.planted import DEATHS, planted
from tests.drills.watching import (
    longest_lag_s,
    longest_silence_s,
    never_goes_back,
    now_ms,
    tickers_of_workers,
    watched,
)
from tests.fakes.gateway import GatewayProcess
from tests.process.program import Program, is_alive, wait_for
from tests.process.test_mending import parent_of

WORKERS = 6
CONNECTIONS, TICKERS = 12, 20
LARGE = ("--workers", str(WORKERS), "--selection", "unique", "--display", "plain")
LOSS_LIMIT_S, LAG_LIMIT_S = 3.0, 1.0
REPLACED_WITHIN_S = 10.0


def pulses(pid: int, stopped_s: float, running_s: float) -> AbstractContextManager[None]:
    """A process that gets to do something only now and then: stopped and continued in turn."""

    def pulse(is_over: Event) -> None:
        while not is_over.wait(running_s):
            os.kill(pid, signal.SIGSTOP)
            is_over.wait(stopped_s)
            os.kill(pid, signal.SIGCONT)

    return meanwhile(pulse)


def kill_one(program: Program, random: Random) -> str:
    """SIGKILL to a worker that is alive; its name."""
    children = program.children()
    name = random.choice([n for n, pid in children.items() if n.startswith("worker") and is_alive(pid)])
    os.kill(children[name], signal.SIGKILL)
    return name


def number_of(name: str) -> int:
    return int(name.split()[-1]) - 1


@pytest.mark.timeout(600)
def test_workers_killed_at_random_under_load_lose_3_s_each_and_the_others_do_not_notice(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, is_long: bool, grace_s: float
) -> None:
    """Every 2 s one of six, at 2,000 messages a second, with a hub that is stopped for 150 ms of each 250."""
    running = drill(*LARGE, connections=CONNECTIONS, tickers=TICKERS)
    running.begin(rate=2000)
    program, random = running.program, Random(1)
    kills: list[tuple[float, str]] = []
    with watched(running) as notes, pulses(program.pid, stopped_s=0.15, running_s=0.1):
        for _ in range(100 if is_long else 5):
            time.sleep(2)
            at_ms = now_ms()
            kills.append((at_ms, kill_one(program, random)))
        time.sleep(LOSS_LIMIT_S)
    running.wait_until_online()
    sent = gateway.ledger().frames_sent
    summary = running.end(restarts=len(kills), more_mb=FRESH_PROCESSES_MB)

    assert never_goes_back(notes)
    lags, losses = [], []
    for worker, tickers in enumerate(tickers_of_workers(gateway.tickers, CONNECTIONS, TICKERS, WORKERS, seed=1)):
        of_it = [(at, at + LOSS_LIMIT_S * 1000) for at, name in kills if number_of(name) == worker]
        lags.append(longest_lag_s(notes, tickers, of_it))
        losses.append(max(longest_lag_s(notes, tickers), longest_silence_s(notes, tickers)))
    record_property("lag_s, loss_s", (max(lags), max(losses)))
    record_property("latency p99, ms", summary["latency_ms"]["p99"])
    record_property("messages lost, sent", (sent - summary["messages"], sent))
    assert max(lags) < LAG_LIMIT_S + grace_s
    assert max(losses) < LOSS_LIMIT_S + grace_s


@pytest.mark.parametrize("name", ["worker 2", "display"])
def test_a_frozen_process_is_replaced_within_10_s(drill: StartDrill, record_property: Record, name: str) -> None:
    running = drill("--display", "plain")
    running.begin()
    program = running.program
    program.wait_for_log(f"{name}: starting -> running")
    frozen = program.children()[name]
    os.kill(frozen, signal.SIGSTOP)
    took_s = seconds_until(lambda: program.children()[name] != frozen, f"{name} is replaced", 20)
    record_property("replaced_s", took_s)
    assert took_s < REPLACED_WITHIN_S
    if name != "display":
        running.wait_until_back(connects=6)
    running.end(restarts=int(name != "display"), more_mb=FRESH_PROCESSES_MB)


def test_a_frozen_simulator_is_replaced_within_10_s(tmp_path: Path, record_property: Record) -> None:
    with Program(tmp_path, "--simulate", "--display", "none", "--connections", "2", "--workers", "1") as program:
        program.wait_for_log("is online", 2)
        program.wait_for_log("simulator: starting -> running")
        frozen = program.children()["simulator"]
        os.kill(frozen, signal.SIGSTOP)
        took_s = seconds_until(lambda: program.children()["simulator"] != frozen, "the simulator is replaced", 20)
        record_property("replaced_s", took_s)
        assert took_s < REPLACED_WITHIN_S
        program.wait_for_log("is online", 4)
        assert program.stop() == 0


def test_a_stopped_supervisor_takes_none_for_dead_but_those_that_died(drill: StartDrill) -> None:
    running = drill("--workers", "4")
    running.begin()
    program = running.program
    before = program.children()
    os.kill(program.pid, signal.SIGSTOP)
    time.sleep(1)
    for name in ("worker 1", "worker 3"):
        os.kill(before[name], signal.SIGKILL)
    time.sleep(2)
    os.kill(program.pid, signal.SIGCONT)
    running.wait_until_back(connects=6)
    after = program.children()
    assert {name for name, pid in before.items() if after[name] != pid} == {"worker 1", "worker 3"}
    running.end(restarts=2, more_mb=FRESH_PROCESSES_MB)


@pytest.mark.timeout(600)
def test_a_worker_that_dies_at_every_start_is_retried_ever_later_while_the_rest_goes_on(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, tmp_path: Path, is_long: bool, grace_s: float
) -> None:
    folder = tmp_path / "faults"
    running = drill("--selection", "unique", environment=planted(folder, {}))
    running.begin()
    program = running.program
    with watched(running) as notes:
        (folder / "worker-1").write_text("die")
        os.kill(program.children()["worker 1"], signal.SIGKILL)
        time.sleep(300 if is_long else 4)
        (folder / "worker-1").unlink()
    running.wait_until_back(connects=6)
    deaths = 1 + (folder / DEATHS).stat().st_size
    assert deaths >= 4
    assert deaths < (100 if is_long else 30)  # without a growing delay it were ten a second
    running.end(restarts=deaths, more_mb=FRESH_PROCESSES_MB)
    _, others = tickers_of_workers(gateway.tickers, 4, 10, workers=2, seed=1)
    lag_s = longest_lag_s(notes, others)
    record_property("deaths", deaths)
    record_property("lag of the others, s", lag_s)
    assert lag_s < LAG_LIMIT_S + grace_s


@pytest.mark.timeout(600)
def test_when_all_workers_die_at_every_start_for_5_minutes_the_program_ends_with_70(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, tmp_path: Path, is_long: bool
) -> None:
    """In the short form it gives up after 2 s."""
    faults = {"worker-1": "die", "worker-2": "die"}
    patience_s = 300 if is_long else 2
    if not is_long:
        faults["collector.child.BOOT_PATIENCE_S"] = str(patience_s)
    program = drill(environment=planted(tmp_path / "faults", faults)).program
    took_s = seconds_until(lambda: not program.session(), "it gives up", patience_s + 60)
    assert program.wait() == 70
    record_property("gave_up_s", took_s)
    assert took_s > patience_s
    assert "no worker can be started: ended with exit code 9" in program.output
    assert "Traceback" not in program.output + program.log
    assert program.summary()["connections"] == {"online": 0, "total": 4}


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder with a path that is short enough for sockets in it."""
    with TemporaryDirectory() as made:
        yield Path(made)


def test_nothing_is_left_2_s_after_the_supervisor_was_killed_and_nothing_is_said(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, temporary: Path
) -> None:
    """Among the temporary files neither."""
    program = drill("--display", "plain", summary=False, environment={"TMPDIR": str(temporary)}).program
    gateway.wait_until(lambda ledger: ledger.online == 4, within_s=40)
    gateway.start(rate=500)
    wait_until_all_report(program)
    assert len(program.session()) == 6
    assert len(list(temporary.iterdir())) == 1
    os.kill(program.pid, signal.SIGKILL)
    took_s = seconds_until(lambda: not [*program.session(), *temporary.iterdir()], "nothing is left", 2)
    record_property("nothing_left_s", took_s)
    assert program.wait() == -signal.SIGKILL
    assert all(" online | " in line for line in program.output.splitlines())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("which", ["resource_tracker", "forkserver"])
def test_the_servers_of_multiprocessing_may_be_killed_or_stopped(
    drill: StartDrill, record_property: Record, which: str, number: signal.Signals
) -> None:
    """A fork server takes its children with it."""
    running = drill("--workers", "1")
    running.begin()
    program = running.program
    server = server_of(program, which)
    os.kill(server, number)
    took_s = seconds_until(lambda: server_of(program, which) not in (0, server), f"another {which}", 20)
    record_property("replaced_s", took_s)
    assert took_s < REPLACED_WITHIN_S
    restarts = int(which == "forkserver")
    running.wait_until_back(connects=4 + 4 * restarts)
    running.end(restarts=restarts, more_mb=FRESH_PROCESSES_MB)
    assert "resource_tracker" not in program.output
    assert "KeyError" not in program.output


def test_its_temporary_files_may_be_removed(drill: StartDrill, record_property: Record, temporary: Path) -> None:
    """As whoever cleans up a machine does: no process could be started any more."""
    running = drill("--workers", "1", environment={"TMPDIR": str(temporary)})
    running.begin()
    program = running.program
    server = server_of(program, "forkserver")
    for folder in temporary.iterdir():
        rmtree(folder)
    took_s = seconds_until(lambda: server_of(program, "forkserver") not in (0, server), "another fork server", 20)
    record_property("replaced_s", took_s)
    assert took_s < REPLACED_WITHIN_S
    running.wait_until_back(connects=8)
    running.end(restarts=1, more_mb=FRESH_PROCESSES_MB)
    assert "Traceback" not in program.log + program.output


@pytest.mark.timeout(3600)
def test_memory_descriptors_and_threads_are_as_before_after_drops_and_kills(
    drill: StartDrill, gateway: GatewayProcess, is_long: bool
) -> None:
    running = drill("--display", "plain")
    running.begin(is_warm=True)
    program = running.program
    drops, kills = (100, 100) if is_long else (1, 3)
    for _ in range(drops):
        running.drop_all()
    time.sleep(1)  # what was counted is reported twice a second: else a killed worker would take it with it
    for round_ in range(kills):
        connects = gateway.ledger().connects
        os.kill(program.children()[f"worker {1 + round_ % 2}"], signal.SIGKILL)
        os.kill(display := program.children()["display"], signal.SIGKILL)
        running.wait_until_back(connects=connects + 2)
        wait_for(lambda before=display: program.children()["display"] != before, "another display")  # type: ignore[misc]
    running.end(reconnects=4 * drops, restarts=kills)
    assert gateway.ledger().connects == 4 + 4 * drops + 2 * kills


def server_of(program: Program, module: str) -> int:
    """The process of one of multiprocessing's servers, which its children look like; 0 when there is none."""
    for pid in program.session():
        with suppress(OSError):  # it went just now
            command = Path(f"/proc/{pid}/cmdline").read_text()
            if f"multiprocessing.{module}" in command and parent_of(pid) == program.pid:
                return pid
    return 0
