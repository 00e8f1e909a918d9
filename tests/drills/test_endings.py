"""However the program is ended, it ends in time, in order, and leaves nothing behind."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.display.pseudo_terminal import PseudoTerminal, pseudo_terminal
from tests.drills.conftest import StartDrill
from tests.drills.drill import CONFIG, FRESH_PROCESSES_MB, Drill, Record, wait_until_all_report
from tests.drills.planted import DEAF_HUB, planted
from tests.drills.test_processes import server_of
from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL
from tests.process.program import Program, wait_for

STOP_LIMIT_S, SECOND_STOP_LIMIT_S = 5.0, 1.0

WITHOUT_LOG_FILE = """
import os, sys
command = sys.argv[1:]
option = command.index("--log-file")
del command[option : option + 2]
os.dup2(1, 2)
os.execv(command[0], command)
"""
"""It then logs to its standard error output, which is led to where its standard output goes."""


def has_begun(pid: int) -> bool:
    """Whether the interpreter has come to the program's first line: Ctrl+C is kept for it from then on."""
    blocked = Path(f"/proc/{pid}/status").read_text().partition("SigBlk:")[2].split()[0]
    return bool(int(blocked, 16) >> (signal.SIGINT - 1) & 1)


def seconds_to_end(program: Program) -> float:
    began = time.monotonic()
    assert program.wait() == 0
    took_s = time.monotonic() - began
    assert "Traceback" not in program.output + program.log
    assert program.summary()["connections"]["total"] == 4
    return took_s


@pytest.mark.timeout(600)
def test_ctrl_c_at_any_moment_after_the_start_ends_it_in_order(
    tmp_path: Path, record_property: Record, gateway: GatewayProcess, is_long: bool
) -> None:
    """Counted from when the interpreter, which takes 10 ms to be there, begins with the program."""
    slowest_s = 0.0
    for delay_ms in range(0, 2001, 20 if is_long else 400):
        folder = tmp_path / str(delay_ms)
        folder.mkdir()
        with pseudo_terminal() as terminal, on_terminal(folder, terminal, gateway) as program:
            wait_for(lambda pid=program.pid: has_begun(pid), "the program's first line")  # type: ignore[misc]
            due = time.monotonic() + delay_ms / 1000
            terminal.until(lambda at=due: time.monotonic() >= at, "the moment")  # type: ignore[misc]
            os.killpg(program.pid, signal.SIGINT)
            began = time.monotonic()
            terminal.until(lambda one=program: not one.session(), "its end")  # type: ignore[misc]
            slowest_s = max(slowest_s, time.monotonic() - began)
            seconds_to_end(program)
            terminal.until(lambda one=terminal: b"Final statistics" in one.written, "its last word")  # type: ignore[misc]
            assert terminal.is_whole
            assert program.output == ""
    record_property("slowest_s", slowest_s)
    assert slowest_s < STOP_LIMIT_S


def on_terminal(folder: Path, terminal: PseudoTerminal, gateway: GatewayProcess) -> Program:
    """The program with a table drawn on `terminal`; what it says otherwise is its `output`."""
    output = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    try:
        at = ("--url", gateway.url, "--iss-url", gateway.iss_url)
        return Program(folder, *at, *SMALL, stdout=output, environment={"TERM": "xterm-256color"})
    finally:
        os.close(output)


STOPPED = ("nothing", "all children", "fork server", "resource tracker")


def stop(what: str, program: Program) -> None:
    """SIGSTOP to some of its processes."""
    wait_until_all_report(program)
    stopped = {
        "nothing": [],
        "all children": list(program.children().values()),
        "fork server": [server_of(program, "forkserver")],
        "resource tracker": [server_of(program, "resource_tracker")],
    }
    for pid in stopped[what]:
        os.kill(pid, signal.SIGSTOP)


@pytest.mark.parametrize("what", STOPPED)
def test_a_second_ctrl_c_ends_it_within_1_s_whatever_is_stopped(
    drill: StartDrill, record_property: Record, tmp_path: Path, what: str, grace_s: float
) -> None:
    """Although a worker hears no SIGTERM, and would be given its time."""
    running = drill(environment=planted(tmp_path / "faults", {"worker-1": "deaf"}))
    running.wait_until_online()
    stop(what, running.program)
    os.killpg(running.program.pid, signal.SIGINT)
    time.sleep(0.2)
    os.killpg(running.program.pid, signal.SIGINT)
    took_s = seconds_to_end(running.program)
    record_property("ended_s", took_s)
    assert took_s < SECOND_STOP_LIMIT_S + grace_s


