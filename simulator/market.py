"""The market: every share with its book, its trades and its candles. Pure: time and chance are arguments.

The same seed and the same calls give the same market. The day of this exchange never ends: volumes and counts of the
day only grow, also past midnight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from random import Random

from simulator.book import Book
from simulator.candles import Candle, Candles
from simulator.instruments import Instrument, all_instruments
from simulator.moscow import midnight, moscow, previous_workday

QUOTE_COLUMNS = ("BID", "OFFER", "HIGHBID", "LOWOFFER", "BIDDEPTHT", "OFFERDEPTHT")
DEAL_COLUMNS = (
    *("LAST", "CHANGE", "HIGH", "LOW", "VOLTODAY", "VALTODAY", "NUMTRADES", "LCURRENTPRICE", "WAPRICE"),
    *("PRICEMINUSPREVWAPRICE", "QTY", "VALUE", "TIME"),
)
CURRENT_PRICE_WINDOW_S = 600
_DAY_SO_FAR_S = 4 * 3600
_MOST_EARLY_TRADES = 480
_FEWEST_EARLY_TRADES = 3
_EARLY_TRADES_PER_ACTIVITY = 8
_WANDERING_SHARE = 0.10
_TRADING_SHARE, _MOVING_SHARE = 0.15, 0.25
_PAST_DAYS = 255


@dataclass(frozen=True, slots=True)
class Change:
    """What one step did: to which share, and which columns of the securities stream are new. The book always is."""

    share: "Share"
    columns: tuple[str, ...]


class Share:
    """One share as it stands. Prices are units, `volume` is shares, `turnover` is units times shares."""

    def __init__(self, instrument: Instrument, seed: int, started_at: float, *, is_open: bool) -> None:
        self.instrument = instrument
        self.is_open = is_open
        self._seed = f"{seed} {instrument.secid}"
        self._random = Random(self._seed)
        self._typical_lots = _typical_lots(instrument)
        self.previous_average = self._near_previous(0.002)
        self.volume = self.turnover = self.trades = self.lots = 0
        self.last = self.high = self.low = self._near_previous(0.015)
        self.traded_at = started_at
        self.candles = Candles(_utc_offset_s(started_at))
        self._trade_until(started_at)
        self.book = self._first_book()
        self.high_bid, self.low_offer = max(self.high, self.book.bids.best), min(self.low, self.book.asks.best)

    @property
    def trading_status(self) -> str:
        """TRADINGSTATUS: T is the trading session, N is not traded now."""
        return "T" if self.is_open else "N"

    @property
    def average(self) -> int:
        """Average price of the day, weighted by volume (WAPRICE)."""
        return round(self.turnover / self.volume)

    @property
    def money(self) -> int:
        """Value of the day's trades in roubles (VALTODAY)."""
        return self.turnover // self.instrument.scale

    @property
    def current_price(self) -> int:
        """Average price of about the last ten minutes (LCURRENTPRICE); the last price when nothing was traded."""
        average = self.candles.weighted_average(self.traded_at - CURRENT_PRICE_WINDOW_S)
        return self.last if average is None else average

    def act(self, random: Random, now: float) -> Change:
        """Let something happen: mostly orders come and go, sometimes prices move, sometimes a trade is made."""
        before = self._quote()
        chance = random.random()
        if chance < _TRADING_SHARE:
            traded = self._trade(random, now)
        else:
            traded = ()
            if chance < _TRADING_SHARE + _MOVING_SHARE:
                self.book.move(self._direction(random))
            else:
                self.book.resize_a_level()
        self.high_bid = max(self.high_bid, self.book.bids.best)
        self.low_offer = min(self.low_offer, self.book.asks.best)
        quoted = [name for name, old, new in zip(QUOTE_COLUMNS, before, self._quote(), strict=True) if old != new]
        return Change(self, (*traded, *quoted))

    def past_candles(self) -> Candles:
        """The candles, with the days before the first trade filled in; those cost a few milliseconds once."""
        if not self.candles.past_days:
            self.candles.past_days = _past_days(self.instrument, self._seed, self.candles.latest("D1", 1)[0].start)
        return self.candles

    def _quote(self) -> tuple[int, ...]:
        bids, asks = self.book.bids, self.book.asks
        return bids.best, asks.best, self.high_bid, self.low_offer, bids.depth, asks.depth

    def _trade(self, random: Random, now: float) -> tuple[str, ...]:
        side = self.book.bids if random.random() < self._downward() else self.book.asks
        before = self._deal()
        price, lots = self.book.take(side)
        self._record(now, price, lots)
        return tuple(name for name, old, new in zip(DEAL_COLUMNS, before, self._deal(), strict=True) if old != new)

    def _deal(self) -> tuple[object, ...]:
        """One value for each of DEAL_COLUMNS, which differs when the column does."""
        last, average = self.last, self.average
        return (
            *(last, last, self.high, self.low, self.volume, self.money, self.trades, self.current_price, average),
            *(last, self.lots, last * self.lots, int(self.traded_at)),
        )

    def _record(self, at: float, price: int, lots: int, count: int = 1) -> None:
        shares = lots * self.instrument.lot
        self.last, self.lots, self.traded_at = price, lots, at
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.volume += shares
        self.turnover += price * shares
        self.trades += count
        self.candles.trade(at, price, shares)

    def _trade_until(self, started_at: float) -> None:
        """The trades of the day before this exchange was started, a few large ones for the many small ones."""
        random, step = self._random, self.instrument.step
        window_s = min(_DAY_SO_FAR_S, started_at - midnight(moscow(started_at).date()))
        wanted = int(_MOST_EARLY_TRADES * _EARLY_TRADES_PER_ACTIVITY * self.instrument.activity)
        count = max(_FEWEST_EARLY_TRADES, min(_MOST_EARLY_TRADES, wanted))
        price = self.last
        for ago in sorted((random.uniform(0.0, window_s) for _ in range(count)), reverse=True):
            self._record(started_at - ago, price, random.randint(1, 4) * self._typical_lots, random.randint(1, 9))
            price += self._direction(random) * random.randint(0, 4) * step

    def _first_book(self) -> Book:
        gap = 1 + min(4, int(0.02 / self.instrument.activity))
        return Book(self.last, self.instrument.step, gap, self._typical_lots, self._random)

    def _near_previous(self, share: float) -> int:
        instrument = self.instrument
        steps = int(instrument.previous * share / instrument.step)
        return instrument.previous + self._random.randint(-steps, steps) * instrument.step

    def _direction(self, random: Random) -> int:
        return -1 if random.random() < self._downward() else 1

    def _downward(self) -> float:
        """The chance that the price goes down next: more than half when it stands above the day before."""
        previous = self.instrument.previous
        return 0.5 + 0.5 * max(-1.0, min(1.0, (self.last - previous) / (previous * _WANDERING_SHARE)))


