"""ISS+ as the exchange speaks it: what to send, and what its bodies mean. Pure.

Facts are from the exchange's documentation and its own client (moexalgo/beta/issplus.py). Where the two leave a
question open (the unit of `timestamp`, numbers as text, a plain number for a `fixed`), every answer is taken.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from shared.printable import printable
from shared.quotes import Book, Candle, Fields, Level, Price, Quote, Stamp, is_storable, price_of
from shared.settings import Credentials
from shared.simulated import is_simulator

MARKET = "MXSE"
CANDLE_INTERVAL = "M1"
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
    properties: _Properties
    columns: tuple[str, ...]
    data: list[list[Any]]


_body_decoder = msgspec.json.Decoder(_Body)


def decode(subscription: Subscription, body: bytes | bytearray, received_at: float) -> Change:
    """What a MESSAGE of `subscription` changes. Raises BodyError, and nothing else, when it does not fit."""
    try:
        parsed = _body_decoder.decode(body)
        return _DECODERS[subscription.stream](subscription.ticker, parsed, received_at)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyError(str(error)) from error
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise BodyError(f"{type(error).__name__}: {error}") from error


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


# ---- order books


def _decode_book(ticker: str, body: _Body, at: float) -> Change:
    if body.properties.type != "snapshot":
        raise BodyError(f"an order book of type {body.properties.type!r}, only snapshots are known")
    columns = body.columns
    if not columns and not body.data:
        return _book_change(ticker, Book((), (), 0), at, body)
    side_at, price_at, lots_at = (columns.index(name) for name in ("BUYSELL", "PRICE", "QUANTITY"))
    bids: list[Level] = []
    asks: list[Level] = []
    decimals = 0
    for row in body.data:
        price = _price("PRICE", row[price_at])
        if price is None:
            continue
        decimals = max(decimals, price.decimals)
        side = {"B": bids, "S": asks}[row[side_at]]
        side.append(Level(price.value, _lots(row[lots_at])))
    bids.sort(key=_level_price, reverse=True)
    asks.sort(key=_level_price)
    return _book_change(ticker, Book(tuple(bids), tuple(asks), decimals), at, body)


def _book_change(ticker: str, book: Book, at: float, body: _Body) -> Change:
    return Change(Quote(ticker, 1, book, at, _stamp(body.properties)), is_snapshot=True)


def _level_price(level: Level) -> float:
    return level.price


def _lots(cell: object) -> int | None:
    lots = _price("QUANTITY", cell)
    return None if lots is None else int(lots.value)


def _price(column: str, cell: object) -> Price | None:
    """The number in a cell, None for null. Raises BodyError for anything else."""
    price = price_of(cell)
    if price is None and cell is not None and not (isinstance(cell, list) and cell[:1] == [None]):
        raise BodyError(f"{column} is no number: {cell!r}")
    return price


# ---- securities

_NUMERIC = frozenset(
    """
    LAST CHANGE BID OFFER HIGH LOW HIGHBID LOWOFFER BIDDEPTHT OFFERDEPTHT VOLTODAY VALTODAY NUMTRADES LCLOSEPRICE
    LCURRENTPRICE PREVPRICE WAPRICE PREVWAPRICE PRICEMINUSPREVWAPRICE QTY VALUE BASEPRICE MARKETPRICE LOTSIZE FACEVALUE
    ISSUESIZE ADMITTEDQUOTE MINSTEP PRICEMINSTEP
    """.split()
)
"""Columns that hold a number, bare or with decimals (the CONNECTED body lists their types)."""


def _decode_securities(ticker: str, body: _Body, at: float) -> Change:
    kind = body.properties.type
    if kind not in ("snapshot", "updates", "removal"):
        raise BodyError(f"securities of type {kind!r}")
    row = _row_of(ticker, body)
    fields: Fields = {} if kind == "removal" else {c: _cell(c, v) for c, v in zip(body.columns, row, strict=True)}
    is_full = kind != "updates"
    quote = Quote(ticker, 1, fields=fields, fields_at=at, fields_stamp=_stamp(body.properties), is_full=is_full)
    return Change(quote, is_snapshot=is_full)


def _row_of(ticker: str, body: _Body) -> list[Any]:
    """The row of `ticker`: normally the only one."""
    ticker_at = body.columns.index("TICKER")
    for row in body.data:
        if str(row[ticker_at]).rpartition(".")[2] == ticker:
            return row
    raise BodyError(f"no row for {ticker}")


def _cell(column: str, value: Any) -> Any:
    """The cell as the Quote keeps it: numbers as they came, text without control characters."""
    if column in _NUMERIC:
        return value if _price(column, value) is not None else None
    if value is None or price_of(value) is not None:
        return value
    return printable(value if isinstance(value, str) else repr(value))


# ---- candles


def _decode_candles(ticker: str, body: _Body, at: float) -> Change:
    is_snapshot = body.properties.type == "snapshot"
    quote = Quote(ticker, 1)
    if body.properties.type != "removal" and body.data:
        start_at = body.columns.index("FROM")
        newest = max(body.data, key=lambda row: str(row[start_at]))
        quote.candle, quote.candle_at = _candle(dict(zip(body.columns, newest, strict=True))), at
        quote.candle_stamp = _stamp(body.properties)
    return Change(quote, is_snapshot)


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