@pytest.mark.timeout(600)
def test_a_second_ctrl_c_while_its_children_start_ends_it_within_1_s(
    drill: StartDrill, record_property: Record, is_long: bool, grace_s: float
) -> None:
    slowest_s = 0.0
    for delay_ms in range(0, 501, 10) if is_long else (0, 20, 250):
        program = drill("--display", "plain").program
        program.wait_for_log("display: dead -> starting")
        time.sleep(delay_ms / 1000)
        os.killpg(program.pid, signal.SIGINT)
        time.sleep(0.01)
        os.killpg(program.pid, signal.SIGINT)
        slowest_s = max(slowest_s, seconds_to_end(program))
        program.log_file.unlink()
    record_property("slowest_s", slowest_s)
    assert slowest_s < SECOND_STOP_LIMIT_S + grace_s


def test_sigterm_ends_it_within_5_s_while_one_worker_is_stopped_and_another_is_deaf(
    drill: StartDrill, record_property: Record, tmp_path: Path
) -> None:
    running = drill("--workers", "4", environment=planted(tmp_path / "faults", {"worker-2": "deaf"}))
    running.wait_until_online()
    program = running.program
    wait_until_all_report(program)
    os.kill(program.children()["worker 1"], signal.SIGSTOP)
    program.send(signal.SIGTERM)
    took_s = seconds_to_end(program)
    record_property("ended_s", took_s)
    assert took_s < STOP_LIMIT_S


@pytest.mark.parametrize("what", STOPPED[1:])
def test_it_ends_within_5_s_whatever_is_stopped(drill: StartDrill, record_property: Record, what: str) -> None:
    running = drill("--display", "plain")
    running.wait_until_online()
    stop(what, running.program)
    running.program.send(signal.SIGTERM)
    took_s = seconds_to_end(running.program)
    record_property("ended_s", took_s)
    assert took_s < STOP_LIMIT_S


def test_it_ends_within_5_s_although_nobody_reads_what_its_workers_send(
    drill: StartDrill, record_property: Record, gateway: GatewayProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "faults"
    running = drill("--selection", "unique", config=EAGER, environment=planted(folder, {}))
    running.begin(rate=2000)
    clog(running, folder)
    running.program.send(signal.SIGTERM)
    took_s = seconds_to_end(running.program)
    record_property("ended_s", took_s)
    assert took_s < STOP_LIMIT_S


def test_it_ends_within_5_s_though_nobody_reads_the_queues_of_many_workers(
    drill: StartDrill, record_property: Record, tmp_path: Path
) -> None:
    """Each is waited for, but not one after the other."""
    folder, workers = tmp_path / "faults", 16
    running = drill("--workers", str(workers), connections=workers, environment=planted(folder, {}))
    program = running.program
    program.wait_for_log("is online", workers)
    (folder / DEAF_HUB).touch()
    program.send(signal.SIGTERM)
    began = time.monotonic()
    assert program.wait() == 0
    took_s = time.monotonic() - began
    record_property("ended_s", took_s)
    assert took_s < STOP_LIMIT_S
    assert program.summary()["connections"] == {"online": workers, "total": workers}


def test_what_workers_could_not_send_for_a_while_is_conflated_and_not_lost(
    drill: StartDrill, gateway: GatewayProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "faults"
    running = drill("--selection", "unique", config=EAGER, environment=planted(folder, {}))
    running.begin(rate=2000)
    clog(running, folder)
    (folder / DEAF_HUB).unlink()
    summary = running.end(more_mb=FRESH_PROCESSES_MB)
    assert summary["messages"] == gateway.ledger().frames_sent


def clog(running: Drill, folder: Path) -> None:
    """The hub takes nothing any more, until every queue is full: 256 batches of 5 ms."""
    (folder / DEAF_HUB).touch()
    sent = running.gateway.ledger().frames_sent
    running.gateway.wait_until(lambda ledger: ledger.frames_sent > sent + 6_000)


EAGER = CONFIG.replace("[collector]", "[collector]\nflush_interval_ms = 5")


def test_without_input_and_with_nobody_who_reads_its_output_it_goes_on_and_ends_in_order(
    drill: StartDrill,
) -> None:
    reader, writer = os.pipe()
    running = drill("--display", "plain", stdout=writer, through=("sh", "-c", 'exec "$@" <&- 2>&1', "sh"))
    os.close(writer)
    running.begin()
    assert os.read(reader, 100)
    os.close(reader)
    time.sleep(1)  # two status lines nobody hears
    running.end()
    assert running.program.output == ""
    assert running.program.log.count("display: dead -> starting") == 1


def test_a_log_that_nobody_reads_holds_up_neither_the_quotes_nor_the_end(drill: StartDrill) -> None:
    reader, writer = os.pipe()
    fill(writer)
    running = drill(stdout=writer, through=(sys.executable, "-c", WITHOUT_LOG_FILE))
    os.close(writer)
    running.begin(is_warm=True)
    running.drop_all()
    running.end(reconnects=4)
    assert running.program.log == ""
    assert os.read(reader, 1) == b"x"
    os.close(reader)


def fill(pipe: int) -> None:
    """Until there is no room left in it."""
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe, b"x" * 4096)
    os.set_blocking(pipe, True)