class Market:
    """All shares. One step lets something happen to one of them, to the active ones far more often."""

    def __init__(
        self,
        seed: int,
        started_at: float,
        *,
        is_open: bool = True,
        instruments: Sequence[Instrument] | None = None,
    ) -> None:
        chosen = all_instruments() if instruments is None else instruments
        self.is_open = is_open
        self.shares = {each.secid: Share(each, seed, started_at, is_open=is_open) for each in chosen}
        self._all = list(self.shares.values())
        self._odds = list(accumulate(each.activity for each in chosen))
        self._random = Random(seed)

    def step(self, now: float) -> Change:
        """Let something happen to one share. `now` never goes back. Only for an open market."""
        (share,) = self._random.choices(self._all, cum_weights=self._odds)
        return share.act(self._random, now)


def _typical_lots(instrument: Instrument) -> int:
    """The usual size of a level: more money where more is traded."""
    value = 2_000_000 * max(0.02, sqrt(instrument.activity))
    return max(1, round(value / (instrument.previous / instrument.scale * instrument.lot)))


def _utc_offset_s(at: float) -> int:
    offset = moscow(at).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _past_days(instrument: Instrument, seed: str, first_day: int) -> tuple[Candle, ...]:
    """Days before `first_day` (its midnight), made backwards from the previous price."""
    random, step = Random(f"{seed} past"), instrument.step
    swing = max(2, instrument.previous // step // 80)
    day, close = moscow(first_day).date(), instrument.previous
    days: list[Candle] = []
    for _ in range(_PAST_DAYS):
        day = previous_workday(day)
        opened = max(step * swing, close + random.randint(-swing, swing) * step)
        candle = Candle(midnight(day), midnight(day) + 86_400, opened)
        for price in (max(opened, close) + random.randint(0, swing) * step, min(opened, close), close):
            candle.trade(midnight(day) + 67_199, price, random.randint(100, 20_000) * instrument.lot)
        days.append(candle)
        close = opened
    return tuple(reversed(days))
