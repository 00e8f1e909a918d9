"""The line above the table: what of the market is shown, in which order, and whether it holds still. Pure."""

from display.board import ALL, Board, View
from display.views.palette import Palette, Role
from display.views.text import Line, Span, columns, shortened
from shared.printable import printable

GAP = "  "
LEAST_PART = 7
"""Columns: of what has less than that nothing could be read."""
FROZEN = "FROZEN: rows and order hold still, Space lets them go on"
TITLES = {View.TABLE: "Quotes", View.CONNECTIONS: "Connections", View.EVENTS: "Events", View.CANDLES: "Candles"}


def has_banner(board: Board) -> bool:
    """Whether there is something to say that must not be left out for want of room."""
    return bool(_banners(board))


def status(board: Board, width: int, palette: Palette) -> Line:
    """One line; banners first, since what does not fit is cut off."""
    parts = [*_banners(board), *_facts(board, palette)]
    line: list[Span] = []
    for part in parts:
        room = width - columns(line, palette) - (len(GAP) if line else 0)
        if room < min(len(part.text), LEAST_PART) or room <= 0:
            break
        line += ((Span(GAP),) if line else ()) + (Span(shortened(part.text, room, palette), part.role),)
    return line


def _banners(board: Board) -> list[Span]:
    banners: list[Span] = [Span(printable(board.notice), Role.WARNING)] if board.notice else []
    if board.is_list:  # neither frozen nor filtered
        return banners
    if board.is_typing or board.filter_text:
        banners.append(Span(f" Filter: {printable(board.filter_text)}{'_' if board.is_typing else ''} ", Role.BANNER))
    if board.filter.problem:
        banners.append(Span(printable(board.filter.problem), Role.WARNING))
    if board.is_frozen:
        banners.append(Span(f" {FROZEN} ", Role.BANNER))
    if board.group != ALL:
        banners.append(Span(f" {printable(board.group)} ", Role.BANNER))
    return banners


def _facts(board: Board, palette: Palette) -> list[Span]:
    if board.is_detailed:
        hint = "Esc goes back, arrows to the next ticker, PgDn to more fields"
        return [Span("Detail", Role.HEADING), Span(hint, Role.DIM)]
    if board.is_list:
        window, lines = board.listed
        place = f"{window.start + 1}-{window.stop} of {lines} lines" if len(window) < lines else ""
        return [Span(TITLES[board.view], Role.HEADING), *([Span(place, Role.DIM)] if place else [])]
    arrow = palette.glyphs.down if board.sorting.is_descending else palette.glyphs.up
    shown = board.shown
    place = f"{shown.start + 1}-{shown.stop} of {board.count}" if shown else f"none of {board.known}"
    return [
        Span(TITLES[board.view], Role.HEADING),
        Span(place, Role.DIM),
        Span(f"by {board.sorting.key.value} {arrow}", Role.DIM),
    ]
