"""Quote: all that is known of one instrument, and the one rule by which two such records merge.

The same type is used for a single message, for what an outbox merged between two flushes, for the hub's row and
for the display's row: each is the fold of the messages below it, by `merge`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeGuard

import msgspec

from shared.book import MOST_DECIMALS, Book, Level

LARGEST_NUMBER = 2.0**63
LATE_LIMIT_MS = 86_400_000.0
"""The most that a message can be late: what would be later than that is not, and what was known claimed a time that
cannot be true. So a message from the far future makes none that follows it look old, whatever any clock says."""

MOST_FIELDS = 200
"""Columns that are kept of one ticker; the exchange documents 41."""


class Phase(StrEnum):
    """What an instrument does now. AUCTION is every phase in which trades are rare or come all at once."""

    TRADING = "trading"
    AUCTION = "auction"
    BREAK = "break"
    CLOSED = "closed"
    UNKNOWN = "unknown"


PHASES: Mapping[str | None, Phase] = {
    **dict.fromkeys("TD", Phase.TRADING),
    **dict.fromkeys("OSLAabpFEI", Phase.AUCTION),
    **dict.fromkeys("B", Phase.BREAK),
    **dict.fromkeys("NC", Phase.CLOSED),
}
"""By TRADINGSTATUS; any other is unknown."""


class Price(NamedTuple):
    """A `fixed` of the exchange: the value and the number of decimals that belong to it (0 to 6)."""

    value: float
    decimals: int

    def __str__(self) -> str:
        return f"{self.value:.{self.decimals}f}"


class Stamp(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """Order of two messages of one stream of one ticker, whichever connection brought them."""

    exchange_ms: float
    seqnum: int


class Candle(msgspec.Struct, array_like=True, frozen=True):
    """The newest candle of the candles stream; `start` as the exchange sent it, Moscow time."""

    start: str
    open: Price | None
    high: Price | None
    low: Price | None
    close: Price | None
    value: float | None
    volume: int | None


Fields = dict[str, Any]
"""Columns of the securities stream by name, as JSON brought them: `[value, decimals]`, int, float, str or None."""


class Quote(msgspec.Struct, array_like=True, gc=False):
    """All that is known of one ticker (SECID, such as SBER).

    `updates` counts messages, merged and outdated ones included. `*_at` are receipt times on the machine's monotonic
    clock in seconds, None before the first message of that stream. `fields` is None until the securities stream spoke;
    `is_full` says that it starts with a snapshot, so that it replaces what was known before.
    """

    ticker: str
    updates: int = 0
    book: Book | None = None
    book_at: float | None = None
    book_stamp: Stamp | None = None
    fields: Fields | None = None
    fields_at: float | None = None
    fields_stamp: Stamp | None = None
    is_full: bool = False
    candle: Candle | None = None
    candle_at: float | None = None
    candle_stamp: Stamp | None = None

    def take_book(self, book: Book, at: float, stamp: Stamp | None) -> bool:
        """Replace the order book, unless `stamp` is older than what is here; False then."""
        if _is_older(stamp, self.book_stamp):
            return False
        self.book, self.book_at = book, at
        if stamp is not None:
            self.book_stamp = stamp
        return True

    def take_fields(self, fields: Fields, at: float, stamp: Stamp | None, *, is_full: bool) -> bool:
        """Merge securities columns, or replace them when `is_full`; False when `stamp` is older than what is here.

        Takes over `fields`: the caller does not use the dict afterwards.
        """
        if _is_older(stamp, self.fields_stamp):
            return False
        if is_full or self.fields is None:
            self.fields = fields
            self.is_full = is_full
        elif len(self.fields) + len(fields) <= MOST_FIELDS:
            self.fields.update(fields)
        else:
            self.fields.update({name: fields[name] for name in fields.keys() & self.fields.keys()})
        self.fields_at = at
        if stamp is not None:
            self.fields_stamp = stamp
        return True

    def take_candle(self, candle: Candle, at: float, stamp: Stamp | None) -> bool:
        """Keep the newest candle; False when it began earlier than the one here, or is an older state of the same."""
        known = self.candle
        if known is not None and candle.start < known.start:
            return False
        if known is not None and candle.start == known.start and _is_older(stamp, self.candle_stamp):
            return False
        self.candle, self.candle_at, self.candle_stamp = candle, at, stamp
        return True

    def merge(self, newer: "Quote") -> None:
        """Fold another record of the same ticker into this one; streams whose stamp is older are left out.

        Merging in batches gives what merging one by one gives, because a batch holds an unbroken run of its stream:
        one connection is in order, and between two of them the one that is ahead already holds what the other lacks.
        Takes over the parts of `newer`: the caller does not change it afterwards.
        """
        self.updates += newer.updates
        if newer.book is not None and newer.book_at is not None:
            self.take_book(newer.book, newer.book_at, newer.book_stamp)
        if newer.fields is not None and newer.fields_at is not None:
            self.take_fields(newer.fields, newer.fields_at, newer.fields_stamp, is_full=newer.is_full)
        if newer.candle is not None and newer.candle_at is not None:
            self.take_candle(newer.candle, newer.candle_at, newer.candle_stamp)

    @property
    def received_at(self) -> float | None:
        """Monotonic receipt time of the newest message that was taken; None before the first.

        A candle counts only where there is nothing else: it makes no older price new.
        """
        newest, fields_at = self.book_at, self.fields_at
        if fields_at is not None and (newest is None or fields_at > newest):
            newest = fields_at
        return self.candle_at if newest is None else newest

    @property
    def prices_at(self) -> float | None:
        """Monotonic receipt time of the message that `bid` and `ask` are from; None when there was none."""
        return self.fields_at if self.book is None else self.book_at

    @property
    def exchange_ms(self) -> float | None:
        """The exchange's own time of the newest message, milliseconds since 1970; None when it sent none."""
        stamp, fields_stamp = self.book_stamp, self.fields_stamp
        if stamp is None or (fields_stamp is not None and stamp < fields_stamp):
            stamp = fields_stamp
        return None if stamp is None or stamp.exchange_ms <= 0 else stamp.exchange_ms

    @property
    def bid(self) -> Price | None:
        """Best bid: of the order book once there was one, of the securities stream before."""
        if self.book is not None:
            return _best(self.book.ladder.bids, self.book.ladder.decimals)
        return self._price("BID")

    @property
    def ask(self) -> Price | None:
        """Best ask: of the order book once there was one, of the securities stream before."""
        if self.book is not None:
            return _best(self.book.ladder.asks, self.book.ladder.decimals)
        return self._price("OFFER")

    @property
    def last(self) -> Price | None:
        return self._price("LAST")

    @property
    def change(self) -> Price | None:
        """LAST minus the previous day's close, in the price's currency."""
        return self._price("CHANGE")

    @property
    def change_percent(self) -> float | None:
        """LAST against the previous day's close, in percent of that; None when one is unknown or the close is 0."""
        last, change = self.last, self.change
        if last is None:
            return None
        if change is not None:
            close = round(last.value - change.value, MOST_DECIMALS)
            return 100 * change.value / abs(close) if close else None
        before = self._price("PREVPRICE")
        return 100 * (last.value - before.value) / abs(before.value) if before is not None and before.value else None

    @property
    def spread(self) -> Price | None:
        """Best ask minus best bid, with the decimals of the finer of them; None when one is unknown."""
        bid, ask = self.bid, self.ask
        if bid is None or ask is None:
            return None
        decimals = max(bid.decimals, ask.decimals)
        return Price(round(ask.value - bid.value, decimals), decimals)

    @property
    def volume(self) -> int | None:
        """Securities traded today (VOLTODAY)."""
        volume = self._price("VOLTODAY")
        return None if volume is None else int(volume.value)

    @property
    def trading_status(self) -> str | None:
        """TRADINGSTATUS, one letter (T is the trading session); None when unknown."""
        status = (self.fields or {}).get("TRADINGSTATUS")
        return status if isinstance(status, str) else None

    @property
    def phase(self) -> Phase:
        """What the exchange says of this instrument, by its TRADINGSTATUS."""
        return PHASES.get(self.trading_status, Phase.UNKNOWN)

    @property
    def is_silence_expected(self) -> bool:
        """Whether the exchange says that this instrument is not in continuous trading: an old quote is no fault."""
        return self.phase not in (Phase.TRADING, Phase.UNKNOWN)

    @property
    def has_prices(self) -> bool:
        if self.last is not None:
            return True
        return not self.book.is_empty if self.book is not None else self.bid is not None or self.ask is not None

    def _price(self, column: str) -> Price | None:
        return None if self.fields is None else price_of(self.fields.get(column))


