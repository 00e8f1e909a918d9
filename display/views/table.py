"""The table of quotes. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from display.board import Board, Row
from display.now import Now
from display.order import SortKey
from display.views.ages import AGE_WIDTH, UNKNOWN, Ages
from display.views.grid import Cell, Column, grid
from display.views.numbers import percent_text, price_text, rate_text, short_count_text
from display.views.palette import Palette, Role
from display.views.text import Line, Span, shortened
from shared.market import Market
from shared.printable import printable
from shared.quotes import Price, Quote

TICKER_LIMIT = 14
HEADING_LINES = 1

COLUMNS = (
    Column("", 2, 0, is_right=False),
    Column("Ticker", 7, 0, is_right=False),
    Column("BID", 9, 3),
    Column("ASK", 9, 4),
    Column("Spread", 7, 9),
    Column("LAST", 9, 2),
    Column("Chg %", 7, 5),
    Column("Volume", 10, 7),
    Column("Upd", 5, 8),
    Column("Upd/s", 6, 10),
    Column("Last Update", 11, 6),
    Column("Age", AGE_WIDTH, 1),
    Column("Exch.", 7, 11),
)
_SORTED = {
    SortKey.TICKER: "Ticker",
    SortKey.LAST: "LAST",
    SortKey.CHANGE: "Chg %",
    SortKey.VOLUME: "Volume",
    SortKey.UPDATES: "Upd",
    SortKey.ACTIVITY: "Upd/s",
    SortKey.AGE: "Age",
}


class Context(NamedTuple):
    """What the cells need besides their row."""

    ages: Ages
    board: Board


def table(market: Market, board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    """The heading and at most `limit` rows, none wider than `width`."""
    context = Context(Ages.of(market, board, now, palette), board)
    rows = board.rows(limit)
    cells = [_cells(row, context) for row in rows]
    return highlighted(rows, grid("quotes", COLUMNS, cells, width, board.widths, palette, _marked(board, palette)))


def highlighted(rows: Sequence[Row], lines: Sequence[Line]) -> list[Line]:
    """`lines`, a heading and one for each of `rows`, with the selected one standing out as a whole."""
    heading, *others = lines
    pairs = zip(rows, others, strict=True)
    return [heading, *([span.selected() for span in line] if row.is_selected else line for row, line in pairs)]


def _marked(board: Board, palette: Palette) -> dict[str, Cell]:
    """The heading of the column that sorts, with its direction."""
    heading = _SORTED[board.sorting.key]
    glyph = palette.glyphs.down if board.sorting.is_descending else palette.glyphs.up
    gap = " " if glyph.isascii() else ""  # a letter would run into the word
    return {heading: (Span(heading + gap + glyph, Role.KEY),)}


def _cells(row: Row, context: Context) -> list[Cell]:
    """In the order of COLUMNS."""
    quote = row.quote
    return [
        *first_cells(row, context.ages.palette),
        _bid(row, context),
        _ask(row, context),
        price_cell(quote.spread, context.ages.price_role(Role.PLAIN, quote.prices_at)),
        _last(row, context),
        (change_span(quote, context.ages) or Span(UNKNOWN, Role.DIM),),
        count_cell(quote.volume),
        (Span(short_count_text(quote.updates), Role.ACTIVE if row.is_active else Role.PLAIN),),
        (Span(rate_text(context.board.history.rate(quote.ticker, context.ages.now.monotonic)), Role.DIM),),
        (Span(UNKNOWN, Role.DIM) if quote.received_at is None else Span(context.ages.now.clock_at(quote.received_at)),),
        (context.ages.received(quote),),
        _age_by_exchange(row, context),
    ]


# ---- cells


def first_cells(row: Row, palette: Palette) -> list[Cell]:
    """The marks and the ticker of a row, whatever stands beside them."""
    selected = Span(palette.glyphs.selected, Role.SELECTED) if row.is_selected else Span(" ")
    favourite = Span(palette.glyphs.favourite, Role.FAVOURITE) if row.is_favourite else Span(" ")
    return [(selected, favourite), (Span(shortened(printable(row.quote.ticker), TICKER_LIMIT, palette)),)]


def price_cell(price: Price | None, role: Role) -> Cell:
    return (Span(UNKNOWN, Role.DIM) if price is None else Span(price_text(price), role),)


def count_cell(count: int | None) -> Cell:
    return (Span(UNKNOWN, Role.DIM) if count is None else Span(str(count)),)


def change_span(quote: Quote, ages: Ages) -> Span | None:
    """As old as the last price; None when it is unknown."""
    percent = quote.change_percent
    if percent is None:
        return None
    role = Role.UP if percent > 0 else Role.DOWN if percent < 0 else Role.PLAIN
    return Span(percent_text(percent), ages.price_role(role, quote.fields_at))


def _bid(row: Row, context: Context) -> Cell:
    role = context.ages.price_role(Role.BID, row.quote.prices_at)
    return _moving(row.quote.bid, None if row.before is None else row.before.bid, role, context)


def _ask(row: Row, context: Context) -> Cell:
    role = context.ages.price_role(Role.ASK, row.quote.prices_at)
    return _moving(row.quote.ask, None if row.before is None else row.before.ask, role, context)


def _moving(price: Price | None, before: Price | None, role: Role, context: Context) -> Cell:
    """The digits that are new in this refresh stand out, with an arrow."""
    if price is None:
        return (Span(UNKNOWN, Role.DIM), Span(" "))
    text = price_text(price)
    if before is None or price.value == before.value:
        return (Span(text, role), Span(" "))
    glyphs = context.ages.palette.glyphs
    arrow = glyphs.up if price.value > before.value else glyphs.down
    return (*_with_new_digits(text, price_text(before), role), Span(arrow, Role.CHANGED))


def _with_new_digits(text: str, before: str, role: Role) -> Cell:
    same = _same_beginning(text, before) if len(text) == len(before) else 0
    old = (Span(text[:same], role),) if same else ()
    return (*old, Span(text[same:], Role.CHANGED))


def _same_beginning(text: str, before: str) -> int:
    return next((n for n, (new, old) in enumerate(zip(text, before, strict=True)) if new != old), len(text))


def _last(row: Row, context: Context) -> Cell:
    """Up or down against the trade before, for as long as there is no other one."""
    price = row.quote.last
    if price is None:
        return (Span(UNKNOWN, Role.DIM), Span(" "))
    glyphs = context.ages.palette.glyphs
    role, arrow = {1: (Role.UP, glyphs.up), -1: (Role.DOWN, glyphs.down)}.get(row.direction, (Role.LAST, " "))
    role = context.ages.price_role(role, row.quote.fields_at)
    text = price_text(price)
    before = None if row.before is None else row.before.last
    is_new = before is not None and before.value != price.value
    digits = _with_new_digits(text, price_text(before), role) if before and is_new else (Span(text, role),)
    return (*digits, Span(arrow, role))


def _age_by_exchange(row: Row, context: Context) -> Cell:
    age = context.ages.by_exchange(row.quote)
    return (age if age.text == UNKNOWN else Span(f"{age.text} {context.ages.mark(age.role)}", age.role),)
