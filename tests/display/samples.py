"""Markets with one known second in them, for the tests of everything that is shown."""

from collections.abc import Iterable
from datetime import datetime

from display.board import Board, View
from display.now import Now
from display.views import Palette
from shared.book import Level, book_of
from shared.market import Market
from shared.quotes import Fields, Price, Quote
from shared.settings import DisplaySettings
from shared.wire import ConnectionState, ConnectionStatus, Counters, QuoteBatch, Totals

NOW = Now(1000.0, datetime(2026, 1, 22, 9, 51, 22))

TAGGED = Palette(lambda text: len(text))
"""`painted` shows the roles of what is drawn for it as text."""


def connection(
    number: int,
    state: ConnectionState = ConnectionState.ONLINE,
    reason: str = "all subscriptions sent",
    *,
    since: float = 990.0,
    retry_at: float | None = None,
    refusals: dict[str, str] | None = None,
) -> ConnectionStatus:
    refused = refusals or {}
    confirmed = 50 - len(refused) if state is ConnectionState.ONLINE else 0
    return ConnectionStatus(
        number, number // 5, state, reason, since, 50, confirmed, len(refused), retry_at, refusals=refused
    )


def quote(
    ticker: str,
    *,
    bid: Price | None = None,
    ask: Price | None = None,
    last: Price | None = None,
    volume: int | None = None,
    updates: int = 1,
    age_s: float = 1.0,
    status: str = "T",
) -> Quote:
    fields: Fields = {"TRADINGSTATUS": status}
    if last is not None:
        fields["LAST"] = list(last)
    if volume is not None:
        fields["VOLTODAY"] = [volume, 0]
    at = NOW.monotonic - age_s
    found = Quote(ticker, updates, fields=fields, fields_at=at)
    if bid is not None or ask is not None:
        found.take_book(book_of(_side(bid), _side(ask), (bid or ask or Price(0.0, 0)).decimals), at, None)
    return found


def _side(price: Price | None) -> list[Level]:
    return [] if price is None else [(price.value, 10)]


def market(
    quotes: Iterable[Quote] = (),
    connections: Iterable[ConnectionStatus] = (),
    *,
    is_simulated: bool = False,
    is_guest: bool = False,
    gateway: str = "iss.moex.com",
) -> Market:
    totals = Totals(
        started_at=902.0,
        connections=30,
        tickers_per_connection=50,
        gateway=gateway,
        is_simulated=is_simulated,
        is_guest=is_guest,
        instruments_source="ISS REST",
        tickers_planned=259,
        subscriptions_planned=1500,
        counters=Counters(messages=1240, updates=1234),
        rate_now=12.5,
    )
    made = Market(totals)
    made.connections = {status.number: status for status in connections}
    made.apply(QuoteBatch(0, list(quotes)), now_ms=0.0)
    return made


def usual_quotes() -> list[Quote]:
    """Every kind of row: usual, old, very old, not traded, unknown, and values of all lengths."""
    return [
        quote("SBER", bid=Price(306.12, 2), ask=Price(306.13, 2), last=Price(306.12, 2), volume=1322700, updates=900),
        quote("VEON-RX", bid=Price(41.5, 1), ask=Price(42.0, 1), updates=70, age_s=12.4),
        quote("GAZP", bid=Price(131.4, 2), ask=Price(131.45, 2), last=Price(131.4, 2), volume=0, updates=310, age_s=95),
        quote("TGKA", bid=Price(0.005412, 6), ask=Price(0.005414, 6), last=Price(0.000012, 6), volume=10, updates=5),
        quote("AKRN", last=Price(18000, 0), volume=123456789012, updates=12345, age_s=0.2),
        quote("SiZ6", updates=3, age_s=4000, status="N"),
    ]


def usual_connections() -> list[ConnectionStatus]:
    """28 online, one of them with a refused ticker; one waits, one is down."""
    states = {number: connection(number) for number in range(30)}
    states[4] = connection(4, refusals={"ZZZZ": "gateway.invalidrequest"})
    states[12] = connection(12, ConnectionState.WAITING, "connection refused (127.0.0.1:9)", retry_at=1003.0)
    states[20] = connection(20, ConnectionState.DOWN, "worker 5 killed by SIGKILL")
    return list(states.values())


def without_route() -> list[ConnectionStatus]:
    """All thirty were turned away."""
    reason = "connection refused (127.0.0.1:9)"
    return [connection(number, ConnectionState.WAITING, reason, retry_at=1002.0 + number) for number in range(30)]


def board_of(shown: Market, *, before: Market | None = None, rows: int = 50, view: View = View.TABLE) -> Board:
    """A board that looks at `view`. It has seen `shown`, and `before` that if given: only what differs is active."""
    board = Board(DisplaySettings(rows=rows))
    if before is not None:
        board.advance(before, NOW.monotonic - 1)
    board.advance(shown, NOW.monotonic)
    board.view = view
    return board
