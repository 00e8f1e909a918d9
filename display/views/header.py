"""The top of the screen: what this is, whether it is real, and the figures of the whole program. Pure."""

from display.now import Now, uptime_text
from display.views.palette import Palette, Role
from display.views.text import Line, Span, columns, flowed
from shared.market import Market
from shared.wire import Totals

NAME = "  MOEX Real-time Monitor"
SIMULATED = "SIMULATED EXCHANGE"
GAP = 2


def title(totals: Totals, width: int, palette: Palette) -> Line:
    """One line. A simulated exchange is called so at every width: the title gives way to it."""
    mark = (Span(SIMULATED, Role.SIMULATED),) if totals.is_simulated else ()
    room = width - columns(mark, palette) - GAP if mark else width
    name = _longest_title(totals, room)
    if not mark or not name:
        return (*mark, Span(name, Role.TITLE))
    return (Span(name, Role.TITLE), Span(" " * (room + GAP - len(name))), *mark)


def figures(market: Market, now: Now, width: int, palette: Palette) -> list[Line]:
    """The figures, on as many lines as they need, the most important ones first."""
    totals = market.totals
    items: list[Line] = [
        (Span("Connections: "), Span(f"{market.online}/{totals.connections}", _online_role(market))),
        (Span(f"Updates: {totals.counters.updates}"),),
        (Span(f"Tickers: {len(market.quotes)}/{totals.tickers_planned}"),),
        (Span(f"With Prices: {market.with_prices}"),),
        (Span(f"Rate: {totals.rate_now:.1f} msg/s"),),
        (Span(f"Uptime: {uptime_text(now.age_s(totals.started_at))}"),),
    ]
    return flowed(items, " | ", width, palette)


def _longest_title(totals: Totals, room: int) -> str:
    connections, each = totals.connections, totals.tickers_per_connection
    tickers = f"{NAME} - {connections * each} Tickers"
    for text in (f"{tickers} ({connections} Connections x {each} Each)", tickers, NAME):
        if len(text) <= room:
            return text
    return NAME[: max(0, room)].rstrip()


def _online_role(market: Market) -> Role:
    if market.online >= market.totals.connections:
        return Role.GOOD
    return Role.WARNING if market.online else Role.TROUBLE
