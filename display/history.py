"""History: what the pictures of the hub tell over time: rates, directions, and the points of sparklines. Pure."""

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from shared.quotes import Quote
from shared.wire import ConnectionStatus

HALF_LIFE_S = 10.0
"""After so long an update counts half: the rates are averages over about 14 seconds, or over all that was seen yet."""

SHORTEST_S = 1.0
"""No rate is told of less."""

POINT_S = 2.0
POINTS = 60
"""A sparkline covers the last two minutes."""

_RESCALED_AFTER = 400.0
"""Half-lives after which the scores are brought down again: a float ends at 1024."""


class Series(NamedTuple):
    """The last `POINTS` points of one ticker, `POINT_S` apart, oldest first; `last` is None before the first price."""

    last: list[float | None]
    updates: list[int]


class _Decayed:
    """Forward decay: a new update weighs ever more, so that nothing has to be done to the old ones."""

    __slots__ = ("score",)

    def __init__(self) -> None:
        self.score = 0.0


class _Track(_Decayed):
    """What is kept of one ticker; `points` holds (slot, LAST at its end, updates in it) for slots with any."""

    __slots__ = ("direction", "last", "points", "updates")

    def __init__(self, updates: int) -> None:
        super().__init__()
        self.updates = updates
        self.last: float | None = None
        self.direction = 0
        self.points: deque[tuple[int, float | None, int]] = deque(maxlen=POINTS + 1)


class History:
    """Used by one thread. All times are monotonic seconds and never go back."""

    def __init__(self) -> None:
        self._epoch = self._began = 0.0
        self._tracks: dict[str, _Track] = {}
        self._connections: dict[int, _Decayed] = {}
        self._messages: dict[int, int] = {}

    def take(self, changed: Iterable[Quote], at: float) -> None:
        """Take note of the quotes that are new in a picture."""
        weight, slot, tracks = self._weight(at), int(at // POINT_S), self._tracks
        for quote in changed:
            track = tracks.get(quote.ticker)
            if track is None:  # how fast it came to what it is, nobody has seen
                track = tracks[quote.ticker] = _Track(quote.updates)
            count = quote.updates - track.updates
            track.updates = quote.updates
            track.score += count * weight
            price, known, points = quote.last, track.last, track.points
            last = None if price is None else price.value
            if last is not None and known is not None and last != known:
                track.direction = 1 if last > known else -1
            track.last = last
            if points and points[-1][0] == slot:
                count += points.pop()[2]
            points.append((slot, last, count))

    def take_connections(self, statuses: Iterable[ConnectionStatus], at: float) -> None:
        """Take note of what each connection has brought so far."""
        weight = self._weight(at)
        for status in statuses:
            messages = status.total.messages
            decayed = self._connections.setdefault(status.number, _Decayed())
            decayed.score += (messages - self._messages.get(status.number, messages)) * weight
            self._messages[status.number] = messages

    def score(self, ticker: str) -> float:
        """Activity for comparing tickers with each other: in proportion to their rates."""
        track = self._tracks.get(ticker)
        return 0.0 if track is None else track.score

    def rate(self, ticker: str, at: float) -> float:
        """Updates a second, of which the older ones count ever less."""
        return self._rate(self._tracks.get(ticker), at)

    def connection_rate(self, number: int, at: float) -> float:
        """Messages a second, in the same way."""
        return self._rate(self._connections.get(number), at)

    def direction(self, ticker: str) -> int:
        """1 when LAST is above the price of the trade before, -1 below, 0 while there was only one price."""
        track = self._tracks.get(ticker)
        return 0 if track is None else track.direction

    def series(self, ticker: str, at: float) -> Series:
        """The points up to now. A slot without a change has the price of the one before, and no updates."""
        end = int(at // POINT_S)
        track = self._tracks.get(ticker)
        points = {} if track is None else {slot: (last, count) for slot, last, count in track.points}
        start = end - POINTS + 1
        price = next((last for slot, (last, _) in reversed(points.items()) if slot < start), None)
        series = Series([], [])
        for slot in range(start, end + 1):
            price, count = points.get(slot, (price, 0))
            series.last.append(price)
            series.updates.append(count)
        return series

    def _weight(self, at: float) -> float:
        """What one update counts now."""
        if not self._tracks and not self._connections:
            self._epoch = self._began = at
        elif (at - self._epoch) / HALF_LIFE_S > _RESCALED_AFTER:
            self._rescale(at)
        return math.exp2((at - self._epoch) / HALF_LIFE_S)

    def _rescale(self, at: float) -> None:
        factor = math.exp2((self._epoch - at) / HALF_LIFE_S)
        for decayed in (*self._tracks.values(), *self._connections.values()):
            decayed.score *= factor
        self._epoch = at

    def _rate(self, decayed: _Decayed | None, at: float) -> float:
        if decayed is None:
            return 0.0
        score = decayed.score * math.exp2((self._epoch - at) / HALF_LIFE_S)
        seen = 1.0 - math.exp2(-max(SHORTEST_S, at - self._began) / HALF_LIFE_S)
        return score / seen * math.log(2) / HALF_LIFE_S
