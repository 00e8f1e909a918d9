"""ISS+ as the exchange speaks it: what to send, and what its answers mean; the bodies are read by `bodies`. Pure.

Facts are from the exchange's documentation and its own client (moexalgo/beta/issplus.py).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from shared.settings import Credentials
from shared.simulated import is_simulator

MARKET = "MXSE"
CANDLE_INTERVAL = "M1"


class Stream(StrEnum):
    """The streams of a market that this program knows; the value is the end of the destination."""

    ORDERBOOKS = "orderbooks"
    SECURITIES = "securities"
    CANDLES = "candles"


class Subscription(NamedTuple):
    """One SUBSCRIBE: `id` ties answers to it, for the body of an order book names no ticker."""

    id: str
    stream: Stream
    ticker: str
    destination: str
    selector: str


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
