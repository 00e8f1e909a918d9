"""The figures for Prometheus: what they say of a market, and the page that they are served on."""

import errno
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer
from urllib.parse import urlsplit

import pytest
from prometheus_client.core import Metric

from collector import metrics as module
from collector.hub import Hub
from collector.metrics import MetricsServer
from shared import __version__
from shared.book import book_of
from shared.losses import Loss
from shared.market import Market
from shared.quotes import Quote
from shared.session import SessionState
from shared.settings import MetricsSettings
from shared.wire import ConnectionState, QuoteBatch
from tests.collector.scraping import (
    OPENMETRICS,
    Scrape,
    bring,
    market_of_the_test,
    quote,
    report,
    scrape,
    serving,
    serving_everything,
    status,
)
from tests.collector.waiting import LIMIT_S, nothing_left_over, wait_until

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def market() -> Market:
    return market_of_the_test()


@pytest.fixture
def hub(market: Market) -> Hub:
    return Hub(market)


@pytest.fixture
def server(hub: Hub) -> Iterator[MetricsServer]:
    with serving(hub) as made:
        yield made


# ---- what they say


def test_what_was_counted_is_told(hub: Hub, server: MetricsServer) -> None:
    report(hub, status(0, messages=9, updates=7, conflated=2, decode_errors=1, bytes=1234))
    hub.update(lambda market: setattr(market.totals, "worker_restarts", 3))
    told = scrape(server.url)
    assert told["moex_messages_total"] == 9
    assert told["moex_updates_total"] == 7
    assert told["moex_conflated_total"] == 2
    assert told["moex_decode_errors_total"] == 1
    assert told["moex_received_bytes_total"] == 1234
    assert told["moex_worker_restarts_total"] == 3


def test_connections_are_told_by_state_and_every_state_has_its_number(hub: Hub, server: MetricsServer) -> None:
    states = (ConnectionState.ONLINE, ConnectionState.ONLINE, ConnectionState.REFUSED)
    report(hub, *(status(number, state) for number, state in enumerate(states)))
    told = scrape(server.url).labelled("moex_connections")
    assert told == dict.fromkeys(ConnectionState, 0) | {"online": 2, "refused": 1}


def test_subscriptions_are_told_as_planned_confirmed_and_refused(hub: Hub, server: MetricsServer) -> None:
    hub.update(lambda market: market.plan([status(0), status(1)], 4, "the test"))
    assert scrape(server.url).labelled("moex_subscriptions") == {"planned": 20, "confirmed": 16, "refused": 2}


def test_reconnects_are_told_by_kinds_of_reasons_and_never_by_the_gateways_words(
    hub: Hub, server: MetricsServer
) -> None:
    for number in range(50):
        back = status(number, reconnects=1)
        back.last_loss = f"the gateway closed the connection: 1001 incident {number}"
        report(hub, back)
    assert scrape(server.url).labelled("moex_reconnects_total") == dict.fromkeys(Loss, 0) | {"closed": 50}


def test_delays_are_a_histogram_in_seconds(hub: Hub, market: Market, server: MetricsServer) -> None:
    for milliseconds in (0.4, 4.0, 4.0, 40.0, 900_500.0, 20_000_000.0):
        market.latency.add(milliseconds)
    told = scrape(server.url)
    bounds = ("0.001", "0.0025", "0.005", "0.05", "900.0", "960.0", "1800.0", "+Inf")
    assert [told[f'moex_latency_seconds_bucket{{le="{bound}"}}'] for bound in bounds] == [1, 1, 3, 4, 4, 5, 5, 6]
    assert told["moex_latency_seconds_count"] == 6
    assert told["moex_latency_seconds_sum"] == pytest.approx(20_900.5, rel=0.05)


