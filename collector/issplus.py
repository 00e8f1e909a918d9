"""ISS+ as the exchange speaks it: what to send, and what its bodies mean. Pure.

Facts are from the exchange's documentation and its own client (moexalgo/beta/issplus.py). Where the two leave a
question open (the unit of `timestamp`, numbers as text, a plain number for a `fixed`), every answer is taken.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from shared.printable import printable
from shared.quotes import MOST_DECIMALS, Book, Candle, Fields, Level, Price, Quote, Stamp, is_storable, price_of
from shared.settings import Credentials
from shared.simulated import is_simulator

MARKET = "MXSE"
CANDLE_INTERVAL = "M1"
MOST_LOTS = 2**53
LAYOUTS_KEPT = 256
COLUMNS_LIMIT = 10_000
"""Bytes of a list of columns; the longest that is documented has 500."""

END_OF_TIME_MS = 4_102_444_800_000.0
"""The year 2100: a message that claims to be later would make all that follow it look old."""


class Stream(StrEnum):
    """The streams of a market that this program knows; the value is the end of the destination."""

    ORDERBOOKS = "orderbooks"
    SECURITIES = "securities"
    CANDLES = "candles"


class BodyError(ValueError):
    """A body does not fit what the exchange documents; str() says where."""


class Subscription(NamedTuple):
    """One SUBSCRIBE: `id` ties answers to it, for the body of an order book names no ticker."""

    id: str
    stream: Stream
    ticker: str
    destination: str
    selector: str


class Change(NamedTuple):
    """What one message changes, and whether it makes older messages of its subscription worthless."""

    quote: Quote
    is_snapshot: bool


def connect_headers(credentials: Credentials) -> dict[str, str]:
    """Exactly these three: with any other the gateway answers `gateway.exception`."""
    return {
        "domain": credentials.domain,
        "login": credentials.login,
        "passcode": credentials.passcode.reveal(),
    }


def subscriptions(tickers: Sequence[str], streams: Sequence[str], board: str) -> list[Subscription]:
    """The subscriptions of one connection, all streams of a ticker together."""
    pairs = [(ticker, Stream(stream)) for ticker in tickers for stream in streams]
    return [_subscription(number, ticker, stream, board) for number, (ticker, stream) in enumerate(pairs)]


def _subscription(number: int, ticker: str, stream: Stream, board: str) -> Subscription:
    selector = f'TICKER="{MARKET}.{board}.{ticker}"'
    if stream is Stream.CANDLES:
        selector += f' and interval="{CANDLE_INTERVAL}"'
    return Subscription(f"{number}-{ticker}", stream, ticker, f"{MARKET}.{stream}", selector)


def is_simulated(connected_headers: Mapping[str, str]) -> bool:
    """Whether a CONNECTED frame is from the built-in exchange, whatever address it was reached at."""
    return is_simulator(connected_headers.get("server"))


def is_temporary(message: str) -> bool:
    """Whether the `message` of an ERROR speaks of the gateway's own trouble, not of credentials or rights."""
    return message in ("gateway.exception", "gateway.timeout", "gateway.transport")


class _Properties(msgspec.Struct):
    type: str
    seqnum: int | float | str | None = None
    timestamp: int | float | str | None = None


class _Body(msgspec.Struct):
    """What every body is made of; how its rows are to be read is told by its own columns."""

    properties: _Properties
    columns: msgspec.Raw
    data: msgspec.Raw


_body_decoder = msgspec.json.Decoder(_Body)
_columns_decoder = msgspec.json.Decoder(tuple[str, ...])
_rows_decoder = msgspec.json.Decoder(list[list[Any]])

Rows = Sequence[Sequence[Any]]


def decode(subscription: Subscription, body: bytes | bytearray, received_at: float) -> Change:
    """What a MESSAGE of `subscription` changes. Raises BodyError, and nothing else, when it does not fit."""
    try:
        return _DECODERS[subscription.stream](subscription.ticker, _body_decoder.decode(body), received_at)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyError(str(error)) from error
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise BodyError(f"{type(error).__name__}: {error}") from error


_timestamp = re.compile(rb'"timestamp": ?"?(\d{1,19})')


