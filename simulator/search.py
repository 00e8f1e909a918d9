"""The query SEARCH.ticker: which tickers match a pattern. Pure."""

import json
from collections.abc import Iterable

from simulator.bodies import Stamp, properties
from simulator.destinations import InvalidRequest, parse_selector
from simulator.instruments import BOARD, MARKET, Instrument

_ANSWERS_AT_MOST = 100
_COLUMNS = (
    *("ticker", "secid", "boardid", "board_name", "marketplace", "shortname", "latname", "name", "isin", "regnumber"),
    *("primary_boardid", "emitent_id", "emitent_title", "emitent_inn", "emitent_okpo"),
)


def search(selector: str, instruments: Iterable[Instrument], stamp: Stamp) -> bytes:
    """The body of the REPLY: shares whose SECID or name holds the pattern. Raises InvalidRequest.

    What this exchange does not know of a share is null.
    """
    parameters = parse_selector(selector)
    if len(parameters) != 1 or not parameters.keys() <= {"pattern", "ticker"}:
        raise InvalidRequest
    if "ticker" in parameters:
        found = [each for each in instruments if each.ticker == parameters["ticker"]]
    else:
        found = [each for each in instruments if _matches(each, parameters["pattern"].casefold())]
    rows = json.dumps([_row(each) for each in found[:_ANSWERS_AT_MOST]], ensure_ascii=False)
    return f'{{{properties("snapshot", stamp)},"columns":{json.dumps(_COLUMNS)},"data":{rows}}}'.encode()


def _matches(instrument: Instrument, pattern: str) -> bool:
    names = (instrument.secid, instrument.caption, instrument.latin)
    return bool(pattern) and any(pattern in name.casefold() for name in names)


def _row(instrument: Instrument) -> list[str | None]:
    known = {
        "ticker": instrument.ticker,
        "secid": instrument.secid,
        "boardid": BOARD,
        "board_name": "Т+: Акции и ДР - безадрес.",
        "marketplace": MARKET,
        "shortname": instrument.caption,
        "latname": instrument.latin,
        "name": instrument.caption,
        "primary_boardid": BOARD,
    }
    return [known.get(column) for column in _COLUMNS]