def test_ages_are_of_the_tickers_that_trade_or_may_trade(hub: Hub, server: MetricsServer) -> None:
    bring(hub, quote("SBER", 0.5), quote("GAZP", 7.0), quote("T", 9000.0, phase=None), quote("VTBR", 8.0, phase="N"))
    told = scrape(server.url)
    assert told['moex_quote_age_seconds_bucket{le="1.0"}'] == 1
    assert told['moex_quote_age_seconds_bucket{le="10.0"}'] == 2
    assert told['moex_quote_age_seconds_bucket{le="3600.0"}'] == 2
    assert told['moex_quote_age_seconds_bucket{le="+Inf"}'] == told["moex_quote_age_seconds_gcount"] == 3
    assert told["moex_quote_age_seconds_gsum"] == pytest.approx(9007.5, abs=20)


def test_while_the_exchange_is_closed_no_age_is_told(hub: Hub, server: MetricsServer) -> None:
    bring(hub, quote("SBER", 7.0, phase=None))
    hub.update(lambda market: market.calendar_says(False, None, time.monotonic()))
    told = scrape(server.url)
    assert told['moex_session_state{state="closed"}'] == 1
    assert told["moex_quote_age_seconds_gcount"] == 0


def test_the_session_is_one_of_all_states(hub: Hub, server: MetricsServer) -> None:
    assert scrape(server.url).labelled("moex_session_state") == dict.fromkeys(SessionState, 0) | {"unknown": 1}
    bring(hub, quote("SBER"))
    assert scrape(server.url).labelled("moex_session_state") == dict.fromkeys(SessionState, 0) | {"open": 1}


def test_the_age_of_the_queue_is_not_told_while_it_is_unknown(hub: Hub, server: MetricsServer) -> None:
    assert "moex_queue_age_seconds" not in scrape(server.url).samples
    now = time.monotonic()
    hub.update(lambda market: market.apply(QuoteBatch(0, [], now - 0.25), 0.0, now))
    hub.update(lambda market: market.sample(now))
    assert scrape(server.url)["moex_queue_age_seconds"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("is_simulated", "is_guest", "told"), [(True, True, (1, 0)), (False, True, (0, 1)), (False, False, (0, 0))]
)
def test_whose_prices_these_are_is_told(
    market: Market, server: MetricsServer, is_simulated: bool, is_guest: bool, told: tuple[int, int]
) -> None:
    """Those of the simulated exchange are never late."""
    market.totals.is_simulated, market.totals.is_guest = is_simulated, is_guest
    figures = scrape(server.url)
    assert (figures["moex_simulated"], figures["moex_guest"]) == told
    assert figures[f'moex_build_info{{version="{__version__}"}}'] == 1


def test_what_each_process_uses_is_told_as_long_as_it_is_there(server: MetricsServer) -> None:
    server.figures.processes = {"supervisor": os.getpid(), "worker 1": os.getppid(), "worker 2": 2**30}
    told = scrape(server.url)
    assert set(told.labelled("moex_process_cpu_seconds_total")) == {"supervisor", "worker 1"}
    memory = told.labelled("moex_process_resident_memory_bytes")
    assert set(memory) == {"supervisor", "worker 1"}
    assert memory["supervisor"] > 5_000_000


def test_no_number_is_of_one_ticker_unless_that_was_asked_for(hub: Hub, server: MetricsServer) -> None:
    bring(hub, quote("SBER", bid=306.25), quote("GAZP", 30.0))
    assert not [name for name in scrape(server.url).samples if "SBER" in name or "ticker" in name]
    with serving(hub, tickers=True) as other:
        told = scrape(other.url)
    assert told['moex_ticker_bid_price{ticker="SBER"}'] == 306.25
    assert told['moex_ticker_last_price{ticker="SBER"}'] == 306.75
    assert told['moex_ticker_ask_price{ticker="SBER"}'] == 307.25
    assert told['moex_ticker_age_seconds{ticker="GAZP"}'] == pytest.approx(30, abs=20)


def test_a_price_that_is_unknown_is_not_told(hub: Hub) -> None:
    bring(hub, Quote("SBER", 1, book_of([], [(2.5, 1)], 2), time.monotonic()))
    with serving(hub, tickers=True) as server:
        told = [name for name in scrape(server.url).samples if "ticker_" in name]
    assert told == ['moex_ticker_ask_price{ticker="SBER"}', 'moex_ticker_age_seconds{ticker="SBER"}']