def timestamp_in(buffer: bytes | bytearray, start: int, end: int) -> int:
    """The `timestamp` of a body that is not parsed, in its own unit; 0 when there is none to be seen."""
    found = _timestamp.search(buffer, start, end)
    return 0 if found is None else int(found[1])


def _key(columns: msgspec.Raw) -> bytes:
    """A list of columns as the caches of layouts know it."""
    if len(columns) > COLUMNS_LIMIT:
        raise BodyError(f"a list of columns of {len(columns)} bytes")
    return bytes(columns)


@lru_cache(LAYOUTS_KEPT)
def _names(columns: bytes) -> tuple[str, ...]:
    return _columns_decoder.decode(columns)


def _typed_rows(cells: Iterable[Any]) -> "msgspec.json.Decoder[Rows]":
    """A decoder of rows that have a cell of each of these types, in this order."""
    row: Any = tuple[tuple(cells)]  # type: ignore[misc]
    return msgspec.json.Decoder(list[row])


def _stamp(properties: _Properties) -> Stamp | None:
    timestamp, seqnum = _number(properties.timestamp), _number(properties.seqnum)
    if timestamp is None and seqnum is None:
        return None
    milliseconds = _to_milliseconds(timestamp or 0.0)
    return Stamp(milliseconds, int(seqnum or 0)) if milliseconds < END_OF_TIME_MS else None


def _number(value: float | str | None) -> float | None:
    """Numbers may come quoted; anything that is no number, or no sensible one, is unknown."""
    try:
        number = None if value is None else float(value)
    except ValueError:
        return None
    return number if number is not None and is_storable(number) else None


def _to_milliseconds(time: float) -> float:
    """The unit of `timestamp` is not documented: seconds, milliseconds, micro- and nanoseconds differ by size."""
    while time > 1e14:
        time /= 1e3
    return time * 1e3 if time < 1e11 else time


def _price(column: str, cell: object) -> Price | None:
    """The number in a cell, None for null. Raises BodyError for anything else."""
    price = price_of(cell)
    if price is None and cell is not None and not (isinstance(cell, list) and cell[:1] == [None]):
        raise BodyError(f"{column} is no number: {cell!r}")
    return price


# ---- order books


class _BookLayout(NamedTuple):
    """How rows with one list of columns are read: a decoder for cells as they usually are, and the three that count."""

    decoder: "msgspec.json.Decoder[Rows]"
    side_price_lots: Callable[[Sequence[Any]], tuple[Any, Any, Any]]


_BOOK_CELLS: Mapping[str, Any] = {"BUYSELL": str, "PRICE": tuple[float, int], "QUANTITY": int}
_price_of_level = itemgetter(0)


@lru_cache(LAYOUTS_KEPT)
def _book_layout(columns: bytes) -> _BookLayout:
    names = _names(columns)
    decoder = _typed_rows(_BOOK_CELLS.get(name, Any) for name in names)
    return _BookLayout(decoder, itemgetter(*(names.index(name) for name in _BOOK_CELLS)))


def _decode_book(ticker: str, body: _Body, at: float) -> Change:
    if body.properties.type != "snapshot":
        raise BodyError(f"an order book of type {body.properties.type!r}, only snapshots are known")
    sides: dict[str, list[Level]] = {"B": [], "S": []}
    decimals = 0
    for side, (price, price_decimals), lots in _levels(body):
        if lots is not None and lots > MOST_LOTS:
            raise BodyError(f"{lots} lots")
        sides[side].append((price, lots))
        if price_decimals != decimals:
            decimals = _finer(decimals, price_decimals)
    bids, asks = sides["B"], sides["S"]
    bids.sort(key=_price_of_level, reverse=True)
    asks.sort(key=_price_of_level)
    return Change(Quote(ticker, 1, Book(bids, asks, decimals), at, _stamp(body.properties)), is_snapshot=True)


def _levels(body: _Body) -> Iterable[tuple[str, tuple[float, int], int | None]]:
    if bytes(body.data) == b"[]":
        return []
    layout = _book_layout(_key(body.columns))
    try:
        return map(layout.side_price_lots, layout.decoder.decode(body.data))
    except msgspec.ValidationError:
        return _unusual_levels(map(layout.side_price_lots, _rows_decoder.decode(body.data)))


