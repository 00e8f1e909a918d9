"""An order book: packed while it crosses from process to process, and read only where somebody looks at it.

Most books are replaced by a newer one before anybody does, so that none of the processes on the way unpacks them.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import msgspec

MOST_DECIMALS = 12
"""The exchange documents 0 to 6; what claims more than this is no price."""

MOST_LOTS = 2**53
LADDERS_KEPT = 1024

Level = tuple[float, int | None]
"""One price level of an order book: price and lots; lots are None when the exchange sent none."""


class Fixed(msgspec.Struct, array_like=True, gc=False, forbid_unknown_fields=True):
    """A `fixed` of the exchange as it comes: `[value, decimals]`."""

    value: float
    decimals: Annotated[int, msgspec.Meta(ge=0, le=MOST_DECIMALS)]


class Row(msgspec.Struct, array_like=True, gc=False):
    """A price level as the exchange lists it, in its usual order of columns: BUYSELL, PRICE, QUANTITY."""

    side: Literal["B", "S"]
    price: Fixed
    lots: Annotated[int, msgspec.Meta(le=MOST_LOTS)] | None


class Ladder(NamedTuple):
    """Both sides of an order book, best levels first. An empty side is an empty list."""

    bids: list[Level]
    asks: list[Level]
    decimals: int


class Book(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An order book snapshot. Made by `pack`; `ladder` reads it, and keeps what was read for the next to ask."""

    packed: bytes

    @property
    def is_empty(self) -> bool:
        """Without a level on either side: told without reading the book."""
        return self.packed == _EMPTY

    @property
    def ladder(self) -> Ladder:
        return _ladder_of(self.packed)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Row])
_EMPTY = _encoder.encode([])


def pack(rows: Sequence[Row]) -> Book:
    """The book of these levels, in any order."""
    return Book(_encoder.encode(rows))


def book_of(bids: Iterable[Level], asks: Iterable[Level], decimals: int) -> Book:
    """The book of these two sides, all prices with the same decimals."""
    sides: list[tuple[Literal["B", "S"], Iterable[Level]]] = [("B", bids), ("S", asks)]
    return pack([Row(side, Fixed(price, decimals), lots) for side, levels in sides for price, lots in levels])


@lru_cache(LADDERS_KEPT)
def _ladder_of(packed: bytes) -> Ladder:
    rows = _decoder.decode(packed)
    bids = [(row.price.value, row.lots) for row in rows if row.side == "B"]
    asks = [(row.price.value, row.lots) for row in rows if row.side == "S"]
    bids.sort(key=_price_of_level, reverse=True)
    asks.sort(key=_price_of_level)
    return Ladder(bids, asks, max((row.price.decimals for row in rows), default=0))


def _price_of_level(level: Level) -> float:
    return level[0]