def test_counters_never_go_back_whatever_happens_to_workers(hub: Hub, server: MetricsServer) -> None:
    before: Scrape | None = None
    for number in range(12):
        report(hub, status(number % 3, messages=number, updates=number, bytes=7, reconnects=number % 2))
        bring(hub, quote("SBER"), quote("GAZP"))
        if number % 4 == 3:
            hub.update(lambda market: market.worker_lost(0, "killed", time.monotonic()))
        told = scrape(server.url)
        if before is not None:
            assert before.counters.keys() == told.counters.keys()
            assert [name for name, value in before.counters.items() if told[name] < value] == []
        before = told
    assert before is not None
    assert before["moex_messages_total"] == 66
    assert before["moex_latency_seconds_count"] > 0


# ---- how they say it


@pytest.fixture
def everything(hub: Hub) -> Iterator[MetricsServer]:
    with serving_everything(hub) as server:
        yield server


def test_both_formats_of_prometheus_say_the_same(everything: MetricsServer) -> None:
    first, second = scrape(everything.url), scrape(everything.url, OPENMETRICS)
    assert first.samples.keys() == second.samples.keys()
    passing = ("_age_seconds", "_cpu_seconds", "_memory_bytes")
    differing = [name for name in first.samples if first[name] != second[name]]
    assert [name for name in differing if not any(part in name for part in passing)] == []


def test_names_and_texts_keep_the_conventions(everything: MetricsServer) -> None:
    for metric in scrape(everything.url, OPENMETRICS).metrics:
        assert metric.name.startswith("moex_")
        assert metric.documentation.endswith(".")
        assert metric.samples, metric.name
        assert metric.type in ("counter", "gauge", "histogram", "gaugehistogram")
        in_seconds_or_bytes = metric.name.endswith(("_seconds", "_bytes"))
        assert in_seconds_or_bytes == any(word in metric.documentation for word in ("seconds", "Bytes", "bytes"))
        assert not metric.name.endswith(("_ms", "_s", "_total", "_count"))


def test_one_metric_can_be_asked_for_by_name(everything: MetricsServer) -> None:
    assert list(scrape(f"{everything.url}?name[]=moex_messages_total").samples) == ["moex_messages_total"]


def test_what_was_told_does_not_change_with_the_market(hub: Hub, market: Market, server: MetricsServer) -> None:
    told: list[Metric] = hub.read(lambda market: module.market_metrics(market, 0.0, with_tickers=True))
    before = [list(metric.samples) for metric in told]
    report(hub, status(0, messages=5))
    bring(hub, quote("SBER"))
    assert [metric.samples for metric in told] == before


# ---- the page


def test_only_one_path_has_a_page(server: MetricsServer) -> None:
    for path in ("/", "/favicon.ico", "/metrics/x"):
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=LIMIT_S)
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_can_only_be_read(server: MetricsServer, method: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(server.url, method=method), timeout=LIMIT_S)
    assert caught.value.code == 501
    caught.value.close()


def test_it_is_served_on_the_address_that_was_asked_for_and_no_other(hub: Hub) -> None:
    with serving(hub, address="127.0.0.2") as server:
        assert urlsplit(server.url).hostname == "127.0.0.2"
        scrape(server.url)
        with pytest.raises(urllib.error.URLError):
            scrape(server.url.replace("127.0.0.2", "127.0.0.1"))


def test_it_is_served_on_ipv6_too(hub: Hub) -> None:
    if not Path("/proc/net/if_inet6").exists() or "00000000000000000000000000000001" not in Path(
        "/proc/net/if_inet6"
    ).read_text("ascii"):
        pytest.skip("this machine has no ::1")
    with serving(hub, address="::1") as server:
        assert scrape(server.url)["moex_messages_total"] == 0


