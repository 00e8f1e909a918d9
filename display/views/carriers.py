"""Which connections and workers carry a ticker, with their states. Pure. They count from 1 for people."""

from display.views.numbers import DELAY_WIDTH, delay_text
from display.views.palette import Palette, Role
from display.views.strip import role_of_state
from display.views.text import Line, Span, flowed, shortened
from shared.market import Market
from shared.printable import printable
from shared.wire import ConnectionState, ConnectionStatus

TITLE = "Carried by "
REASON_LIMIT = 50
MOST_NAMED = 24

_FAILED = (ConnectionState.WAITING, ConnectionState.REFUSED, ConnectionState.DOWN)
"""States of which the reason is told."""


def carrier_lines(market: Market, ticker: str, limit: int, width: int, palette: Palette) -> list[Line]:
    """At most `limit` lines; connections that do not bring the ticker come first, and those left out are counted."""
    statuses = [market.connections[n] for n in market.carriers.get(ticker, ()) if n in market.connections]
    if limit <= 0:
        return []
    if not statuses:
        return [(Span(f"{TITLE}a connection that is not known yet", Role.DIM),)]
    statuses.sort(key=lambda status: (_brings(status, ticker), status.number))
    for count in range(min(len(statuses), MOST_NAMED), -1, -1):
        items = [_item(status, ticker, width - len(TITLE), palette) for status in statuses[:count]]
        if left := len(statuses) - count:
            items.append((Span(f"{left} more" if count else f"{left} connections", Role.DIM),))
        first, *others = items
        lines = flowed([(Span(TITLE, Role.DIM), *first), *others], ", ", width, palette, indent=len(TITLE))
        if len(lines) <= limit:
            break
    return lines[:limit]


def _brings(status: ConnectionStatus, ticker: str) -> bool:
    return status.state is ConnectionState.ONLINE and ticker not in status.refusals


def _item(status: ConnectionStatus, ticker: str, width: int, palette: Palette) -> Line:
    name = f"{status.number + 1} (worker {status.worker + 1}) "
    refusal = status.refusals.get(ticker)
    state = status.state if refusal is None else ConnectionState.REFUSED
    role = role_of_state(state)
    if state in _FAILED:
        reason = printable(status.reason if refusal is None else refusal)
        told = shortened(f"{state}: {reason}", min(REASON_LIMIT, width - len(name)), palette) if reason else state
        return (Span(name), Span(told, role))
    if state is not ConnectionState.ONLINE or status.latency_ms is None:
        return (Span(name), Span(state, role))
    return (Span(name), Span(state, role), Span(f" {delay_text(status.latency_ms):>{DELAY_WIDTH}}"))
