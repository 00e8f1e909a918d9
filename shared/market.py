"""Market: all quotes, connections and counters of the program. Pure: no clock, no lock, no process.

The hub folds what workers send into its Market (`apply`), and takes pictures of it; a display folds those pictures into
a Market of its own (`show`). Neither is thread-safe: the caller holds the lock.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from shared.quotes import Quote
from shared.wire import (
    ConnectionState,
    ConnectionStatus,
    Event,
    Picture,
    QuoteBatch,
    Totals,
    WorkerReport,
)

EVENTS_KEPT = 200
LONGEST_DELAY_MS = 86_400_000.0
"""A message that seems to take longer, or to come so much before it was sent, tells of a clock that is wrong."""

RATE_WINDOW_S = 10.0


class Latency:
    """Distribution of exchange-to-hub delays in milliseconds, in buckets that grow by a twentieth."""

    _BOUNDS: ClassVar = [0.1 * 1.05**n for n in range(400)]

    def __init__(self) -> None:
        self._counts = [0] * (len(self._BOUNDS) + 1)
        self._total = 0

    def add(self, milliseconds: float) -> None:
        self._counts[bisect_left(self._BOUNDS, milliseconds)] += 1
        self._total += 1

    def quantile(self, share: float) -> float | None:
        """The delay that `share` (0 to 1) of the samples do not exceed, to a twentieth; None without samples."""
        if self._total == 0:
            return None
        wanted, seen = share * self._total, 0
        for bound, count in zip(self._BOUNDS, self._counts, strict=False):
            seen += count
            if seen >= wanted:
                return round(bound, 3)
        return self._BOUNDS[-1]


class Market:
    """See the module. `totals.counters` only ever grows."""

    def __init__(self, totals: Totals) -> None:
        self.totals = totals
        self.quotes: dict[str, Quote] = {}
        self.connections: dict[int, ConnectionStatus] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.revision = 0
        self._changed: dict[str, int] = {}
        self._event_revisions: deque[int] = deque(maxlen=EVENTS_KEPT)
        self._latency = Latency()
        self._rate_samples: deque[tuple[float, int]] = deque()

    def plan(self, statuses: Iterable[ConnectionStatus], tickers: int, source: str) -> None:
        """Say what was planned, before any worker reports: every connection, and how many distinct tickers."""
        for status in statuses:
            self.connections[status.number] = status
        self.totals.tickers_planned = tickers
        self.totals.subscriptions_planned = sum(s.planned for s in self.connections.values())
        self.totals.instruments_source = source

    def apply(self, batch: QuoteBatch, now_ms: float) -> None:
        """Merge what a worker sent. `now_ms` is the wall clock in milliseconds, for the latency."""
        self.revision += 1
        for change in batch.quotes:
            quote = self.quotes.get(change.ticker)
            if quote is None:
                self.quotes[change.ticker] = change
            else:
                self._measure(change.exchange_ms, quote.exchange_ms, now_ms)
                quote.merge(change)
            self._changed[change.ticker] = self.revision

    def _measure(self, sent_ms: float | None, known_ms: float | None, now_ms: float) -> None:
        """Only of what is news: the first snapshot of a subscription may tell of a change long ago."""
        if sent_ms is None or known_ms is None or sent_ms <= known_ms:
            return
        if abs(delay_ms := now_ms - sent_ms) < LONGEST_DELAY_MS:
            self._latency.add(delay_ms)

    def report(self, report: WorkerReport) -> None:
        """Take over the states of a worker's connections, and add its increments.

        A last report leaves the states as they were: what counts at the end is how things stood when it began.
        """
        for status in report.connections:
            self.totals.counters.add(status.total)
            known = self.connections.setdefault(status.number, status)
            if known is not status:
                known.total.add(status.total)
                status.total = known.total
            if not report.is_last:
                self.connections[status.number] = status
        for event in report.events:
            self.tell(event)
        self.totals.is_simulated = self.totals.is_simulated or report.is_simulated

    def worker_lost(self, worker: int, reason: str, now: float) -> None:
        """Mark the connections of a worker that is gone as DOWN. `now` is monotonic."""
        for status in self.connections.values():
            if status.worker == worker:
                status.state, status.reason, status.since = ConnectionState.DOWN, reason, now
                status.confirmed, status.refused, status.retry_at, status.refusals = 0, 0, None, {}

    def tell(self, event: Event) -> None:
        """Keep an event for the screen and the summary; the oldest of more than 200 is dropped."""
        self.revision += 1
        self.events.append(event)
        self._event_revisions.append(self.revision)

    def sample(self, now: float) -> None:
        """Renew the figures that depend on time. To be called about once a second; `now` is monotonic."""
        samples = self._rate_samples
        samples.append((now, self.totals.counters.messages))
        while len(samples) > 2 and now - samples[0][0] > RATE_WINDOW_S:
            samples.popleft()
        then, before = samples[0]
        elapsed = now - then
        self.totals.rate_now = (self.totals.counters.messages - before) / elapsed if elapsed > 0 else 0.0
        self.totals.latency_p50_ms = self._latency.quantile(0.50)
        self.totals.latency_p99_ms = self._latency.quantile(0.99)

    def picture(self, since: int) -> Picture:
        """What changed after revision `since` (0: everything). Shares its parts with this market: encode it at once."""
        return Picture(
            revision=self.revision,
            totals=self.totals,
            connections=list(self.connections.values()),
            quotes=[self.quotes[ticker] for ticker, at in self._changed.items() if at > since],
            events=[event for event, at in zip(self.events, self._event_revisions, strict=True) if at > since],
        )

    def show(self, picture: Picture) -> None:
        """Become what a hub's market was when it took `picture`. Takes over its parts."""
        self.totals = picture.totals
        self.connections = {status.number: status for status in picture.connections}
        self.events.extend(picture.events)
        self.revision = picture.revision
        for quote in picture.quotes:
            self.quotes[quote.ticker] = quote

    @property
    def online(self) -> int:
        """Connections whose subscriptions are all sent and that are alive."""
        return sum(status.state is ConnectionState.ONLINE for status in self.connections.values())

    @property
    def confirmed(self) -> int:
        return sum(status.confirmed for status in self.connections.values())

    @property
    def refused(self) -> int:
        return sum(status.refused for status in self.connections.values())

    @property
    def with_prices(self) -> int:
        return sum(quote.has_prices for quote in self.quotes.values())

    def rate_average(self, now: float) -> float:
        """Messages a second since the start; `now` is monotonic."""
        runtime = now - self.totals.started_at
        return self.totals.counters.messages / runtime if runtime > 0 else 0.0
