"""JSON bodies of the streams, built by hand because the built-in exchange builds thousands a second. Pure."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from simulator.book import Side
from simulator.candles import Candle
from simulator.instruments import Instrument
from simulator.market import Share
from simulator.moscow import clock_text, moscow, next_workday, stamp_text

CONTENT_TYPE = "application/json"
_BOOK_COLUMNS = '"columns":["BUYSELL","PRICE","QUANTITY","REPOVALUE"]'
_CANDLE_COLUMNS = '"columns":["FROM","TILL","OPEN","HIGH","LOW","CLOSE","VALUE","VOLUME"]'
_MONEY_DECIMALS = 2
_NULL = "null"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the properties of a body say of its order and time. `at` is seconds since 1970."""

    seqnum: int
    at: float


def properties(kind: str, stamp: Stamp) -> str:
    """The first member of every body; `kind` is snapshot, updates or removal, times are milliseconds."""
    at_ms = int(stamp.at * 1000)
    return f'"properties":{{"type":"{kind}","seqnum":{stamp.seqnum},"timestamp":{at_ms},"published":{at_ms}}}'


def orderbook(share: Share, stamp: Stamp) -> bytes:
    """Every level: bids ascending, then asks ascending."""
    decimals = share.instrument.decimals
    bids, asks = share.book.bids, share.book.asks
    rows = [*reversed(_levels(bids, "B", decimals)), *_levels(asks, "S", decimals)]
    return f'{{{properties("snapshot", stamp)},{_BOOK_COLUMNS},"data":[{",".join(rows)}]}}'.encode()


def _levels(side: Side, letter: str, decimals: int) -> list[str]:
    scale = 10**decimals
    start, end = f'["{letter}",[', f",{decimals}],"
    return [
        f"{start}{price / scale:.{decimals}f}{end}{lots},null]"
        for price, lots in zip(side.prices, side.lots, strict=True)
    ]


def security_snapshot(share: Share, language: str, stamp: Stamp) -> bytes:
    """All 41 columns of one share; `language` is that of its CAPTION, ru or en."""
    cells = {name: cell(share) for name, cell in SECURITY_COLUMNS.items()}
    if language == "en":
        cells["CAPTION"] = _text(share.instrument.latin)
    return _table("snapshot", stamp, cells)


def security_updates(share: Share, columns: Iterable[str], stamp: Stamp) -> bytes:
    """TICKER and the given columns, as they are now."""
    cells = {"TICKER": _text(share.instrument.ticker)}
    cells.update((name, SECURITY_COLUMNS[name](share)) for name in columns)
    return _table("updates", stamp, cells)


def _table(kind: str, stamp: Stamp, cells: dict[str, str]) -> bytes:
    names = '","'.join(cells)
    return f'{{{properties(kind, stamp)},"columns":["{names}"],"data":[[{",".join(cells.values())}]]}}'.encode()


def candles(instrument: Instrument, kind: str, rows: Iterable[Candle], stamp: Stamp) -> bytes:
    """Candles as rows; TILL of one that is not over is the time of its last trade."""
    data = ",".join(_candle(instrument, row, stamp.at) for row in rows)
    return f'{{{properties(kind, stamp)},{_CANDLE_COLUMNS},"data":[{data}]}}'.encode()


def _candle(instrument: Instrument, candle: Candle, now: float) -> str:
    decimals = instrument.decimals
    till = candle.end - 1 if now >= candle.end else candle.traded_at
    prices = ",".join(_fixed(price, decimals) for price in (candle.open, candle.high, candle.low, candle.close))
    value = _money(candle.turnover, decimals)
    return f'["{stamp_text(candle.start)}","{stamp_text(till)}",{prices},{value},{candle.volume}]'


def _fixed(units: int, decimals: int) -> str:
    return f"[{units / 10**decimals:.{decimals}f},{decimals}]"


def _money(turnover: int, decimals: int) -> str:
    """Units times shares as a fixed with two decimals."""
    return f"[{turnover / 10**decimals:.{_MONEY_DECIMALS}f},{_MONEY_DECIMALS}]"


@cache
def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _price(units: Callable[[Share], int]) -> Callable[[Share], str]:
    return lambda share: _fixed(units(share), share.instrument.decimals)


def _always(cell: str) -> Callable[[Share], str]:
    return lambda share: cell


def _settlement(share: Share) -> str:
    return _text(next_workday(moscow(share.traded_at).date()).isoformat())


SECURITY_COLUMNS: dict[str, Callable[[Share], str]] = {
    "TICKER": lambda share: _text(share.instrument.ticker),
    "CAPTION": lambda share: _text(share.instrument.caption),
    "LAST": _price(lambda share: share.last),
    "CHANGE": _price(lambda share: share.last - share.instrument.previous),
    "BID": _price(lambda share: share.book.bids.best),
    "OFFER": _price(lambda share: share.book.asks.best),
    "HIGH": _price(lambda share: share.high),
    "LOW": _price(lambda share: share.low),
    "HIGHBID": _price(lambda share: share.high_bid),
    "LOWOFFER": _price(lambda share: share.low_offer),
    "BIDDEPTHT": lambda share: str(share.book.bids.depth),
    "OFFERDEPTHT": lambda share: str(share.book.asks.depth),
    "VOLTODAY": lambda share: _fixed(share.volume, 0),
    "VALTODAY": lambda share: str(share.money),
    "NUMTRADES": lambda share: str(share.trades),
    "LCLOSEPRICE": lambda share: _NULL if share.is_open else _fixed(share.current_price, share.instrument.decimals),
    "LCURRENTPRICE": _price(lambda share: share.current_price),
    "PREVPRICE": _price(lambda share: share.instrument.previous),
    "WAPRICE": _price(lambda share: share.average),
    "PREVWAPRICE": _price(lambda share: share.previous_average),
    "PRICEMINUSPREVWAPRICE": _price(lambda share: share.last - share.previous_average),
    "QTY": lambda share: str(share.lots),
    "VALUE": lambda share: _money(share.last * share.lots * share.instrument.lot, share.instrument.decimals),
    "BASEPRICE": _always(_NULL),
    "MARKETPRICE": _price(lambda share: share.previous_average),
    "CURRENCYID": _always('"SUR"'),
    "SETTLECODE": _always('"Y1"'),
    "SETTLEDATE1": _settlement,
    "SETTLEDATE2": _always(_NULL),
    "LOTSIZE": lambda share: str(share.instrument.lot),
    "FACEUNIT": _always('"SUR"'),
    "FACEVALUE": _always(_fixed(1, 0)),
    "ISSUESIZE": lambda share: str(share.instrument.issue_size),
    "ADMITTEDQUOTE": _always(_NULL),
    "TRADINGSTATUS": lambda share: f'"{share.trading_status}"',
    "STATUS": _always('"A"'),
    "DPVALINDICATORBUY": _always('" "'),
    "DPVALINDICATORSELL": _always('" "'),
    "TIME": lambda share: f'"{clock_text(share.traded_at)}"',
    "MINSTEP": _price(lambda share: share.instrument.step),
    "PRICEMINSTEP": _price(lambda share: share.instrument.step),
}
"""How each column of the securities stream is written, in the order of the snapshot."""
