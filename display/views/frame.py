"""The whole screen: header, table, footer, each with as many lines as the height gives it. Pure."""

from display.board import Board
from display.now import Now
from display.views.footer import footer
from display.views.header import NAME, figures, title
from display.views.palette import Palette, Role
from display.views.table import HEADING_LINES, table
from display.views.text import BLANK, Line, Span, painted
from shared.market import Market

ROOMY_HEIGHT = 12
"""From this height on, blank lines set the parts off."""


def screen_lines(market: Market, board: Board, width: int, height: int, now: Now, palette: Palette) -> list[str]:
    """At most `height` lines of at most `width` columns, with the palette's sequences."""
    blanks = [BLANK] if height >= ROOMY_HEIGHT else []
    top = _top(market, width, height, now, palette)
    room = max(0, height - len(top) - 2 * len(blanks) - HEADING_LINES)
    wanted_rows = len(board.top(room))
    bottom = footer(market, board, max(height // 3, room - wanted_rows), width, now, palette)
    quotes = table(board, max(0, room - len(bottom)), width, now, palette)
    lines = [*top, *blanks, *quotes, *blanks, *bottom]
    return [painted(line, width, palette) for line in lines[:height]]


def starting_lines(width: int, height: int, palette: Palette) -> list[str]:
    """What is shown before the first picture of the hub."""
    lines: list[Line] = [(Span(NAME, Role.TITLE),), (Span("  starting..."),)]
    return [painted(line, width, palette) for line in lines[:height]]


def _top(market: Market, width: int, height: int, now: Now, palette: Palette) -> list[Line]:
    """The title and the figures, which give way first when the terminal is low."""
    lines = figures(market, now, width, palette)
    return [title(market.totals, width, palette), *lines[: max(1, height // 6)]]
