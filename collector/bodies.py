"""What the bodies of the exchange's messages mean. Pure, and part of the hot path.

Facts are from the exchange's documentation and its own client (moexalgo/beta/issplus.py). Where the two leave a
question open (numbers as text, a plain number for a `fixed`), every answer is taken: bodies as they usually are go
through typed decoders, the others are read cell by cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from collector.issplus import Stream, Subscription
from collector.stamps import Properties, stamp_of
from collector.trading_calendar import MOSCOW
from shared.book import MOST_DECIMALS, MOST_LOTS, Book, Fixed, Row, pack
from shared.printable import printable
from shared.quotes import LARGEST_NUMBER, LATE_LIMIT_MS, Candle, Fields, Price, Quote, Stamp, price_of

BODY_LIMIT = 256 * 2**10
"""Bytes of a body; an order book with every level has some 10 kB, the first candles 25 kB."""

TEXT_KEPT = 200
LONG_BODY = 4 * 2**10
"""Characters that are kept of a text, and bytes of a body whose texts are worth measuring: of each ticker many texts
are kept at once, and a snapshot of the exchange has 1.5 kB."""

LAYOUTS_KEPT = 256
COLUMNS_LIMIT = 2_000
"""Bytes of a list of columns; the longest that is documented has 500."""

TOLD_LENGTH = 100
"""Characters of what does not fit that are told."""

UNLIMITED = "\U0010ffff"


class BodyError(ValueError):
    """A body does not fit what the exchange documents; str() says where."""


class _Body(msgspec.Struct, gc=False):
    """What every body is made of; how its rows are to be read is told by its own columns."""

    properties: Properties
    columns: msgspec.Raw
    data: msgspec.Raw


class _BookBody(msgspec.Struct, gc=False):
    """An order book, if its columns turn out to be the usual ones."""

    properties: Properties
    columns: msgspec.Raw
    data: list[Row]


_body_decoder = msgspec.json.Decoder(_Body)
_book_decoder = msgspec.json.Decoder(_BookBody)
_columns_decoder = msgspec.json.Decoder(tuple[str, ...])
_rows_decoder = msgspec.json.Decoder(list[list[Any]])

Rows = Sequence[Sequence[Any]]


def decode(subscription: Subscription, body: bytes, received_at: float) -> Quote:
    """What a MESSAGE of `subscription` changes. Raises BodyError, and nothing else, when it does not fit.

    An order book is a snapshot: one that fits makes all older ones of its subscription worthless.
    """
    stream = subscription.stream
    if len(body) > BODY_LIMIT:
        raise BodyError(f"a body of {len(body)} bytes, more than {BODY_LIMIT} are not taken")
    try:
        if stream is Stream.ORDERBOOKS:
            return _decode_book(subscription.ticker, body, received_at)
        if stream is Stream.SECURITIES:
            return _decode_securities(subscription.ticker, body, received_at)
        return _decode_candles(subscription.ticker, body, received_at)
    except BodyError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyError(str(error)[:TOLD_LENGTH]) from error
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise BodyError(f"{type(error).__name__}: {error}"[:TOLD_LENGTH]) from error


def _key(columns: msgspec.Raw) -> bytes:
    """A list of columns as the caches of layouts know it."""
    key = bytes(columns)
    if len(key) > COLUMNS_LIMIT:
        raise BodyError(f"a list of columns of {len(key)} bytes")
    return key


@lru_cache(LAYOUTS_KEPT)
def _names(columns: bytes) -> tuple[str, ...]:
    return _columns_decoder.decode(columns)


def _misfit(what: str, cell: object) -> BodyError:
    return BodyError(f"{what}: {cell!r:.{TOLD_LENGTH}}")


def _price(column: str, cell: object) -> Price | None:
    """The number in a cell, None for null. Raises BodyError for anything else."""
    price = price_of(cell)
    if price is None and cell is not None and not (isinstance(cell, list) and cell[:1] == [None]):
        raise _misfit(f"{column} is no number", cell)
    return price


# ---- order books

_BOOK_COLUMNS = ("BUYSELL", "PRICE", "QUANTITY")


@lru_cache(LAYOUTS_KEPT)
def _is_usual_book(columns: bytes) -> bool:
    """Whether a level of a book with these columns begins with the cells of a Row."""
    return _names(columns)[: len(_BOOK_COLUMNS)] == _BOOK_COLUMNS


def _decode_book(ticker: str, raw: bytes, at: float) -> Quote:
    try:
        body: _BookBody | _Body = _book_decoder.decode(raw)
    except msgspec.ValidationError:
        body = _body_decoder.decode(raw)
    if body.properties.type != "snapshot":
        raise _misfit("an order book that is no snapshot, but", body.properties.type)
    if isinstance(body, _BookBody) and _is_usual_book(_key(body.columns)):
        book = pack(body.data)
    else:
        book = _unusual_book(_body_decoder.decode(raw))
    return Quote(ticker, 1, book, at, stamp_of(body.properties))


def _unusual_book(body: _Body) -> Book:
    """Of columns in another order, or cells that are plain numbers or null. Raises BodyError for anything else."""
    if not (rows := _rows_decoder.decode(body.data)):
        return pack([])
    names = _names(_key(body.columns))
    side_at, price_at, lots_at = (names.index(name) for name in _BOOK_COLUMNS)
    levels = (_level(row[side_at], row[price_at], row[lots_at]) for row in rows)
    return pack([level for level in levels if level is not None])


def _level(side: Literal["B", "S"], price_cell: object, lots_cell: object) -> Row | None:
    """None for a level without a price."""
    price, lots = _price("PRICE", price_cell), _price("QUANTITY", lots_cell)
    if price is None:
        return None
    if side not in ("B", "S"):
        raise _misfit("BUYSELL is no side", side)
    if lots is not None and lots.value > MOST_LOTS:
        raise BodyError(f"{lots} lots")
    return Row(side, Fixed(price.value, price.decimals), None if lots is None else int(lots.value))


# ---- securities

_NUMERIC = frozenset(
    """
    LAST CHANGE BID OFFER HIGH LOW HIGHBID LOWOFFER BIDDEPTHT OFFERDEPTHT VOLTODAY VALTODAY NUMTRADES LCLOSEPRICE
    LCURRENTPRICE PREVPRICE WAPRICE PREVWAPRICE PRICEMINUSPREVWAPRICE QTY VALUE BASEPRICE MARKETPRICE LOTSIZE FACEVALUE
    ISSUESIZE ADMITTEDQUOTE MINSTEP PRICEMINSTEP
    """.split()
)
"""Columns that hold a number, bare or with decimals (the CONNECTED body lists their types)."""

_NumericCell = float | tuple[float, int] | None
"""Without constraints: with one inside such a union, msgspec 0.22.0 corrupts the heap."""


class _SecuritiesLayout(NamedTuple):
    """How rows with one list of columns are read: numbers where they belong, else text or null."""

    names: tuple[str, ...]
    ticker_at: int
    decoder: "msgspec.json.Decoder[Rows]"


@lru_cache(LAYOUTS_KEPT)
def _securities_layout(columns: bytes) -> _SecuritiesLayout:
    names = _names(columns)
    cells: Iterable[Any] = (_NumericCell if name in _NUMERIC else str | None for name in names)
    row: Any = tuple[tuple(cells)]  # type: ignore[misc]
    return _SecuritiesLayout(names, names.index("TICKER"), msgspec.json.Decoder(list[row]))


def _decode_securities(ticker: str, raw: bytes, at: float) -> Quote:
    body = _body_decoder.decode(raw)
    kind = body.properties.type
    if kind not in ("snapshot", "updates", "removal"):
        raise _misfit("securities of an unknown type", kind)
    fields = _fields(ticker, body) if kind != "removal" else {}
    if len(raw) > LONG_BODY:
        fields = {name: cell[:TEXT_KEPT] if isinstance(cell, str) else cell for name, cell in fields.items()}
    return Quote(ticker, 1, None, None, None, fields, at, stamp_of(body.properties), kind != "updates")


def _fields(ticker: str, body: _Body) -> Fields:
    names, ticker_at, decoder = _securities_layout(_key(body.columns))
    try:
        row = _row_of(ticker, ticker_at, decoder.decode(body.data))
    except msgspec.ValidationError:
        row = _row_of(ticker, ticker_at, _rows_decoder.decode(body.data))
        row = [_usual_cell(name, cell) for name, cell in zip(names, row, strict=True)]
    is_printable = True
    for cell in row:
        kind = type(cell)
        if kind is str:
            is_printable = is_printable and cell.isprintable()
        elif kind is tuple:
            value, decimals = cell
            if not (0 <= decimals <= MOST_DECIMALS and -LARGEST_NUMBER <= value < LARGEST_NUMBER):
                raise _misfit("no number", cell)
        elif kind is float:
            if not -LARGEST_NUMBER <= cell < LARGEST_NUMBER:
                raise _misfit("no number", cell)
        elif cell is not None and price_of(cell) is None:
            raise _misfit("no number", cell)
    if not is_printable:
        row = [printable(cell) if isinstance(cell, str) else cell for cell in row]
    if len(row) != len(names):
        raise BodyError(f"{len(row)} cells for {len(names)} columns")
    return dict(zip(names, row))  # noqa: B905 - to be told of it by zip costs half as much again


def _row_of(ticker: str, ticker_at: int, rows: Rows) -> Sequence[Any]:
    """The row of `ticker`: normally the only one. It may be named in full, as `MARKET.BOARD.SECID`."""
    for row in rows:
        name = row[ticker_at]
        if name == ticker or str(name).rpartition(".")[2] == ticker:
            return row
    raise BodyError(f"no row for {ticker}")


def _usual_cell(column: str, cell: Any) -> Any:
    """A number or null of a numeric column; of another, what can be kept, and text for what cannot."""
    if column in _NUMERIC:
        return cell if _price(column, cell) is not None else None
    return cell if cell is None or isinstance(cell, str) or price_of(cell) is not None else repr(cell)


# ---- candles


def _decode_candles(ticker: str, raw: bytes, at: float) -> Quote:
    body = _body_decoder.decode(raw)
    names, rows = _names(_key(body.columns)), _rows_decoder.decode(body.data)
    quote = Quote(ticker, 1)
    if body.properties.type != "removal" and rows:
        stamp = stamp_of(body.properties)
        newest = _newest_row(rows, names.index("FROM"), stamp)
        quote.candle, quote.candle_at = _candle(dict(zip(names, newest, strict=True))), at
        quote.candle_stamp = stamp
    return quote


def _newest_row(rows: Rows, start_at: int, stamp: Stamp | None) -> Sequence[Any]:
    """Of those that can have begun when the message was sent: one of the year 9999 would hide all that follow.

    Times are Moscow's, in a form that sorts. A day is left for clocks and time zones.
    """
    sent_ms = 0.0 if stamp is None else stamp.exchange_ms
    latest = _moscow_time(sent_ms + LATE_LIMIT_MS) if sent_ms > 0 else UNLIMITED
    credible = [row for row in rows if str(row[start_at]) <= latest]
    if not credible:
        raise _misfit("a candle that has not begun", rows[0][start_at])
    return max(credible, key=lambda row: str(row[start_at]))


def _moscow_time(milliseconds: float) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, MOSCOW):%Y-%m-%d %H:%M:%S}"


def _candle(cells: Mapping[str, Any]) -> Candle:
    opened, high, low, close, value, volume = (
        _price(name, cells.get(name)) for name in ("OPEN", "HIGH", "LOW", "CLOSE", "VALUE", "VOLUME")
    )
    return Candle(
        start=printable(str(cells["FROM"])[:TEXT_KEPT]),
        open=opened,
        high=high,
        low=low,
        close=close,
        value=None if value is None else value.value,
        volume=None if volume is None else int(volume.value),
    )
