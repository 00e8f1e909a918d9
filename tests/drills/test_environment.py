"""Whatever the machine around it is like, the program does what it promises, or says why it cannot."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.collector.authority import Authority
from tests.drills.conftest import StartDrill
from tests.drills.drill import Record, seconds_until, sent_by, shown_in
from tests.fakes.forwarder import Forwarder
from tests.fakes.gateway import GatewayProcess
from tests.process.program import Program, wait_for

HOST = "exchange.example"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy")
STOP_LIMIT_S = 5.0 + 1.0
"""The time that it takes to see that nothing is left included."""

LEAD_TO_THIS_MACHINE = f"""
import socket
ask = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: ask("127.0.0.1" if host == {HOST!r} else host, *rest, **more)
"""

DO_NOT_ANSWER_WHILE = """
import os, socket, time
ask_when_it_speaks = socket.getaddrinfo
def getaddrinfo(*rest, **more):
    while os.path.exists({silence!r}):
        open({asked!r}, "w").close()
        time.sleep(0.05)
    return ask_when_it_speaks(*rest, **more)
socket.getaddrinfo = getaddrinfo
"""

ALLOW_64_DESCRIPTORS = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
"""

SHIFT_THE_CLOCK_BY = """
import datetime, time
true_time = time.time
def shifted():
    try:
        with open({!r}) as file:
            return true_time() + float(file.read() or 0)
    except OSError:
        return true_time()
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(shifted(), tz)
time.time = shifted
time.time_ns = lambda: int(shifted() * 1e9)
datetime.datetime = Shifted
"""

DAY_S = 86_400.0
YEAR_S = 365 * DAY_S


def customized(folder: Path, *codes: str) -> dict[str, str]:
    """An environment in which every Python process begins with this."""
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("".join(codes))
    return {"PYTHONPATH": str(site)}


@contextlib.contextmanager
def encrypted(folder: Path, gateway: GatewayProcess) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The exchange as it is really reached, by its name and encrypted: arguments and environment for that."""
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made by openssl")
    certificates = folder / "certificates"
    certificates.mkdir()
    authority = Authority(certificates)
    with Forwarder(gateway.port, tls=authority.issue(HOST, "-days", "1")) as forwarder:
        address = f"{HOST}:{forwarder.port}"
        arguments = ["--url", f"wss://{address}/infocx/v3/websocket", "--iss-url", f"https://{address}/iss"]
        yield arguments, {"SSL_CERT_FILE": str(authority.certificate), "SSL_CERT_DIR": str(folder / "none")}


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system can be made by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free; returns the file that takes them."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    assert os.statvfs(disk).f_bavail == 0
    return filler


def seconds_to_stop(program: Program) -> float:
    began = time.monotonic()
    assert program.stop() == 0
    return time.monotonic() - began


def status_lines(program: Program) -> list[str]:
    """Those of plain mode."""
    return [line for line in program.output.splitlines() if " online | " in line]


# ---- variables of the environment


def test_a_proxy_of_the_environment_is_never_asked_for_this_machine(drill: StartDrill, gateway: GatewayProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        environment = dict.fromkeys(PROXY_VARIABLES, address)
        running = drill(environment=environment | {name.upper(): value for name, value in environment.items()})
        running.begin()
        gateway.wait_until(lambda ledger: ledger.frames_sent > 1000)
        summary = running.end()
        assert summary["instruments_source"].startswith("ISS at ")
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_no_key_of_the_encryption_is_written_whoever_asks_for_it(
    drill: StartDrill, gateway: GatewayProcess, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    with encrypted(tmp_path, gateway) as (arguments, trust):
        environment = trust | customized(tmp_path, LEAD_TO_THIS_MACHINE) | {"SSLKEYLOGFILE": str(keys)}
        running = drill(*arguments, environment=environment)
        running.begin()
        gateway.wait_until(lambda ledger: ledger.frames_sent > 1000)
        summary = running.end()
    assert summary["instruments_source"].startswith("ISS at ")
    assert not keys.exists()


# ---- a name server that is silent


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    """While this file exists, `socket.getaddrinfo` does not return, as a C library's does for half a minute."""
    return tmp_path / "silence"


@pytest.fixture
def asked(silence: Path) -> Path:
    """A file that is there once somebody asks in vain."""
    return silence.with_name("asked")


@pytest.fixture
def by_name(
    tmp_path: Path, gateway: GatewayProcess, silence: Path, asked: Path
) -> Iterator[tuple[list[str], dict[str, str]]]:
    silent = DO_NOT_ANSWER_WHILE.format(silence=str(silence), asked=str(asked))
    with encrypted(tmp_path, gateway) as (arguments, trust):
        yield arguments, trust | customized(tmp_path, LEAD_TO_THIS_MACHINE, silent)


def test_a_silent_name_server_delays_neither_the_start_nor_the_stop(
    drill: StartDrill, by_name: tuple[list[str], dict[str, str]], silence: Path, asked: Path
) -> None:
    arguments, environment = by_name
    silence.touch()
    asking_for_the_list = drill(*arguments, environment=environment).program
    wait_for(asked.exists, "it asks")
    assert seconds_to_stop(asking_for_the_list) < STOP_LIMIT_S

    asking_for_the_exchange = drill(*arguments, environment=environment).program
    asking_for_the_exchange.wait_for_log("list shipped with the program (ISS: timed out)")
    asking_for_the_exchange.wait_for_log("worker 2: starting -> running")
    asked.unlink()
    wait_for(asked.exists, "it asks")
    assert seconds_to_stop(asking_for_the_exchange) < STOP_LIMIT_S


