"""Market: all quotes, connections and counters of the program. Pure: no clock, no lock, no process.

The hub folds what workers send into its Market (`apply`), and takes pictures of it; a display folds those pictures into
a Market of its own (`show`). Neither is thread-safe: the caller holds the lock.
"""

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import ClassVar

import msgspec

from shared.losses import Loss, loss_of
from shared.quotes import Quote
from shared.silences import Silence, Silences
from shared.wire import (
    ConnectionState,
    ConnectionStatus,
    Event,
    PackedPicture,
    Picture,
    QuoteBatch,
    Totals,
    WorkerReport,
    packed,
)

EVENTS_KEPT = 200
LONGEST_DELAY_MS = 86_400_000.0
"""A message that seems to take longer, or to come so much before it was sent, tells of a clock that is wrong."""

RATE_WINDOW_S = 10.0
QUEUE_AGE_KEPT_S = 2.0
"""A worker that sent nothing for this long has nothing in its queue."""


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

    def at_most(self, bounds_ms: Iterable[float]) -> list[int]:
        """How many samples do not exceed each of these bounds, to a twentieth of the bound; infinity gives all."""
        seen = [0, *accumulate(self._counts)]
        return [seen[-1] if bound == math.inf else seen[bisect_right(self._BOUNDS, bound)] for bound in bounds_ms]

    @property
    def sum_ms(self) -> float:
        """All samples together, to a twentieth; never less than it was. A delay below 0 counts as none."""
        return sum(bound * count for bound, count in zip(self._BOUNDS, self._counts[1:], strict=True))


