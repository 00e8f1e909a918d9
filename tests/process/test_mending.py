"""Whatever part dies or freezes is replaced, and the others do not notice."""

import os
import signal
from pathlib import Path

import pytest

from tests.drills.planted import planted
from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL, Start
from tests.process.program import LIMIT_S, Program, is_alive, wait_for

HASTY = {"collector.child.RESTART_CAP_S": "0.1", "collector.telling.RESTARTS_TOLD": "1"}
"""It is tried again at once, and soon not told any more."""


def wait_until_replaced(program: Program, name: str, pid: int) -> int:
    """The process that took over from `pid`."""
    return wait_for(lambda: new if (new := program.children()[name]) != pid else 0, f"{name} replaced")


def test_a_killed_worker_is_replaced_and_the_others_are_untouched(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = start(*at, *SMALL)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    program.wait_for_log("is online", 4)
    before = program.children()
    os.kill(before["worker 1"], signal.SIGKILL)
    wait_until_replaced(program, "worker 1", before["worker 1"])
    ledger = gateway.wait_until(lambda ledger: ledger.connects == 6 and ledger.subscriptions == 80)
    assert ledger.disconnects == 2
    assert program.children()["worker 2"] == before["worker 2"]
    program.wait_for_log("is online", 6)
    assert program.stop() == 0
    summary = program.summary()
    assert summary["worker_restarts"] == 1
    assert summary["connections"]["online"] == 4
    assert any("SIGKILL" in event["text"] for event in summary["events"])


def test_a_frozen_worker_is_replaced(start: Start, gateway: GatewayProcess, at: tuple[str, ...]) -> None:
    program = start(*at, *SMALL)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    program.wait_for_log("worker 2: starting -> running")
    frozen = program.children()["worker 2"]
    os.kill(frozen, signal.SIGSTOP)
    wait_until_replaced(program, "worker 2", frozen)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80 and ledger.connects == 6)
    assert program.stop() == 0
    assert any("frozen" in event["text"] for event in program.summary()["events"])


def test_a_worker_that_fails_at_every_start_is_told_in_full_at_first_and_counted_afterwards(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], tmp_path: Path
) -> None:
    faults = tmp_path / "faults"
    program = start(*at, *SMALL, environment=planted(faults, HASTY | {"worker-1": "fail"}))
    gateway.wait_until(lambda ledger: ledger.subscriptions == 40)
    wait_for(lambda: program.market().totals.worker_restarts >= 4, "restarts are counted")
    (faults / "worker-1").unlink()
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    assert program.stop() == 0
    summary = program.summary()
    restarts = summary["worker_restarts"]
    reason = "ended with exit code 70"
    said = [event["text"] for event in summary["events"] if event["source"] == "worker 1"]
    assert said == [reason, f"{reason}; restarted, told again in 10 min"]
    assert program.log.count("ZeroDivisionError: ") == 2
    assert program.log.count("worker 1: dead -> starting") == 2
    program.wait_for_log(f"worker 1: stopping -> dead: ended with exit code 0; {restarts - 2} more deaths since")


def test_each_process_bears_its_name_where_a_person_looks_for_it(start: Start) -> None:
    program = start("--simulate", "--display", "plain", *SMALL)
    names = {"worker 1", "worker 2", "display", "simulator"}
    wait_for(lambda: program.children().keys() == names, "every child")
    assert Path(f"/proc/{program.pid}/comm").read_text() == "moex-monitor\n"
    assert program.stop() == 0


def test_counts_never_go_back_when_a_worker_is_killed(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = start(*at, *SMALL)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    program.wait_for_log("is online", 4)
    gateway.start(400)
    received = gateway.wait_until(lambda ledger: ledger.frames_sent > 800).frames_sent
    gateway.quiet()
    wait_for(lambda: program.log.count("running") >= 2, "both workers report")
    os.kill(program.children()["worker 1"], signal.SIGKILL)
    program.wait_for_log("is online", 6)
    sent = gateway.quiet()
    assert program.stop() == 0
    # What the killed worker had received and not yet passed on, half a second at most, may be lost.
    assert received // 2 < program.summary()["messages"] <= sent.frames_sent


def test_a_dead_simulator_is_replaced_on_the_same_port(start: Start) -> None:
    program = start("--simulate", "--display", "none", *SMALL)
    program.wait_for_log("is online", 4)
    os.kill(program.children()["simulator"], signal.SIGKILL)
    program.wait_for_log("is online", 8)
    assert program.stop() == 0
    summary = program.summary()
    assert summary["simulated"] is True
    assert summary["reconnects"] == 4


def test_a_dead_display_is_replaced_and_the_collectors_go_on(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = start(*at[:-1], "plain", *SMALL)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    display = wait_for(lambda: program.children().get("display", 0), "a display")
    os.kill(display, signal.SIGKILL)
    wait_until_replaced(program, "display", display)
    wait_for(lambda: program.output.count("4/4 online") >= 1, "a status line")
    assert program.stop() == 0
    assert gateway.ledger().connects == 4


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_loss_of_the_fork_server_is_survived(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], number: signal.Signals
) -> None:
    program = start(*at, *SMALL)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    program.wait_for_log("is online", 4)
    before = set(program.children().values())
    os.kill(parent_of(program.children()["worker 1"]), number)
    wait_for(lambda: not any(is_alive(pid) for pid in before), "the orphans are ended")
    gateway.wait_until(lambda ledger: ledger.online == 4 and ledger.subscriptions == 80, within_s=LIMIT_S)
    program.wait_for_log("is online", 8)
    assert program.stop() == 0
    assert program.summary()["connections"]["online"] == 4


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
