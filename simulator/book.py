"""The order book of one share, and how it moves. Pure: the chance is an argument.

Prices are units of the instrument, see instruments.py; sizes are lots. What always holds: best bid < best ask, every
price is a positive multiple of the step, no level is empty, each side has MIN_LEVELS to MAX_LEVELS levels.
"""

from random import Random

MIN_LEVELS = 10
MAX_LEVELS = 20
_IMPROVING_SHARE = 0.9
_WIDEST_SPREAD_GAPS = 8


class Side:
    """Levels of one side, the best first. `outward` is -1 for bids and +1 for asks. `depth` is the sum of all lots."""

    __slots__ = ("depth", "lots", "outward", "prices")

    def __init__(self, outward: int) -> None:
        self.outward = outward
        self.prices: list[int] = []
        self.lots: list[int] = []
        self.depth = 0

    @property
    def best(self) -> int:
        return self.prices[0]

    def put_best(self, price: int, lots: int) -> None:
        self.prices.insert(0, price)
        self.lots.insert(0, lots)
        self.depth += lots

    def put_last(self, price: int, lots: int) -> None:
        self.prices.append(price)
        self.lots.append(lots)
        self.depth += lots

    def resize(self, index: int, lots: int) -> None:
        """Set the lots of a level; 0 removes it."""
        self.depth += lots - self.lots[index]
        self.lots[index] = lots
        if lots == 0:
            del self.prices[index], self.lots[index]


class Book:
    """See the module. `gap` is the usual distance of two levels in steps, `typical_lots` the usual size of a level."""

    __slots__ = ("_gap", "_random", "_step", "_typical_lots", "asks", "bids")

    def __init__(self, last: int, step: int, gap: int, typical_lots: int, random: Random) -> None:
        self._step, self._gap, self._typical_lots, self._random = step, gap, typical_lots, random
        self.bids, self.asks = Side(-1), Side(+1)
        is_last_the_bid = random.random() < 0.5
        spread = random.randint(1, gap) * step
        self.bids.put_best(last if is_last_the_bid else last - spread, self._some_lots())
        self.asks.put_best(last + spread if is_last_the_bid else last, self._some_lots())
        for side in (self.bids, self.asks):
            self._fill(side, random.randint(MIN_LEVELS, MAX_LEVELS))

    def resize_a_level(self) -> None:
        """Orders come or go at one level, mostly near the best one."""
        random = self._random
        side = self.bids if random.random() < 0.5 else self.asks
        index = min(int(random.expovariate(0.35)), len(side.lots) - 1)
        lots = self._some_lots()
        side.resize(index, lots if lots != side.lots[index] else lots + 1)

    def move(self, direction: int) -> None:
        """Shift the prices up (+1) or down (-1): one side comes closer, or the other one gives way."""
        coming, leaving = (self.bids, self.asks) if direction > 0 else (self.asks, self.bids)
        room = (self.asks.best - self.bids.best) // self._step - 1
        is_wide = room >= _WIDEST_SPREAD_GAPS * self._gap
        if room > 0 and (is_wide or self._random.random() < _IMPROVING_SHARE):
            steps = self._random.randint(1, min(room, max(self._gap, room // 2)))
            coming.put_best(coming.best + direction * steps * self._step, self._some_lots())
        else:
            leaving.resize(0, 0)
        self._tend()

    def take(self, side: Side) -> tuple[int, int]:
        """A trade against the best level of `side`: its price and its lots, at most those of the level."""
        price = side.best
        wanted = self._some_lots() // 4 + 1
        taken = min(wanted, side.lots[0])
        side.resize(0, side.lots[0] - taken)
        self._tend()
        return price, taken

    def _tend(self) -> None:
        for side in (self.bids, self.asks):
            if len(side.prices) < MIN_LEVELS:
                self._fill(side, MIN_LEVELS + 2)
            elif len(side.prices) > MAX_LEVELS:
                side.resize(MAX_LEVELS, 0)

    def _fill(self, side: Side, levels: int) -> None:
        while len(side.prices) < levels:
            distance = self._random.randint(1, self._gap) * self._step
            side.put_last(side.prices[-1] + side.outward * distance, self._some_lots())

    def _some_lots(self) -> int:
        return 1 + int(self._random.expovariate(1.0 / self._typical_lots))
