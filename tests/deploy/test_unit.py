"""The unit of systemd: right by systemd's own tools, and what it forbids is nothing that the program needs."""

import configparser
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from collector.child import BOOT_LIMIT_S, RESTART_CAP_S, STARVED_AFTER_S
from collector.service import READY_AFTER_S
from collector.supervisor import DRAINS_STOP_LIMIT_S, OTHERS_STOP_LIMIT_S, TICK_S, WORKERS_STOP_LIMIT_S
from collector.viewers import END_LIMIT_S
from run import SAY_LIMIT_S
from shared.logs import FLUSH_LIMIT_S
from tests.collector.authority import Authority
from tests.collector.scraping import scrape
from tests.display.attached import viewed
from tests.drills.test_endings import STOP_LIMIT_S
from tests.fakes.endpoint import GATEWAY_PATH
from tests.fakes.forwarder import Forwarder
from tests.fakes.gateway import GatewayProcess
from tests.fakes.pages import REST_ROOT
from tests.process.conftest import SMALL, Start
from tests.process.program import CHECKOUT, wait_for
from tests.process.test_service_manager import Manager
from tests.process.test_trouble import unused_port

UNIT = CHECKOUT / "deploy/moex-monitor.service"
EXPOSURE_LIMIT = 2.0
NEEDS_SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
FORBID_WRITABLE_CODE = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
    sys.exit("this kernel has no such switch")
