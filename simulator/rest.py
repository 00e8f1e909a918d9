"""The ISS pages: the list of shares and the trading calendar, as JSON. Pure: the moment is an argument."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator.instruments import BOARD
from simulator.market import Market, Share
from simulator.moscow import moscow

ISS_PATH = "/iss"
_SECURITIES = f"{ISS_PATH}/engines/stock/markets/shares/boards/{BOARD}/securities.json"
_ENGINE = f"{ISS_PATH}/engines/stock.json"
_DAY_STARTS, _DAY_STOPS = "00:00:00", "23:59:59"
_DAYS_AHEAD = 7

Block = dict[str, Any]
"""`{"columns": [...], "data": [[...], ...]}`, as every part of an ISS page."""


def page(target: str, market: Market, now: float) -> bytes | None:
    """The body of a page; `target` is its path with the query. None: there is no such page."""
    url = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    if url.path == _SECURITIES:
        blocks = {"securities": _securities(market), "marketdata": _market_data(market)}
    elif url.path == _ENGINE:
        blocks = _calendar(moscow(now).date(), is_open=market.is_open)
    else:
        return None
    return json.dumps(_as_asked(blocks, query), ensure_ascii=False).encode()


def _as_asked(blocks: dict[str, Block], query: dict[str, str]) -> dict[str, Block]:
    """Honour `iss.only`, `iss.meta` and `<block>.columns`; what is unknown in them is left out, as ISS does."""
    only = query.get("iss.only")
    names = blocks if only is None else [name for name in only.split(",") if name in blocks]
    with_meta = query.get("iss.meta", "on") != "off"
    return {name: _block_as_asked(blocks[name], query.get(f"{name}.columns"), with_meta=with_meta) for name in names}


def _block_as_asked(block: Block, columns: str | None, *, with_meta: bool) -> Block:
    if columns is not None:
        known = {name: index for index, name in enumerate(block["columns"])}
        wanted = [name for name in columns.upper().split(",") if name in known]
        rows = [[row[known[name]] for name in wanted] for row in block["data"]]
        block = {"columns": wanted, "data": rows}
    return {"metadata": _metadata(block), **block} if with_meta else block


def _metadata(block: Block) -> dict[str, dict[str, str]]:
    first: Sequence[object] = block["data"][0] if block["data"] else [None] * len(block["columns"])
    kinds = {int: "int64", float: "double"}
    return {
        name: {"type": kinds.get(type(value), "string")} for name, value in zip(block["columns"], first, strict=True)
    }


def _securities(market: Market) -> Block:
    return _block(_security(share) for share in sorted(market.shares.values(), key=lambda each: each.instrument.secid))


def _security(share: Share) -> dict[str, object]:
    instrument = share.instrument
    price = partial(_price, decimals=instrument.decimals)
    return {
        "SECID": instrument.secid,
        "BOARDID": BOARD,
        "SHORTNAME": instrument.caption,
        "PREVPRICE": price(instrument.previous),
        "LOTSIZE": instrument.lot,
        "FACEVALUE": 1.0,
        "STATUS": "A",
        "BOARDNAME": "Т+: Акции и ДР - безадрес.",
        "DECIMALS": instrument.decimals,
        "SECNAME": instrument.caption,
        "MARKETCODE": "FNDT",
        "INSTRID": "EQIN",
        "MINSTEP": price(instrument.step),
        "PREVWAPRICE": price(share.previous_average),
        "FACEUNIT": "SUR",
        "ISSUESIZE": instrument.issue_size,
        "LATNAME": instrument.latin,
        "CURRENCYID": "SUR",
        "SECTYPE": "2" if instrument.caption.endswith("ап") else "1",
        "LISTLEVEL": 1,
    }


def _market_data(market: Market) -> Block:
    return _block(_quote(share) for share in sorted(market.shares.values(), key=lambda each: each.instrument.secid))


def _quote(share: Share) -> dict[str, object]:
    price = partial(_price, decimals=share.instrument.decimals)
    return {
        "SECID": share.instrument.secid,
        "BOARDID": BOARD,
        "BID": price(share.book.bids.best),
        "OFFER": price(share.book.asks.best),
        "LOW": price(share.low),
        "HIGH": price(share.high),
        "LAST": price(share.last),
        "NUMTRADES": share.trades,
        "VOLTODAY": share.volume,
        "VALTODAY": share.money,
        "TRADINGSTATUS": share.trading_status,
        "TIME": moscow(share.traded_at).strftime("%H:%M:%S"),
    }


def _price(units: int, decimals: int) -> float:
    return round(float(units / 10**decimals), decimals)


def _calendar(today: date, *, is_open: bool) -> dict[str, Block]:
    """As the market is, so it always was and stays: trading around the clock, or never.

    `dailytable` holds today and the days after it.
    """
    engine = {"id": 1, "name": "stock", "title": "Фондовый рынок и рынок депозитов"}
    hours = {"is_work_day": int(is_open), "start_time": _DAY_STARTS, "stop_time": _DAY_STOPS}
    week = ({"week_day": day, **hours} for day in range(1, 8))
    days = ({"date": (today + timedelta(days=ahead)).isoformat(), **hours} for ahead in range(_DAYS_AHEAD))
    return {"engine": _block([engine]), "timetable": _block(week), "dailytable": _block(days)}


def _block(rows: Iterable[dict[str, object]]) -> Block:
    kept = list(rows)
    return {"columns": list(kept[0]), "data": [list(row.values()) for row in kept]}
