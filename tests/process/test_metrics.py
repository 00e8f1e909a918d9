"""The page of figures of the running program, asked over a real socket and read by Prometheus' own library."""

import os
import signal
import socket
import urllib.error
from itertools import pairwise
from pathlib import Path

import pytest

from tests.collector.scraping import OPENMETRICS, Scrape, scrape
from tests.drills.planted import planted
from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL, Start
from tests.process.program import PASSCODE, Program, wait_for

LISTENING = "0A"


@pytest.fixture
def port() -> int:
    """One that is free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found: int = taken.getsockname()[1]
        return found


def config_for(port: int, more: str = "") -> str:
    return f"[metrics]\nport = {port}\n{more}"


def page(port: int, program: Program) -> str:
    url = f"http://127.0.0.1:{port}/metrics"
    program.wait_for_log(f"metrics: served at {url}")
    return url


def listening_sockets(program: Program) -> list[str]:
    """Of all its processes, as the system tells them."""
    sockets = set()
    for pid in program.session():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                sockets.add(str(descriptor.readlink()))
            except OSError:
                continue  # it was closed meanwhile
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return [line[1] for line in lines if line[3] == LISTENING and f"socket:[{line[9]}]" in sockets]


def test_the_page_says_what_the_gateway_and_the_summary_say(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], port: int
) -> None:
    program = start(*at, *SMALL, config=config_for(port))
    url = page(port, program)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    gateway.start(400)
    gateway.wait_until(lambda ledger: ledger.frames_sent > 800)
    sent = gateway.quiet()
    wait_for(lambda: scrape(url)["moex_messages_total"] == sent.frames_sent, "all that was sent is on the page")
    told = scrape(url, OPENMETRICS)
    assert told["moex_updates_total"] == sent.frames_sent
    assert told.labelled("moex_subscriptions") == {"planned": 80, "confirmed": 80, "refused": 0}
    assert told.labelled("moex_connections")["online"] == 4
    assert (told["moex_simulated"], told["moex_guest"]) == (0, 1)
    assert told["moex_latency_seconds_count"] > 0
    assert told["moex_quote_age_seconds_gcount"] > 0
    processes = told.labelled("moex_process_resident_memory_bytes")
    assert set(processes) == {"supervisor", "worker 1", "worker 2", "fork server", "resource tracker"}
    assert all(1_000_000 < memory < 1_000_000_000 for memory in processes.values())
    assert program.stop() == 0
    summary = program.summary()
    assert told["moex_messages_total"] == summary["messages"]
    assert told["moex_received_bytes_total"] <= summary["bytes"]
    assert told["moex_decode_errors_total"] == summary["decode_errors"] == 0
    with pytest.raises(urllib.error.URLError):
        scrape(url)


def test_no_count_goes_back_when_a_worker_is_killed_and_connections_are_lost(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], port: int
) -> None:
    program = start(*at, *SMALL, config=config_for(port))
    url = page(port, program)
    gateway.wait_until(lambda ledger: ledger.subscriptions == 80)
    program.wait_for_log("is online", 4)
    gateway.start(400)
    scrapes = [scrape(url)]

    def next_scrape() -> Scrape:
        scrapes.append(scrape(url))
        return scrapes[-1]

    os.kill(program.children()["worker 1"], signal.SIGKILL)
    wait_for(lambda: next_scrape()["moex_worker_restarts_total"] == 1, "the restart is counted")
    wait_for(lambda: next_scrape().labelled("moex_connections")["online"] == 4, "all are online again")
    gateway.drop(how="reset")
    wait_for(lambda: next_scrape().labelled("moex_reconnects_total")["reset"] == 4, "four came back from a reset")
    wait_for(lambda: next_scrape().labelled("moex_connections")["online"] == 4, "all are online again")
    gateway.drop(how="close")
    wait_for(lambda: next_scrape().labelled("moex_reconnects_total")["closed"] == 4, "four came back from an end")
    for before, after in pairwise(scrapes):
        lasting = [name for name in before.counters if "process" not in name]
        assert [name for name in lasting if after[name] < before[name]] == []
    assert sum(scrapes[-1].labelled("moex_reconnects_total").values()) == 8
    assert program.stop() == 0


def test_the_built_in_exchange_is_told_as_such_and_its_process_too(start: Start, port: int) -> None:
    program = start("--simulate", "--display", "none", *SMALL, config=config_for(port, "tickers = true\n"))
    url = page(port, program)
    wait_for(lambda: scrape(url).labelled("moex_connections")["online"] == 4, "all are online")
    wait_for(lambda: scrape(url).labelled("moex_ticker_last_price"), "a price")
    told = scrape(url)
    assert told["moex_simulated"] == 1
    assert told['moex_session_state{state="open"}'] == 1
    assert "simulator" in told.labelled("moex_process_cpu_seconds_total")
    assert program.stop() == 0


def test_it_listens_on_nothing_unless_it_was_told_to(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], port: int
) -> None:
    program = start(*at, *SMALL, config="")
    program.wait_for_log("is online", 4)
    assert listening_sockets(program) == []
    assert program.stop() == 0
    assert "metrics" not in program.log
    program = start(*at, *SMALL, config=config_for(port))
    page(port, program)
    assert listening_sockets(program) == [f"0100007F:{port:04X}"]
    assert program.stop() == 0


def test_a_port_that_is_taken_is_told_once_and_tried_again_and_all_else_goes_on_meanwhile(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], tmp_path: Path
) -> None:
    more = planted(tmp_path / "faults", {"collector.metrics_serving.RETRY_S": "0.2"})  # in place of 10
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = start(*at, *SMALL, config=config_for(port), environment=more)
        program.wait_for_log("is online", 4)
    page(port, program)
    assert program.stop() == 0
    refused, served = (line for line in program.log.splitlines() if "metrics: " in line)
    why = f"not served, 127.0.0.1 port {port}: address already in use"
    assert "WARNING" in refused
    assert refused.endswith(f"metrics: {why}; tried again every 0.2 s")
    assert f"metrics: served at http://127.0.0.1:{port}/metrics" in served
    assert "Traceback" not in program.log
    events = [event for event in program.summary()["events"] if event["source"] == "metrics"]
    assert [event["text"] for event in events] == [why, "served"]


def test_no_secret_and_no_address_is_on_the_page(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], port: int
) -> None:
    login = {"MOEX_DOMAIN": "passport", "MOEX_LOGIN": "an-account", "MOEX_PASSCODE": PASSCODE}
    program = start(*at, *SMALL, config=config_for(port, "tickers = true\n"), environment=login)
    url = page(port, program)
    wait_for(lambda: scrape(url)["moex_guest"] == 0, "a page")
    gateway.wait_until(lambda ledger: ledger.connects >= 4)
    wait_for(lambda: sum(scrape(url).labelled("moex_connections").values()) == 4, "the connections")
    text = "\n".join(f"{name} {value}" for name, value in scrape(url).samples.items())
    for secret in (PASSCODE, "an-account", "passport", "127.0.0.1"):
        assert secret not in text
    assert program.stop() == 0
