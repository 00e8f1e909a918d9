"""The figures of the program for Prometheus: read when they are asked for, and served on a page of their own.

Nothing is counted for them but what the market counts anyway. Whoever has no use for them does not import this module:
its library takes a tenth of a second and several megabytes.
"""

import logging
import math
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from itertools import accumulate
from operator import attrgetter
from socketserver import TCPServer, ThreadingMixIn
from threading import BoundedSemaphore, Thread
from typing import Any

from prometheus_client import CollectorRegistry, MetricsHandler
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from collector.hub import Hub
from shared import __version__
from shared.market import Market
from shared.processes import usage_of
from shared.session import SessionState, session_of
from shared.settings import MetricsSettings
from shared.wire import ConnectionState, Totals

PATH = "/metrics"
LATENCY_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 960, 1800)
"""The public login is a quarter of an hour late: a delay a little above that is of interest too."""
AGE_BOUNDS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)

SCRAPES_AT_ONCE = 8
CLIENT_LIMIT_S = 5.0
PAUSE_S = 0.2

log = logging.getLogger(__name__)


# ---- what there is to tell


def market_metrics(market: Market, now: float, *, with_tickers: bool) -> list[Metric]:
    """All that the market tells; what is returned does not change with it afterwards. `now` is monotonic."""
    session = session_of(market)
    return [
        *_counters(market.totals),
        _reconnects(market),
        _latency(market),
        _ages(market, session, now),
        *_connections(market),
        _gauges(
            "moex_session_state",
            "1 for what the exchange as a whole does now, 0 for all else.",
            "state",
            {state: state is session for state in SessionState},
        ),
        *_facts(market.totals),
        *(_tickers(market, now) if with_tickers else ()),
    ]


def process_metrics(processes: Mapping[str, int]) -> list[Metric]:
    """What each process uses; `processes` are their numbers by their names."""
    usages = {name: usage for name, pid in processes.items() if (usage := usage_of(pid)) is not None}
    cpu = CounterMetricFamily(
        "moex_process_cpu_seconds",
        "Processor time, user and system, of one process of the program, in seconds since that process was started.",
        labels=["process"],
    )
    for name, usage in usages.items():
        cpu.add_metric([name], usage.cpu_s)
    memory = _gauges(
        "moex_process_resident_memory_bytes",
        "Memory that one process of the program occupies, in bytes; what several share counts in each of them.",
        "process",
        {name: usage.memory_bytes for name, usage in usages.items()},
    )
    return [cpu, memory]


def _counters(totals: Totals) -> Iterator[Metric]:
    counters = totals.counters
    conflated = (
        "Order books that were not even parsed, as a newer one of the ticker was there; nothing else is dropped."
    )
    for name, text, value in (
        ("messages", "MESSAGE frames received from the gateway.", counters.messages),
        ("updates", "Messages that belonged to a known subscription and could be used.", counters.updates),
        ("conflated", conflated, counters.conflated),
        ("received_bytes", "Bytes received from the gateway, TLS taken off.", counters.bytes),
        ("decode_errors", "Bodies or frames that did not fit the protocol.", counters.decode_errors),
        ("worker_restarts", "Worker processes that were started in place of a dead one.", totals.worker_restarts),
    ):
        yield CounterMetricFamily(f"moex_{name}", text, value=value)


def _reconnects(market: Market) -> Metric:
    counter = CounterMetricFamily(
        "moex_reconnects",
        "Connections that were greeted again after they had been lost, by why they had been lost.",
        labels=["reason"],
    )
    for loss, count in market.reconnects.items():
        counter.add_metric([loss], count)
    return counter


def _latency(market: Market) -> Metric:
    bounds = [*LATENCY_BOUNDS_S, math.inf]
    return HistogramMetricFamily(
        "moex_latency_seconds",
        "Time from the exchange's own time of a change to its arrival in the market of this program, in seconds, to a "
        "twentieth, as far as the clocks of both agree.",
        buckets=_buckets(bounds, market.latency.at_most(bound * 1000 for bound in bounds)),
        sum_value=market.latency.sum_ms / 1000,
    )


def _ages(market: Market, session: SessionState, now: float) -> Metric:
    """While all of the exchange is closed, nothing is too old, whatever is known of the single tickers."""
    trading = () if session is SessionState.CLOSED else market.quotes.values()
    received = [quote.received_at for quote in trading if not quote.is_silence_expected]
    ages = [max(0.0, now - at) for at in received if at is not None]
    bounds = [*AGE_BOUNDS_S, math.inf]
    counts = Counter(next(bound for bound in bounds if age <= bound) for age in ages)
    return GaugeHistogramMetricFamily(
        "moex_quote_age_seconds",
        "Tickers that trade, by the time since the last message of each, in seconds, as it is now.",
        buckets=_buckets(bounds, list(accumulate(counts[bound] for bound in bounds))),
        gsum_value=sum(ages),
    )


def _connections(market: Market) -> list[Metric]:
    states = Counter(status.state for status in market.connections.values())
    subscriptions = {
        "planned": market.totals.subscriptions_planned,
        "confirmed": market.confirmed,
        "refused": market.refused,
    }
    return [
        _gauges(
            "moex_connections",
            "Connections to the gateway by their state; down: the process of their worker is not there.",
            "state",
            {state: states[state] for state in ConnectionState},
        ),
        _gauges("moex_subscriptions", "Subscriptions that are planned, confirmed and refused.", "state", subscriptions),
    ]