class Market:
    """See the module. `totals.counters` only ever grows; `carriers` are the numbers of the connections of a ticker.

    `latency`, and `reconnects` by why the connection had been lost, are known to the hub's market only.
    """

    def __init__(self, totals: Totals) -> None:
        self.totals = totals
        self.quotes: dict[str, Quote] = {}
        self.connections: dict[int, ConnectionStatus] = {}
        self.carriers: dict[str, list[int]] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.reconnects = dict.fromkeys(Loss, 0)
        self.latency = Latency()
        self.revision = 0
        self._plan: list[list[str]] = []
        self._planned_at = 0
        self._changed: dict[str, int] = {}
        self._packed: dict[str, tuple[int, msgspec.Raw]] = {}
        self._with_prices: set[str] = set()
        self._with_prices_at = 0
        self._event_revisions: deque[int] = deque(maxlen=EVENTS_KEPT)
        self._rate_samples: deque[tuple[float, int]] = deque()
        self._queue_ages: dict[int, tuple[float, float]] = {}
        self._silences = Silences()

    def plan(
        self,
        statuses: Iterable[ConnectionStatus],
        tickers: int,
        source: str,
        carried: Sequence[Sequence[str]] = (),
    ) -> None:
        """Say what was planned, before any worker reports: every connection, how many distinct tickers, and which of
        them each connection carries, by its number."""
        self.revision += 1
        self._planned_at = self.revision
        self._carry([list(hand) for hand in carried])
        for status in statuses:
            self.connections[status.number] = status
        self.totals.tickers_planned = tickers
        self.totals.subscriptions_planned = sum(s.planned for s in self.connections.values())
        self.totals.instruments_source = source

    def _carry(self, plan: list[list[str]]) -> None:
        self._plan = plan
        self.carriers = {}
        for number, tickers in enumerate(plan):
            for ticker in tickers:
                self.carriers.setdefault(ticker, []).append(number)

    def apply(self, batch: QuoteBatch, now_ms: float, now: float | None = None) -> None:
        """Merge what a worker sent. `now_ms` is the wall clock in milliseconds, for the latency; `now` is monotonic,
        for the age of the queue, which is left as it is without."""
        self.revision += 1
        if now is not None and batch.sent_at is not None:
            self._queue_ages[batch.worker] = now, max(0.0, now - batch.sent_at)
        for change in batch.quotes:
            quote = self.quotes.get(change.ticker)
            if (received_at := change.received_at) is not None:
                self._silences.heard(quote or change, received_at)
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
            self.latency.add(delay_ms)

    def report(self, report: WorkerReport) -> None:
        """Take over the states of a worker's connections, and add its increments.

        A last report leaves the states as they were: what counts at the end is how things stood when it began.
        """
        for status in report.connections:
            self.totals.counters.add(status.total)
            if status.total.reconnects:
                self.reconnects[loss_of(status.last_loss)] += status.total.reconnects
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
                status.latency_ms = None

    def calendar_says(self, is_open: bool | None, changes_at: float | None, now: float) -> None:
        """What the trading calendar says, as in Totals. `now` is monotonic."""
        was_closed, is_closed = self.totals.is_exchange_open is False, is_open is False
        self.totals.is_exchange_open, self.totals.session_changes_at = is_open, changes_at
        if is_closed and not was_closed:
            self._silences.pause(self.quotes, now)
        elif was_closed and not is_closed:
            self._silences.resume(now)

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
        self.totals.latency_p50_ms = self.latency.quantile(0.50)
        self.totals.latency_p99_ms = self.latency.quantile(0.99)
        ages = [age for taken_at, age in self._queue_ages.values() if now - taken_at <= QUEUE_AGE_KEPT_S]
        self.totals.queue_age_s = max(ages, default=None)

    def picture(self, since: int) -> Picture:
        """What changed after revision `since`; all for -1. Shares its parts with this market: encode it at once."""
        return Picture(
            revision=self.revision,
            totals=self.totals,
            connections=list(self.connections.values()),
            quotes=[self.quotes[ticker] for ticker, at in self._changed.items() if at > since],
            events=[event for event, at in zip(self.events, self._event_revisions, strict=True) if at > since],
            plan=self._plan if since < 0 or self._planned_at > since else None,
        )

    def packed_picture(self, since: int) -> PackedPicture:
        """The same with its quotes encoded, once for all who ask: a watcher more costs next to nothing."""
        picture = self.picture(since)
        quotes = [self._packed_quote(quote) for quote in picture.quotes]
        return PackedPicture(
            picture.revision, picture.totals, picture.connections, quotes, picture.events, picture.plan
        )

    def _packed_quote(self, quote: Quote) -> msgspec.Raw:
        changed_at = self._changed[quote.ticker]
        known = self._packed.get(quote.ticker)
        if known is None or known[0] != changed_at:
            known = self._packed[quote.ticker] = changed_at, packed(quote)
        return known[1]

    def show(self, picture: Picture) -> None:
        """Become what a hub's market was when it took `picture`. Takes over its parts."""
        self.totals = picture.totals
        self.connections = {status.number: status for status in picture.connections}
        self.events.extend(picture.events)
        self.revision = picture.revision
        if picture.plan is not None:
            self._carry(picture.plan)
        for quote in picture.quotes:
            self.quotes[quote.ticker] = quote
            self._changed[quote.ticker] = picture.revision

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
        """Tickers of which a price is known. Only what changed since the last look is looked at."""
        since, self._with_prices_at = self._with_prices_at, self.revision
        changed = {ticker for ticker, at in self._changed.items() if at > since}
        self._with_prices -= changed
        self._with_prices |= {ticker for ticker in changed if self.quotes[ticker].has_prices}
        return len(self._with_prices)

    def longest_silences(self, now: float, most: int) -> list[Silence]:
        """The tickers that were silent for longest while they traded, longest first; known to the hub's market only.

        `now` is monotonic, and ends a silence that lasts still.
        """
        return self._silences.longest(self.quotes, now, most)

    def rate_average(self, now: float) -> float:
        """Messages a second since the start; `now` is monotonic."""
        runtime = now - self.totals.started_at
        return self.totals.counters.messages / runtime if runtime > 0 else 0.0
