"""The whole screen: header, what is looked at, footer, each with the lines that the height gives it. Pure."""

from display.board import Board, View
from display.now import Now
from display.views.candles import candles
from display.views.connections import connections
from display.views.detail import detail
from display.views.events import events
from display.views.footer import footer
from display.views.header import NAME, figures, title
from display.views.help import help_page
from display.views.palette import Palette, Role
from display.views.status import has_banner, status
from display.views.strip import strip
from display.views.table import HEADING_LINES, table
from display.views.text import BLANK, Line, Span, fitted
from shared.market import Market

ROOMY_HEIGHT = 16
"""From this height on there is room for the strip of connections, and for lines that set the parts off."""


def screen_lines(market: Market, board: Board, width: int, height: int, now: Now, palette: Palette) -> list[Line]:
    """At most `height` lines of at most `width` columns."""
    top = _top(market, board, width, height, now, palette)
    if board.is_helping:
        page = help_page(max(0, height - 1), width, board.settings, palette)
        return [fitted(line, width, palette) for line in [*top[:1], *page]]
    is_roomy = height >= ROOMY_HEIGHT
    gap = [BLANK] if is_roomy else []
    has_status = is_roomy or has_banner(board)
    room = max(0, height - len(top) - 2 * len(gap) - has_status)
    wanted = HEADING_LINES + min(board.count, board.settings.rows) if board.view is View.TABLE else room
    bottom = footer(market, board, max(height // 3, room - wanted), width, now, palette)
    body = _body(market, board, max(0, room - len(bottom)), width, now, palette)
    heading = [status(board, width, palette)] if has_status else []  # it tells which rows the body has chosen
    lines = [*top, *gap, *heading, *body, *gap, *bottom]
    return [fitted(line, width, palette) for line in lines[:height]]


def starting_lines(width: int, height: int, palette: Palette) -> list[Line]:
    """What is shown before the first picture of the hub."""
    lines: list[Line] = [(Span(NAME, Role.TITLE),), (Span("  starting..."),)]
    return [fitted(line, width, palette) for line in lines[:height]]


def _top(market: Market, board: Board, width: int, height: int, now: Now, palette: Palette) -> list[Line]:
    """The title, the figures, which give way first when the terminal is low, and the strip of connections."""
    told = figures(market, board.session, now, width, palette)[: max(1, height // 6)]
    lines = [title(market.totals, width, palette), *told]
    return [*lines, *strip(market, width, board.as_of(now), palette)] if height >= ROOMY_HEIGHT else lines


def _body(market: Market, board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    if board.is_detailed:
        return detail(market, board, limit, width, now, palette)
    match board.view:
        case View.CONNECTIONS:
            return connections(market, board, limit, width, now, palette)
        case View.EVENTS:
            return events(market, board, limit, width, now, palette)
        case View.CANDLES:
            return candles(market, board, limit, width, now, palette)
    return table(market, board, max(0, limit - HEADING_LINES), width, now, palette)[:limit]
