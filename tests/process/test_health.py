"""What `run.py health` says of a program that runs, but does not do all that it is there for."""

import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

from tests.display.attached import NOTHING_MORE, viewed
from tests.drills.planted import planted
from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL, Start
from tests.process.program import wait_for

NO_REPORT = "unhealthy: no report from worker 2 for "


def health(folder: Path, *arguments: str, more: Mapping[str, str] = NOTHING_MORE) -> tuple[int, str]:
    """The exit code, and the one line, which agrees with it."""
    done = viewed(folder, "health", *arguments, more=more)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    assert done.stdout.startswith({0: "healthy: ", 1: "unhealthy: "}[done.returncode])
    return done.returncode, done.stdout


def test_a_worker_that_reports_no_more_is_unhealthy_until_another_does(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], tmp_path: Path
) -> None:
    """It freezes, and who takes its place hangs at its start. A limit of 1 s in place of 15."""
    faults = tmp_path / "faults"
    more = planted(faults, {"shared.health.REPORT_LIMIT_S": "1"})
    program = start(*at, *SMALL, environment=more)
    program.wait_for_log("starting -> running", 2)
    wait_for(lambda: health(tmp_path, more=more)[0] == 0, "it is healthy")
    (faults / "worker-2").write_text("hang")
    frozen = program.children()["worker 2"]
    os.kill(frozen, signal.SIGSTOP)
    wait_for(lambda: NO_REPORT in health(tmp_path, more=more)[1], "the reason")
    hanging = wait_for(lambda: pid if (pid := program.children()["worker 2"]) != frozen else 0, "it is replaced")
    wait_for(lambda: NO_REPORT in health(tmp_path, more=more)[1], "the same reason")
    (faults / "worker-2").unlink()
    os.kill(hanging, signal.SIGKILL)
    wait_for(lambda: health(tmp_path, more=more)[0] == 0, "it is healthy again")
    assert program.stop() == 0


def test_a_feed_that_falls_silent_under_load_is_unhealthy_but_for_the_time_that_the_exchange_is_closed(
    start: Start, tmp_path: Path, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    limit = ("--max-age", "2")
    program = start(*at, *SMALL)
    program.wait_for_log("is online", 4)
    gateway.start(500)
    wait_for(lambda: health(tmp_path, *limit)[0] == 0, "it is healthy")
    gateway.quiet()
    reason = "s while the exchange trades, the limit is 2 s"
    wait_for(lambda: reason in health(tmp_path, *limit)[1], "the reason")
    gateway.enter("N")
    wait_for(lambda: age_of_healthy(health(tmp_path, *limit)) > 2, "it is healthy though its data are old")
    gateway.enter("T")
    wait_for(lambda: reason in health(tmp_path, *limit)[1], "the reason again")
    gateway.start(500)
    wait_for(lambda: health(tmp_path, *limit)[0] == 0, "it is healthy again")
    assert program.stop() == 0


def age_of_healthy(told: tuple[int, str]) -> float:
    """How old the newest data of a healthy program are whose exchange is closed, in seconds; 0 of any other."""
    found = re.match(r"healthy: .*, session closed, newest data ([\d.]+) s old", told[1])
    return float(found[1]) if found else 0.0
