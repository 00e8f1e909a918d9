"""The order of the rows: by a column, or by activity without rows that jump. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from shared.quotes import Quote

MARGIN = 1.5
"""How many times as active as the row above it a row must be to take its place."""


class SortKey(Enum):
    """What the rows can be sorted by; the value is what a person reads."""

    ACTIVITY = "activity"
    TICKER = "ticker"
    LAST = "last"
    CHANGE = "change"
    VOLUME = "volume"
    UPDATES = "updates"
    AGE = "age"


class Sorting(NamedTuple):
    """A key and a direction. The first press of a key gives the direction in which people mostly want it."""

    key: SortKey = SortKey.ACTIVITY
    is_descending: bool = True

    @classmethod
    def by(cls, key: SortKey) -> "Sorting":
        return cls(key, key not in (SortKey.TICKER, SortKey.AGE))

    def next(self) -> "Sorting":
        keys = list(SortKey)
        return Sorting.by(keys[(keys.index(self.key) + 1) % len(keys)])

    def reversed(self) -> "Sorting":
        return Sorting(self.key, not self.is_descending)


def sorted_by(sorting: Sorting, quotes: Iterable[Quote]) -> list[str]:
    """Tickers by a column; equal ones by ticker, and those without a value last, whatever the direction."""
    value_of = _VALUES[sorting.key]
    known: list[tuple[float, str]] = []
    unknown: list[str] = []
    for quote in quotes:
        value = value_of(quote)
        if value is None:
            unknown.append(quote.ticker)
        else:
            known.append((-value if sorting.is_descending else value, quote.ticker))
    return [ticker for _, ticker in sorted(known)] + sorted(unknown)


def by_ticker(tickers: Iterable[str], *, is_descending: bool) -> list[str]:
    return sorted(tickers, reverse=is_descending)


def by_activity(
    before: Sequence[str], quotes: Mapping[str, Quote], score_of: Callable[[str], float], *, is_steady: bool
) -> list[str]:
    """Tickers by activity, the most active first, the new ones as far up as their updates bring them.

    With `is_steady` a row that was there `before` rises only past rows that it exceeds by MARGIN.
    """
    if not is_steady:
        return sorted(quotes, key=lambda ticker: (-score_of(ticker), -quotes[ticker].updates, ticker))
    known = [ticker for ticker in before if ticker in quotes]
    strangers = quotes.keys() - set(known)
    order = known + sorted(strangers, key=lambda ticker: (-score_of(ticker), -quotes[ticker].updates, ticker))
    scores = [score_of(ticker) for ticker in order]
    for at in range(len(order) - 1, 0, -1):
        if scores[at] > MARGIN * scores[at - 1]:
            order[at - 1], order[at] = order[at], order[at - 1]
            scores[at - 1], scores[at] = scores[at], scores[at - 1]
    return order


def _value_of_last(quote: Quote) -> float | None:
    price = quote.last
    return None if price is None else price.value


def _age_order(quote: Quote) -> float | None:
    """The negative time of receipt grows with the age."""
    at = quote.received_at
    return None if at is None else -at


_VALUES: Mapping[SortKey, Callable[[Quote], float | None]] = {
    SortKey.LAST: _value_of_last,
    SortKey.CHANGE: lambda quote: quote.change_percent,
    SortKey.VOLUME: lambda quote: quote.volume,
    SortKey.UPDATES: lambda quote: quote.updates,
    SortKey.AGE: _age_order,
}