def test_a_name_server_that_falls_silent_is_told_and_healed_from(
    drill: StartDrill,
    record_property: Record,
    gateway: GatewayProcess,
    by_name: tuple[list[str], dict[str, str]],
    silence: Path,
) -> None:
    arguments, environment = by_name
    running = drill(*arguments, "--display", "plain", environment=environment)
    running.begin(is_warm=True)
    silence.touch()
    gateway.drop()
    told_s = seconds_until(lambda: "no answer yet" in running.program.output, "told in the status line", 40)
    assert "4/4 online" not in status_lines(running.program)[-1]
    silence.unlink()
    healed_s = seconds_until(lambda: gateway.ledger().online == 4, "healed", 40)
    record_property("told_s, healed_s", (told_s, healed_s))
    assert healed_s < 20
    running.wait_until_online()
    wait_for(lambda: "4/4 online" in status_lines(running.program)[-1], "told in the status line")
    assert "no answer yet" not in status_lines(running.program)[-1]
    running.end(reconnects=4)


# ---- descriptors


def test_64_descriptors_are_enough_for_30_connections(
    drill: StartDrill, gateway: GatewayProcess, tmp_path: Path
) -> None:
    few = customized(tmp_path, ALLOW_64_DESCRIPTORS)
    running = drill("--workers", "6", "--display", "plain", environment=few, connections=30)
    running.begin(is_warm=True)
    limits = {resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in running.program.session()}
    assert limits == {(64, 64)}
    running.drop_all()
    summary = running.end(reconnects=30)
    assert summary["connections"] == {"online": 30, "total": 30}
    assert "Too many open files" not in running.program.log + running.program.output


def test_connections_beyond_the_descriptors_say_so_and_harm_no_other(
    drill: StartDrill, gateway: GatewayProcess, tmp_path: Path
) -> None:
    few = customized(tmp_path, ALLOW_64_DESCRIPTORS)
    running = drill("--workers", "1", environment=few, connections=80, tickers=2)
    running.program.wait_for_log("is waiting: Too many open files", 10)
    gateway.start(rate=500)
    gateway.wait_until(lambda ledger: ledger.frames_sent > 2000 and ledger.online > 30)
    sent = gateway.quiet()
    time.sleep(1.0)
    assert seconds_to_stop(running.program) < STOP_LIMIT_S
    summary = running.program.summary()
    assert shown_in(summary) == sent_by(sent)
    assert summary["connections"]["online"] > 30
    assert summary["worker_restarts"] == 0
    assert "Traceback" not in running.program.log + running.program.output


# ---- a full disk


def test_a_full_disk_for_log_cache_and_summary_is_survived_and_said(
    drill: StartDrill, gateway: GatewayProcess, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as disk, encrypted(tmp_path, gateway) as (arguments, trust):
        log, summary = disk / "log", disk / "summary.json"
        (tmp_path / "monitor.log").symlink_to(log)
        (disk / "cache").mkdir()
        filler = fill(disk)
        environment = trust | customized(tmp_path, LEAD_TO_THIS_MACHINE) | {"XDG_CACHE_HOME": str(disk / "cache")}
        running = drill(*arguments, "--summary", str(summary), environment=environment, summary=False)
        running.begin(is_warm=True)
        before = running.held()
        running.drop_all()
        running.wait_until_held(before)
        assert log.read_text() == ""
        assert list((disk / "cache").rglob("*.json*")) == []

        filler.unlink()
        gateway.drop()
        running.program.wait_for_log("is waiting: ", 4)
        running.wait_until_online()
        gateway.quiet()
        fill(disk)
        running.program.send(signal.SIGTERM)
        assert running.program.wait() == 70
        assert "the summary cannot be written" in running.program.output
        assert "No space left on device" in running.program.output
        assert "Final statistics" in running.program.output
        assert "Traceback" not in running.program.output
        assert not summary.exists()


# ---- the clock


def test_a_clock_that_is_set_back_and_forward_changes_no_age_no_order_and_no_connection(
    drill: StartDrill, gateway: GatewayProcess, tmp_path: Path
) -> None:
    """Many tickers come over several connections, so that their order is told by the exchange's own time."""
    clock = tmp_path / "clock"
    environment = customized(tmp_path, SHIFT_THE_CLOCK_BY.format(str(clock)))
    running = drill("--display", "plain", environment=environment, connections=6, tickers=100)
    running.begin(rate=1000, is_warm=True)
    for shift_s in (-3600.0, 2 * DAY_S, -10 * YEAR_S, 10 * YEAR_S):
        clock.write_text(str(shift_s))
        before = gateway.ledger()
        gateway.wait_until(lambda now, wanted=before.frames_sent + 1000: now.frames_sent > wanted)  # type: ignore[misc]
        gateway.drop(min(number for number, seen in before.connections.items() if seen.is_open))
        running.wait_until_back(before.connects + 1, within_s=20)
        year = datetime.fromtimestamp(time.time() + shift_s).year
        wait_for(lambda year=year: f"\n{year}-" in running.program.log, "the shifted clock in the log")  # type: ignore[misc]
    summary = running.end(reconnects=4)
    ages = [quote["age_s"] for quote in summary["quotes"].values()]
    assert 0 <= min(ages) <= max(ages) <= summary["runtime_s"]
