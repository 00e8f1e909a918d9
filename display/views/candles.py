"""The newest candle of each ticker, in the order of the table. Pure."""

import re

from display.board import Board, Row
from display.now import Now
from display.views.ages import AGE_WIDTH, UNKNOWN, Ages
from display.views.grid import Cell, Column, grid
from display.views.numbers import price_text
from display.views.palette import Palette, Role
from display.views.table import count_cell, first_cells, highlighted, price_cell
from display.views.text import Line, Span, paragraph, shortened
from shared.market import Market
from shared.printable import printable
from shared.quotes import Candle, Quote

STREAM = "candles"
SWITCH_ON = "Candles are not subscribed. To see them, start with --streams orderbooks,securities,candles"
START_LIMIT = 16

LAYOUT = (
    Column("", 2, 0),
    Column("Ticker", 7, 0, is_right=False),
    Column("OPEN", 8, 5),
    Column("HIGH", 8, 3),
    Column("LOW", 8, 4),
    Column("CLOSE", 9, 1),
    Column("Volume", 10, 6),
    Column("From (Moscow)", 13, 7),
    Column("Age", AGE_WIDTH, 2),
)

_start = re.compile(r"\d{4}-(\d\d-\d\d \d\d:\d\d)(?::\d\d)?")


def candles(market: Market, board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    """At most `limit` lines: the heading and the rows of the board's window, or how to switch the stream on."""
    if STREAM not in market.totals.streams and all(quote.candle is None for quote in market.quotes.values()):
        return paragraph(SWITCH_ON, Role.PLAIN, width, palette)[: max(0, limit)]
    ages = Ages.of(market, board, now, palette)
    rows = board.rows(limit - 1)
    cells = [_cells(row, ages) for row in rows]
    return highlighted(rows, grid("candles", LAYOUT, cells, width, board.widths, palette))[: max(0, limit)]


def _cells(row: Row, ages: Ages) -> list[Cell]:
    """In the order of LAYOUT."""
    palette, candle = ages.palette, row.quote.candle
    plain = ages.price_role(Role.PLAIN, row.quote.candle_at)
    cells = first_cells(row, palette)
    if candle is None:
        return [*cells, *[(Span(UNKNOWN, Role.DIM),)] * (len(LAYOUT) - len(cells))]
    return [
        *cells,
        price_cell(candle.open, plain),
        price_cell(candle.high, plain),
        price_cell(candle.low, plain),
        _close(candle, row.quote.candle_at, ages),
        count_cell(candle.volume),
        (Span(_begin(candle.start, palette)),),
        (_age(row.quote, ages),),
    ]


def _close(candle: Candle, at: float | None, ages: Ages) -> Cell:
    """Up or down against the opening of the same candle."""
    opened, close, glyphs = candle.open, candle.close, ages.palette.glyphs
    if close is None:
        return (Span(UNKNOWN, Role.DIM), Span(" "))
    role, arrow = Role.PLAIN, " "
    if opened is not None and close.value != opened.value:
        role, arrow = (Role.UP, glyphs.up) if close.value > opened.value else (Role.DOWN, glyphs.down)
    return (Span(price_text(close) + arrow, ages.price_role(role, at)),)


def _begin(start: str, palette: Palette) -> str:
    """Without its year and its seconds, where it has the form that the exchange documents."""
    found = _start.fullmatch(start)
    return found[1] if found else shortened(printable(start), START_LIMIT, palette)


def _age(quote: Quote, ages: Ages) -> Span:
    at = quote.candle_at
    return Span(UNKNOWN, Role.DIM) if at is None else ages.span(ages.now.age_s(at), quote)
