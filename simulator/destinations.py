"""What a client may ask for: destinations and selectors. Pure."""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from simulator.candles import CANDLES_KEPT, INTERVALS
from simulator.instruments import BOARD, MARKET

ORDERBOOKS, SECURITIES, CANDLES = "orderbooks", "securities", "candles"
SEARCH = "SEARCH.ticker"
_PARAMETERS = {
    ORDERBOOKS: {"ticker", "language"},
    SECURITIES: {"ticker", "language"},
    CANDLES: {"ticker", "language", "interval", "quantity", "till"},
}
_LANGUAGES = ("ru", "en")
_TERM = re.compile(r'\s*(\w+)\s*=\s*(?:"([^"]*)"|(\d+))\s*(?:$|and(?=\s))', re.IGNORECASE)


class InvalidRequest(Exception):
    """There is no such resource, or its parameters are wrong."""


class Topic(NamedTuple):
    """What messages are about: a stream of a share. `interval` is that of candles, otherwise empty."""

    stream: str
    secid: str
    interval: str = ""

    @property
    def destination(self) -> str:
        return f"{MARKET}.{self.stream}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A valid subscription. `quantity` and `till` (None: now) limit the first snapshot of candles."""

    topic: Topic
    language: str = "ru"
    quantity: int = CANDLES_KEPT
    till: str | None = None


def parse_selector(selector: str) -> dict[str, str]:
    """`TICKER="MXSE.TQBR.SBER" and interval="M1"` as a mapping, names in lower case. Raises InvalidRequest."""
    parameters: dict[str, str] = {}
    at = 0
    while at < len(selector):
        term = _TERM.match(selector, at)
        if term is None or term[1].lower() in parameters:
            raise InvalidRequest
        parameters[term[1].lower()] = term[3] if term[2] is None else term[2]
        at = term.end()
    return parameters


def parse_subscription(destination: str, selector: str, secids: Container[str]) -> Wanted:
    """What a SUBSCRIBE asks for. Raises InvalidRequest where there is no such thing."""
    market, _, stream = destination.partition(".")
    parameters = parse_selector(selector)
    if market != MARKET or not parameters.keys() <= _PARAMETERS.get(stream, set()):
        raise InvalidRequest
    secid = parameters.get("ticker", "").removeprefix(f"{MARKET}.{BOARD}.")
    interval = parameters.get("interval", "M1") if stream == CANDLES else ""
    language = parameters.get("language", "ru")
    if secid not in secids or secid == parameters["ticker"] or language not in _LANGUAGES:
        raise InvalidRequest
    if stream == CANDLES and interval not in INTERVALS:
        raise InvalidRequest
    return Wanted(Topic(stream, secid, interval), language, _quantity(parameters), parameters.get("till"))


def _quantity(parameters: dict[str, str]) -> int:
    quantity = parameters.get("quantity", str(CANDLES_KEPT))
    if not re.fullmatch("[0-9]{1,6}", quantity) or int(quantity) == 0:
        raise InvalidRequest
    return min(int(quantity), CANDLES_KEPT)