os.execv(sys.argv[1], sys.argv[1:])
"""


def analyzed(*arguments: str) -> str:
    """What systemd-analyze says, which has to find nothing wrong."""
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def settings_of(section: str) -> dict[str, list[str]]:
    """Each key with all its values."""
    part = UNIT.read_text().partition(f"[{section}]\n")[2].partition("\n[")[0]
    settings: dict[str, list[str]] = {}
    for line in part.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            settings.setdefault(key, []).append(value)
    return settings


@NEEDS_SYSTEMD
def test_systemd_finds_nothing_to_say_of_it(tmp_path: Path) -> None:
    """Of a copy whose program is there: this machine has none installed."""
    program = tmp_path / "opt/.venv/bin/python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/moex-monitor", str(tmp_path / "opt")))
    assert analyzed("verify", str(copy)) == ""


@NEEDS_SYSTEMD
def test_systemd_finds_it_well_locked_up() -> None:
    said = analyzed("security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE_LIMIT * 10:g}", str(UNIT))
    found = re.search(r"Overall exposure level for moex-monitor.service: ([\d.]+)", said)
    assert found is not None
    assert float(found.group(1)) <= EXPOSURE_LIMIT


def allowed_by(name: str) -> set[str]:
    """The system calls of a filter, with those of the filters that it names."""
    lines = [line.strip() for line in analyzed("syscall-filter", name).splitlines()[1:]]
    calls = {line for line in lines if line and not line.startswith(("#", "@"))}
    return calls.union(*(allowed_by(line) for line in lines if line.startswith("@")))


def can_trace() -> bool:
    return shutil.which("strace") is not None and not subprocess.call(["strace", "-o", "/dev/null", "true"])


Use = Callable[[tuple[str, ...]], dict[str, Any]]


def simulated(start: Start, gateway: GatewayProcess, folder: Path) -> Use:
    def use(through: tuple[str, ...]) -> dict[str, Any]:
        program = start("--simulate", "--display", "none", *SMALL, through=through)
        program.wait_for_log("is online", 4)
        wait_for(lambda: program.market().with_prices, "prices")
        assert program.stop() == 0
        return program.summary()

    return use


def in_the_field(start: Start, gateway: GatewayProcess, folder: Path) -> Use:
    """Over TLS, told and watched by a service manager, with a worker that is replaced, settings that are read anew, a
    scrape and a viewer."""

    def use(through: tuple[str, ...]) -> dict[str, Any]:
        authority, port = Authority(folder), unused_port()
        certified = Forwarder(gateway.port, tls=authority.issue("localhost", "-days", "1"))
        with certified, closing(Manager(folder)) as manager:
            at = f"localhost:{certified.port}"
            program = start(
                *("--url", f"wss://{at}{GATEWAY_PATH}", "--iss-url", f"https://{at}{REST_ROOT}"),
                *("--display", "none", *SMALL),
                config=f"[metrics]\nport = {port}\n",
                environment=manager.environment | {"SSL_CERT_FILE": str(authority.certificate)},
                through=through,
            )
            program.wait_for_log("is online", 4)
            manager.until_said("READY=1")
            manager.until_said("WATCHDOG=1")
            gateway.start(500)
            os.kill(program.children()["worker 1"], signal.SIGKILL)
            program.wait_for_log("is online", 6)
            wait_for(lambda: program.market().with_prices, "prices")
            program.send(signal.SIGHUP)
            program.wait_for_log("the settings were read anew")
            assert scrape(f"http://127.0.0.1:{port}/metrics")["moex_worker_restarts_total"] == 1
            assert viewed(folder, "attach", "--once").returncode == 0
            assert program.stop() == 0
        assert {event["source"] for event in program.summary()["events"]} > {"worker 1", "settings"}
        return program.summary()

    return use


@pytest.fixture(params=[simulated, in_the_field])
def use(request: pytest.FixtureRequest, start: Start, gateway: GatewayProcess, tmp_path: Path) -> Use:
    """Runs the program through a command, to its orderly end; returns the summary."""
    made: Use = request.param(start, gateway, tmp_path)
    return made


@NEEDS_SYSTEMD
@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace")
def test_it_makes_no_system_call_that_the_unit_forbids(use: Use, tmp_path: Path) -> None:
    counts = tmp_path / "calls"
    summary = use(("strace", "-D", "-f", "-c", "-o", str(counts)))
    rows = [line.split() for line in counts.read_text().splitlines() if re.match(r"\s*\d+\.\d+\s", line)]
    made = {row[-1] for row in rows} - {"total"}
    allow, deny = settings_of("Service")["SystemCallFilter"]
    allowed = set().union(*map(allowed_by, allow.split()))
    denied = set().union(*map(allowed_by, deny.removeprefix("~").split()))
    assert summary["connections"]["online"] == 4
    assert "clone3" in made or "clone" in made
    assert made - (allowed - denied) == set()


def test_it_needs_no_memory_that_is_both_written_and_run(use: Use) -> None:
    """As MemoryDenyWriteExecute= forbids, which the kernel can be asked for without systemd."""
    done = subprocess.run([sys.executable, "-c", FORBID_WRITABLE_CODE, "/bin/true"], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(done.stderr.strip())
    summary = use((sys.executable, "-c", FORBID_WRITABLE_CODE))
    assert summary["connections"]["online"] == 4


def test_what_it_promises_is_in_it() -> None:
    """What a person relies on, beyond the score."""
    service = settings_of("Service")
    assert service["Type"] == ["notify"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    for key in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "MemoryDenyWriteExecute"):
        assert service[key] == ["yes"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["LimitCORE"] == ["0"]
    assert service["RestartPreventExitStatus"] == ["2 73"]


def seconds_of(key: str) -> float:
    (value,) = settings_of("Service")[key]
    return float(value)


def test_a_start_that_counts_only_after_its_minute_is_waited_for() -> None:
    assert seconds_of("TimeoutStartSec") > READY_AFTER_S


def test_the_watchdog_is_patient_enough_for_a_worker_that_is_replaced() -> None:
    """Of an only worker, when all takes longest: its silence is noticed, it is kept away, and the new one begins; the
    supervisor is a round late for each. A sign of life is due half the limit after the last at the earliest, so that
    only a silence as long as the whole limit leaves one out."""
    silence_s = STARVED_AFTER_S + RESTART_CAP_S + BOOT_LIMIT_S + 3 * TICK_S
    assert silence_s < seconds_of("WatchdogSec")


def test_whoever_stops_it_waits_longer_than_its_end_may_take() -> None:
    """The limits of its stages: workers, what they sent, other children, viewers, last words, log."""
    children_s = WORKERS_STOP_LIMIT_S + DRAINS_STOP_LIMIT_S + OTHERS_STOP_LIMIT_S
    assert children_s + END_LIMIT_S + SAY_LIMIT_S + FLUSH_LIMIT_S <= STOP_LIMIT_S < seconds_of("TimeoutStopSec")


def test_it_holds_no_secret_and_no_credentials_in_its_command() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(UNIT)
    assert "MOEX_" not in parser["Service"]["ExecStart"]
    assert "MOEX_" not in "".join(settings_of("Service")["Environment"])