def price_of(cell: object) -> Price | None:
    """A cell of a `fixed` column: `[value, decimals]`, a plain number, or null. Anything else is None as well."""
    match cell:
        case [value, decimals] if _is_number(value) and type(decimals) is int and 0 <= decimals <= MOST_DECIMALS:
            return Price(float(value), decimals)
        case int() if _is_number(cell):
            return Price(float(cell), 0)
        case float() if _is_number(cell):
            _, _, fraction = f"{cell:.6f}".rstrip("0").partition(".")
            return Price(cell, len(fraction))
    return None


def _is_number(value: object) -> TypeGuard[float]:
    """True and false are none, although Python counts them as integers."""
    return type(value) in (int, float) and is_storable(value)  # type: ignore[arg-type]


def is_storable(number: float) -> bool:
    """Whether MessagePack and a double can hold it: JSON can name integers of any length."""
    return -LARGEST_NUMBER <= number < LARGEST_NUMBER


def _best(levels: list[Level], decimals: int) -> Price | None:
    return Price(levels[0][0], decimals) if levels else None


def _is_older(stamp: Stamp | None, known: Stamp | None) -> bool:
    return (
        stamp is not None
        and known is not None
        and stamp < known
        and known.exchange_ms - stamp.exchange_ms <= LATE_LIMIT_MS
    )
