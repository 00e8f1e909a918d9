"""Candles of one share, made from its trades. Pure: every time is an argument, seconds since 1970.

Candles of minutes, tens of minutes, hours and days are kept as trades come; the longer ones are made of days on demand.
"""

from collections import deque
from collections.abc import Iterable
from datetime import date

from simulator.moscow import midnight, moscow

CANDLES_KEPT = 256
_DAY_S = 86_400
_KEPT_PERIODS_S = {"M1": 60, "M10": 600, "H1": 3600, "D1": _DAY_S}
INTERVALS = ("M1", "M10", "H1", "D1", "W1", "m1", "m3", "Q1")


class Candle:
    """One candle: `start` and `end` (exclusive) enclose it, `traded_at` is the time of its last trade.

    Prices are units, `volume` is shares, `turnover` is units times shares.
    """

    __slots__ = ("close", "end", "high", "low", "open", "start", "traded_at", "turnover", "volume")

    def __init__(self, start: int, end: int, price: int) -> None:
        self.start, self.end, self.traded_at = start, end, float(start)
        self.open = self.high = self.low = self.close = price
        self.volume = self.turnover = 0

    def trade(self, at: float, price: int, shares: int) -> None:
        self.traded_at, self.close = at, price
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.volume += shares
        self.turnover += price * shares

    def join(self, later: "Candle") -> None:
        """Take in a later candle that lies within this one."""
        self.traded_at, self.close = later.traded_at, later.close
        self.high, self.low = max(self.high, later.high), min(self.low, later.low)
        self.volume += later.volume
        self.turnover += later.turnover


class Candles:
    """All candles of one share. `past_days` are those before the first trade, oldest first."""

    def __init__(self, utc_offset_s: int) -> None:
        self._utc_offset_s = utc_offset_s
        self._kept: dict[str, deque[Candle]] = {name: deque(maxlen=CANDLES_KEPT) for name in _KEPT_PERIODS_S}
        self._series = [(self._kept[name], period) for name, period in _KEPT_PERIODS_S.items()]
        self.past_days: tuple[Candle, ...] = ()

    def trade(self, at: float, price: int, shares: int) -> None:
        """Record one trade; `at` never goes back."""
        for series, period in self._series:
            if not series or at >= series[-1].end:
                start = int(at) - (int(at) + self._utc_offset_s) % period
                series.append(Candle(start, start + period, price))
            series[-1].trade(at, price, shares)

    def latest(self, interval: str, count: int = CANDLES_KEPT) -> list[Candle]:
        """The last `count` candles of an interval out of INTERVALS, oldest first. Fewer, where fewer are known."""
        if interval in ("M1", "M10", "H1"):
            return list(self._kept[interval])[-count:]
        days = [*self.past_days, *self._kept["D1"]][-CANDLES_KEPT:]
        return (days if interval == "D1" else _joined(days, interval))[-count:]

    def weighted_average(self, since: float) -> int | None:
        """Average price of the minutes that start at `since` or later, weighted by volume; None when nothing traded."""
        volume = turnover = 0
        for minute in reversed(self._kept["M1"]):
            if minute.start < since:
                break
            volume += minute.volume
            turnover += minute.turnover
        return round(turnover / volume) if volume else None


def _joined(days: Iterable[Candle], interval: str) -> list[Candle]:
    joined: list[Candle] = []
    for day in days:
        if not joined or day.start >= joined[-1].end:
            start, end = _period_around(moscow(day.start).date(), interval)
            joined.append(Candle(midnight(start), midnight(end), day.open))
        joined[-1].join(day)
    return joined


def _period_around(day: date, interval: str) -> tuple[date, date]:
    """First day of the week, month or quarter that holds `day`, and of the next one."""
    if interval == "W1":
        monday = date.fromordinal(day.toordinal() - day.weekday())
        return monday, date.fromordinal(monday.toordinal() + 7)
    months = 1 if interval == "m1" else 3
    first = (day.month - 1) // months * months
    following = first + months
    return day.replace(month=first + 1, day=1), date(day.year + following // 12, following % 12 + 1, 1)
