"""Asking for the figures as Prometheus does, and reading them by the library's own parsers."""

import os
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from collector.hub import Hub
from collector.metrics import MetricsServer
from shared.book import book_of
from shared.market import Market
from shared.quotes import Quote, Stamp
from shared.settings import MetricsSettings
from shared.wire import ConnectionState, ConnectionStatus, Counters, QuoteBatch, Totals, WorkerReport

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
LIMIT_S = 20.0


class Scrape:
    """What one answer says. A sample is named as in PromQL: `moex_connections{state="online"}`."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.metrics = list(metrics)
        self.samples: dict[str, float] = {}
        self.counters: dict[str, float] = {}
        for metric in self.metrics:
            for sample in metric.samples:
                labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
                name = f"{sample.name}{{{labels}}}" if labels else sample.name
                assert name not in self.samples, "told twice"
                self.samples[name] = sample.value
                if metric.type == "counter" or (metric.name == "moex_latency_seconds"):
                    self.counters[name] = sample.value

    def __getitem__(self, sample: str) -> float:
        return self.samples[sample]

    def labelled(self, name: str) -> dict[str, float]:
        """Of a metric with one label: the values by its label."""
        metric = next(one for one in self.metrics if name in (one.name, f"{one.name}_total"))
        return {next(iter(sample.labels.values())): sample.value for sample in metric.samples if sample.name == name}


def scrape(url: str, accept: str = "") -> Scrape:
    """Raises urllib.error.URLError."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        text = answer.read().decode()
        is_openmetrics = answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert is_openmetrics == (accept == OPENMETRICS)
    return Scrape(parse_openmetrics(text) if is_openmetrics else parse_text(text))  # type: ignore[no-untyped-call]


# ---- what is asked


def market_of_the_test() -> Market:
    return Market(Totals(started_at=time.monotonic(), connections=2, tickers_per_connection=1, gateway="test"))


@contextmanager
def serving(hub: Hub, *, address: str = "127.0.0.1", tickers: bool = False) -> Iterator[MetricsServer]:
    """At any free port, which the settings cannot ask for."""
    server = MetricsServer(MetricsSettings(address=address, tickers=tickers), hub)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def serving_everything(hub: Hub) -> Iterator[MetricsServer]:
    """A server whose every metric has a sample."""
    report(hub, status(0))
    bring(hub, quote("SBER", 3.0))
    now = time.monotonic()
    hub.update(lambda market: market.apply(QuoteBatch(0, [], now), 0.0, now))
    hub.update(lambda market: market.sample(now))
    with serving(hub, tickers=True) as server:
        server.figures.processes = {"supervisor": os.getpid()}
        yield server


def status(number: int, state: ConnectionState = ConnectionState.ONLINE, **counted: int) -> ConnectionStatus:
    return ConnectionStatus(number, number, state, "", 0.0, 10, 8, 1, total=Counters(**counted))


def report(hub: Hub, *statuses: ConnectionStatus) -> None:
    hub.update(lambda market: market.report(WorkerReport(0, list(statuses), [])))


def quote(ticker: str, age_s: float = 0.0, phase: str | None = "T", bid: float = 1.5) -> Quote:
    at = time.monotonic() - age_s
    made = Quote(ticker, 1, book_of([(bid, 1)], [(bid + 1, 1)], 2), at, Stamp(time.time() * 1000, 1))
    made.take_fields({"LAST": [bid + 0.5, 2], "TRADINGSTATUS": phase}, at, None, is_full=True)
    return made


def bring(hub: Hub, *quotes: Quote) -> None:
    hub.update(lambda market: market.apply(QuoteBatch(0, list(quotes)), time.time() * 1000))
