"""However the program ends: in order, quickly, with its statistics, and with nothing left behind."""

import os
import signal
from pathlib import Path

import pytest

from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL, Start
from tests.process.program import wait_for


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_ends_it_in_order(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], number: signal.Signals
) -> None:
    program = start(*at, *SMALL)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    os.killpg(program.pid, number)
    assert program.wait() == 0
    assert "Final statistics" in program.output
    assert "Traceback" not in program.output + program.log
    assert gateway.ledger().disconnect_frames == 4
    assert program.summary()["connections"]["total"] == 4


def test_the_duration_ends_it(start: Start) -> None:
    program = start("--simulate", "--display", "none", "--duration", "1.5", *SMALL)
    assert program.wait() == 0
    assert program.summary()["runtime_s"] >= 1.5


@pytest.mark.parametrize("delay_log", ["", "-> starting", "starting -> running"])
def test_ctrl_c_during_the_start_leaves_no_traceback(start: Start, delay_log: str) -> None:
    program = start("--simulate", *SMALL)
    if delay_log:
        program.wait_for_log(delay_log)
    else:
        wait_for(lambda: len(program.session()) > 1, "the first child")
    os.killpg(program.pid, signal.SIGINT)
    assert program.wait() == 0
    assert "Traceback" not in program.output + program.log


def test_a_worker_that_is_stopped_does_not_hold_up_the_end(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = start(*at, *SMALL)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    os.kill(program.children()["worker 1"], signal.SIGSTOP)
    assert program.stop() == 0
    assert program.summary()["connections"]["total"] == 4


def test_nothing_outlives_a_killed_supervisor(start: Start, gateway: GatewayProcess, at: tuple[str, ...]) -> None:
    program = start(*at[:-1], "plain", *SMALL)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    assert len(program.session()) > 3
    os.kill(program.pid, signal.SIGKILL)
    assert program.wait() == -signal.SIGKILL
    gateway.wait_until(lambda ledger: ledger.online == 0)


def test_the_summary_is_written_when_nobody_reads_the_output(start: Start) -> None:
    reader, writer = os.pipe()
    program = start("--simulate", "--display", "none", *SMALL, stdout=writer)
    os.close(writer)
    os.close(reader)
    program.wait_for_log("is online", 4)
    assert program.stop() == 0
    assert program.summary()["connections"]["online"] == 4


def test_a_summary_that_cannot_be_written_is_one_line_and_exit_code_70(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    program = start("--simulate", "--display", "none", *SMALL, "--summary", str(folder / "summary.json"), summary=False)
    program.wait_for_log("is online", 4)
    folder.rmdir()
    assert program.stop() == 70
    assert "the summary cannot be written" in program.output
    assert "Traceback" not in program.output
    assert "Final statistics" in program.output