def _unusual_levels(cells: Iterable[tuple[Any, Any, Any]]) -> Iterable[tuple[str, tuple[float, int], int | None]]:
    """Levels whose cells are plain numbers or null. Raises BodyError for anything else."""
    for side, price_cell, lots_cell in cells:
        price, lots = _price("PRICE", price_cell), _price("QUANTITY", lots_cell)
        if price is not None:
            yield side, price, None if lots is None else int(lots.value)


def _finer(decimals: int, others: int) -> int:
    if not 0 <= others <= MOST_DECIMALS:
        raise BodyError(f"a price with {others} decimals")
    return max(decimals, others)


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


@lru_cache(LAYOUTS_KEPT)
def _securities_decoder(columns: bytes) -> "msgspec.json.Decoder[Rows]":
    """For rows whose cells are as they usually are: numbers where they belong, else text or null."""
    return _typed_rows(_NumericCell if name in _NUMERIC else str | None for name in _names(columns))


def _decode_securities(ticker: str, body: _Body, at: float) -> Change:
    kind = body.properties.type
    if kind not in ("snapshot", "updates", "removal"):
        raise BodyError(f"securities of type {kind!r}")
    is_full = kind != "updates"
    fields = _fields(ticker, body) if kind != "removal" else {}
    quote = Quote(ticker, 1, fields=fields, fields_at=at, fields_stamp=_stamp(body.properties), is_full=is_full)
    return Change(quote, is_snapshot=is_full)


def _fields(ticker: str, body: _Body) -> Fields:
    names = _names(_key(body.columns))
    try:
        row = _row_of(ticker, names, _securities_decoder(bytes(body.columns)).decode(body.data))
    except msgspec.ValidationError:
        row = _row_of(ticker, names, _rows_decoder.decode(body.data))
        row = [_usual_cell(name, cell) for name, cell in zip(names, row, strict=True)]
    fields = dict(zip(names, row, strict=True))
    for name, cell in fields.items():
        if type(cell) is str:
            if not cell.isprintable():
                fields[name] = printable(cell)
        elif cell is not None and price_of(cell) is None:
            raise BodyError(f"{name} is no number: {cell!r}")
    return fields


def _row_of(ticker: str, names: Sequence[str], rows: Rows) -> Sequence[Any]:
    """The row of `ticker`: normally the only one."""
    ticker_at = names.index("TICKER")
    for row in rows:
        if str(row[ticker_at]).rpartition(".")[2] == ticker:
            return row
    raise BodyError(f"no row for {ticker}")


def _usual_cell(column: str, cell: Any) -> Any:
    """A number or null of a numeric column; of another, what can be kept, and text for what cannot."""
    if column in _NUMERIC:
        return cell if _price(column, cell) is not None else None
    return cell if cell is None or isinstance(cell, str) or price_of(cell) is not None else repr(cell)


# ---- candles


def _decode_candles(ticker: str, body: _Body, at: float) -> Change:
    names, rows = _names(_key(body.columns)), _rows_decoder.decode(body.data)
    quote = Quote(ticker, 1)
    if body.properties.type != "removal" and rows:
        start_at = names.index("FROM")
        newest = max(rows, key=lambda row: str(row[start_at]))
        quote.candle, quote.candle_at = _candle(dict(zip(names, newest, strict=True))), at
        quote.candle_stamp = _stamp(body.properties)
    return Change(quote, is_snapshot=body.properties.type == "snapshot")


def _candle(cells: Mapping[str, Any]) -> Candle:
    opened, high, low, close, value, volume = (
        _price(name, cells.get(name)) for name in ("OPEN", "HIGH", "LOW", "CLOSE", "VALUE", "VOLUME")
    )
    return Candle(
        start=printable(str(cells["FROM"])),
        open=opened,
        high=high,
        low=low,
        close=close,
        value=None if value is None else value.value,
        volume=None if volume is None else int(volume.value),
    )


_DECODERS = {
    Stream.ORDERBOOKS: _decode_book,
    Stream.SECURITIES: _decode_securities,
    Stream.CANDLES: _decode_candles,
}