def _facts(totals: Totals) -> list[Metric]:
    return [
        GaugeMetricFamily(
            "moex_queue_age_seconds",
            "Time that what came last had waited in the queue of the slowest worker, in seconds; none: nothing came.",
            value=totals.queue_age_s,
        ),
        GaugeMetricFamily("moex_simulated", "1 for the built-in exchange, 0 for a real one.", totals.is_simulated),
        GaugeMetricFamily(
            "moex_guest",
            "1 with the public login of the real exchange, whose data is 15 minutes late.",
            totals.is_delayed,
        ),
        _gauges("moex_build_info", "1, with the version of the program.", "version", {__version__: 1}),
    ]


def _tickers(market: Market, now: float) -> Iterator[Metric]:
    quotes = market.quotes.items()
    for name, text, price_of in (
        ("last", "Price of the last trade of a ticker, in its currency.", attrgetter("last")),
        ("bid", "Best bid of a ticker, in its currency.", attrgetter("bid")),
        ("ask", "Best ask of a ticker, in its currency.", attrgetter("ask")),
    ):
        prices = {ticker: price.value for ticker, quote in quotes if (price := price_of(quote)) is not None}
        yield _gauges(f"moex_ticker_{name}_price", text, "ticker", prices)
    ages = {ticker: max(0.0, now - at) for ticker, quote in quotes if (at := quote.received_at) is not None}
    yield _gauges("moex_ticker_age_seconds", "Time since the last message of a ticker, in seconds.", "ticker", ages)


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=[label])
    for label_value, value in values.items():
        gauge.add_metric([label_value], value)
    return gauge


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """`counts` are of all up to each bound, those up to the bound before included."""
    return [(floatToGoString(bound), count) for bound, count in zip(bounds, counts, strict=True)]  # type: ignore[no-untyped-call]


class Figures(Collector):
    """What the library asks for the figures. `processes` may be replaced at any time, by any thread."""

    def __init__(self, hub: Hub, *, with_tickers: bool) -> None:
        self.processes: Mapping[str, int] = {}
        self._hub = hub
        self._with_tickers = with_tickers

    def collect(self) -> list[Metric]:
        """Holds the hub up for one or two microseconds a ticker, for a dozen where each ticker is told."""
        now = time.monotonic()
        metrics = self._hub.read(lambda market: market_metrics(market, now, with_tickers=self._with_tickers))
        return metrics + process_metrics(self.processes)


# ---- the page


class MetricsServer:
    """Serves `figures` at `url` from its creation until `stop`."""

    def __init__(self, settings: MetricsSettings, hub: Hub) -> None:
        """Raises OSError when nothing can be served at that address and port."""
        self.figures = Figures(hub, with_tickers=settings.tickers)
        registry = CollectorRegistry(auto_describe=True)
        registry.register(self.figures)
        self._server = _Server(settings.address, settings.port, _Page.factory(registry))
        host = f"[{settings.address}]" if ":" in settings.address else settings.address
        self.url = f"http://{host}:{self._server.server_address[1]}{PATH}"
        Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """Serve no more, at once; an answer that is on its way may still end."""
        with suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, which else would look in half a second
        self._server.shutdown()
        self._server.server_close()


class _Page(MetricsHandler):
    timeout = CLIENT_LIMIT_S
    server_version = f"moex-monitor/{__version__}"
    sys_version = ""

    def do_GET(self) -> None:  # noqa: N802
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"The figures are at {PATH}.")
            return
        if not _is_understood(self.headers.get("Accept", "")):
            self.send_error(HTTPStatus.BAD_REQUEST, explain="The header Accept cannot be understood.")
            return
        try:
            super().do_GET()
        except OSError:
            raise  # nobody is there to be answered
        except Exception:
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, explain="The log says why.")
            raise


def _is_understood(accept: str) -> bool:
    """The library fails at a version that is none, and repeats it in its answer as it came."""
    try:
        choose_encoder(accept)
    except Exception:
        return False
    return accept.isprintable()


class _Server(ThreadingMixIn, TCPServer):
    """Not the one of http.server, which looks up the name of this machine."""

    allow_reuse_address = True
    request_queue_size = 4 * SCRAPES_AT_ONCE

    def __init__(self, address: str, port: int, handler: Any) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._slots = BoundedSemaphore(SCRAPES_AT_ONCE)
        self._has_failed = False
        super().__init__((address, port), handler)

    def get_request(self) -> Any:
        """Raises OSError, which its caller ignores: it would ask again at once for as long as descriptors are short."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(PAUSE_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own. Whoever comes while many are served already, is sent away."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        arguments = (request, client_address)
        try:
            Thread(target=self.process_request_thread, args=arguments, name="scrape", daemon=True).start()
        except RuntimeError:  # the system has no room for a thread
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of our affair; a failure of our own is told once, not at every scrape."""
        error = sys.exception()
        if isinstance(error, OSError) or self._has_failed:
            log.debug("a scrape failed: %s", error)
            return
        self._has_failed = True
        log.error("a scrape failed, which is not told again", exc_info=error)