def test_a_port_that_is_taken_is_an_error_at_once(server: MetricsServer, hub: Hub) -> None:
    port = urlsplit(server.url).port
    assert port is not None
    with nothing_left_over(), pytest.raises(OSError, match="in use"):
        MetricsServer(MetricsSettings(port=port), hub)
    scrape(server.url)


def test_stopping_is_quick_and_leaves_nothing_behind(hub: Hub) -> None:
    with nothing_left_over():
        with serving(hub) as server:
            scrape(server.url)
            began = time.monotonic()
        assert time.monotonic() - began < 0.4
        with pytest.raises(urllib.error.URLError):
            scrape(server.url)


def test_the_port_can_be_taken_again_at_once(hub: Hub) -> None:
    with serving(hub) as server:
        scrape(server.url)
        port = urlsplit(server.url).port
    assert port is not None
    again = MetricsServer(MetricsSettings(port=port), hub)
    assert scrape(again.url)["moex_messages_total"] == 0
    again.stop()


def silent_client(server: MetricsServer) -> socket.socket:
    """One that connects and asks for nothing."""
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname or "", address.port or 0), LIMIT_S)


def scrapes_in_progress() -> int:
    return sum(thread.name == "scrape" for thread in threading.enumerate())


def test_a_client_that_asks_for_nothing_holds_nobody_up_and_is_sent_away(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._Page, "timeout", 0.3)
    with silent_client(server) as client:
        wait_until(lambda: scrapes_in_progress() == 1)
        scrape(server.url)
        assert client.recv(1) == b""
    wait_until(lambda: scrapes_in_progress() == 0)


def test_a_crowd_costs_a_few_threads_and_is_forgotten_when_it_leaves(
    server: MetricsServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with nothing_left_over():
        crowd = [silent_client(server) for _ in range(3 * module.SCRAPES_AT_ONCE)]
        for late in crowd[module.SCRAPES_AT_ONCE :]:
            assert late.recv(1) == b""
        assert scrapes_in_progress() == module.SCRAPES_AT_ONCE
        for client in crowd:
            client.close()
    scrape(server.url)
    assert capfd.readouterr().err == ""


def test_a_client_that_goes_away_in_the_middle_is_not_worth_a_word(
    server: MetricsServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    server.figures.processes = {f"process {number}": os.getpid() for number in range(2000)}
    for _ in range(5):
        with silent_client(server) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # ends by a reset
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    wait_until(lambda: scrapes_in_progress() == 0)
    assert capfd.readouterr().err == ""
    assert [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"] == []


def test_a_failure_of_our_own_is_an_error_500_and_one_line_of_the_log(
    server: MetricsServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(module, "process_metrics", None)
        for _ in range(3):
            with pytest.raises(urllib.error.HTTPError) as caught:
                scrape(server.url)
            assert caught.value.code == 500
            caught.value.close()
    assert scrape(server.url)["moex_messages_total"] == 0
    wait_until(lambda: scrapes_in_progress() == 0)
    assert caplog.text.count("a scrape failed, which is not told again") == 1
    assert "TypeError" in caplog.text
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("version", ["x", "2.0\xad"])
def test_a_client_that_asks_for_what_nobody_understands_is_told_so_and_is_no_failure_of_our_own(
    server: MetricsServer, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        scrape(server.url, accept=f"application/openmetrics-text;version={version}")
    assert caught.value.code == 400
    caught.value.close()
    assert [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"] == []


def test_the_library_costs_nothing_where_nobody_asked_for_metrics() -> None:
    program = "import sys, run, collector.supervisor, collector.preload; print('prometheus_client' in sys.modules)"
    asked = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert asked.stdout == "False\n"


def test_a_client_that_cannot_be_let_in_for_want_of_descriptors_is_asked_for_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: TCPServer) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    paused: list[float] = []
    monkeypatch.setattr("collector.metrics.time.sleep", paused.append)
    monkeypatch.setattr(TCPServer, "get_request", fail)
    with module._Server("127.0.0.1", 0, BaseRequestHandler) as server, pytest.raises(OSError, match="Too many"):
        server.get_request()
    assert paused == [module.PAUSE_S]
