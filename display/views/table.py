"""The table of quotes. Pure.

Columns are as wide as their widest cell so far, and give way by priority: what does not fit is left out, so that
nothing overflows its column and a row never wraps.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from display.board import Board, Row
from display.now import Now
from display.order import SortKey
from display.views.ages import AGE_WIDTH, UNKNOWN, Ages
from display.views.palette import Palette, Role
from display.views.text import Line, Span, columns, shortened
from shared.market import Market
from shared.printable import printable
from shared.quotes import Price

SEPARATOR = " "
TICKER_LIMIT = 14
PRICE_LIMIT = 16
HEADING_LINES = 1

Cell = tuple[Span, ...]


class Context(NamedTuple):
    """What the cells need besides their row."""

    ages: Ages
    board: Board
    now: Now
    palette: Palette


class Column(NamedTuple):
    """`width` is the least one: a wider cell widens the column. The lower `rank`, the longer it stays."""

    heading: str
    width: int
    rank: int
    cell: Callable[[Row, Context], Cell]
    sort: SortKey | None = None
    is_right: bool = True


def table(market: Market, board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    """The heading and at most `limit` rows, none wider than `width`.

    No column gets narrower again, so that nothing moves sideways while a person reads: `board.widths` remembers.
    """
    context = Context(Ages.of(market, board.settings, now, palette), board, now, palette)
    rows = board.rows(limit)
    cells = [[column.cell(row, context) for column in COLUMNS] for row in rows]
    headings = [_heading(column, board, palette) for column in COLUMNS]
    widths = _widths(headings, cells, board.widths, palette)
    shown = _fitting(widths, width)
    lines: list[Line] = [_joined([headings[n] for n in shown], shown, widths, palette)]
    for row, line in zip(rows, cells, strict=True):
        spans = _joined([line[n] for n in shown], shown, widths, palette)
        lines.append([span.selected() for span in spans] if row.is_selected else spans)
    return lines


def _heading(column: Column, board: Board, palette: Palette) -> Cell:
    if column.sort is not board.sorting.key or column.sort is None:
        return (Span(column.heading, Role.HEADING),)
    glyph = palette.glyphs.down if board.sorting.is_descending else palette.glyphs.up
    gap = " " if glyph.isascii() else ""  # a letter would run into the word
    return (Span(column.heading + gap + glyph, Role.KEY),)


def _widths(headings: list[Cell], cells: list[list[Cell]], known: dict[str, int], palette: Palette) -> list[int]:
    widths = []
    for n, column in enumerate(COLUMNS):
        of_cells = max((columns(line[n], palette) for line in cells), default=0)
        width = max(column.width, known.get(column.heading, 0), columns(headings[n], palette), of_cells)
        known[column.heading] = width
        widths.append(width)
    return widths


def _fitting(widths: Sequence[int], width: int) -> list[int]:
    """The columns that are shown: the most important ones, for as long as they fit; at least one."""
    shown: list[int] = []
    left = width
    for n in sorted(range(len(COLUMNS)), key=lambda n: COLUMNS[n].rank):
        needed = widths[n] + (len(SEPARATOR) if shown else 0)
        if shown and needed > left:
            break
        shown.append(n)
        left -= needed
    return sorted(shown)


def _joined(cells: Sequence[Cell], shown: Sequence[int], widths: Sequence[int], palette: Palette) -> list[Span]:
    line: list[Span] = []
    for n, cell in zip(shown, cells, strict=True):
        blanks = widths[n] - columns(cell, palette) + (len(SEPARATOR) if line else 0)
        if COLUMNS[n].is_right:
            line += (Span(" " * blanks), *cell) if blanks else cell
        else:
            first = (Span(SEPARATOR),) if line else ()
            line += (*first, *cell, Span(" " * (blanks - len(first)))) if blanks else cell
    return line


# ---- cells


def _marks(row: Row, context: Context) -> Cell:
    glyphs = context.palette.glyphs
    selected = glyphs.selected if row.is_selected else " "
    return (Span(selected, Role.SELECTED if row.is_selected else Role.PLAIN), _favourite(row, context))


def _favourite(row: Row, context: Context) -> Span:
    return Span(context.palette.glyphs.favourite, Role.FAVOURITE) if row.is_favourite else Span(" ")


def _ticker(row: Row, context: Context) -> Cell:
    return (Span(shortened(printable(row.quote.ticker), TICKER_LIMIT, context.palette)),)


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
    glyphs = context.palette.glyphs
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
    glyphs = context.palette.glyphs
    role, arrow = {1: (Role.UP, glyphs.up), -1: (Role.DOWN, glyphs.down)}.get(row.direction, (Role.LAST, " "))
    role = context.ages.price_role(role, row.quote.fields_at)
    text = price_text(price)
    before = None if row.before is None else row.before.last
    is_new = before is not None and before.value != price.value
    digits = _with_new_digits(text, price_text(before), role) if before and is_new else (Span(text, role),)
    return (*digits, Span(arrow, role))


def _change(row: Row, context: Context) -> Cell:
    percent = row.quote.change_percent
    if percent is None:
        return (Span(UNKNOWN, Role.DIM),)
    return (Span(percent_text(percent), Role.UP if percent > 0 else Role.DOWN if percent < 0 else Role.PLAIN),)


def _spread(row: Row, context: Context) -> Cell:
    spread = row.quote.spread
    return (Span(UNKNOWN, Role.DIM) if spread is None else Span(price_text(spread)),)


def _volume(row: Row, context: Context) -> Cell:
    volume = row.quote.volume
    return (Span(UNKNOWN, Role.DIM) if volume is None else Span(str(volume)),)


def _updates(row: Row, context: Context) -> Cell:
    return (Span(_in_short(row.quote.updates), Role.ACTIVE if row.is_active else Role.PLAIN),)


def _rate(row: Row, context: Context) -> Cell:
    return (Span(rate_text(context.board.history.rate(row.quote.ticker, context.now.monotonic)), Role.DIM),)


def _clock(row: Row, context: Context) -> Cell:
    at = row.quote.received_at
    return (Span(UNKNOWN, Role.DIM) if at is None else Span(context.now.clock_at(at)),)


def _age(row: Row, context: Context) -> Cell:
    return (context.ages.received(row.quote),)


def _age_by_exchange(row: Row, context: Context) -> Cell:
    age = context.ages.by_exchange(row.quote)
    return (age if age.text == UNKNOWN else Span(f"{age.text} {context.ages.mark(age.role)}", age.role),)


def price_text(price: Price) -> str:
    """With the instrument's own decimals; a value that no instrument has is shortened."""
    text = str(price)
    return text if len(text) <= PRICE_LIMIT else f"{price.value:.6g}"


def percent_text(percent: float) -> str:
    if abs(percent) < 0.005:
        return "0.00%"
    return f"{percent:+.2f}%" if abs(percent) < 1000 else f"{percent:+.3g}%"


def rate_text(rate: float) -> str:
    """Of things a second, in at most four characters for all rates that there are."""
    return f"{rate:.1f}" if rate < 99.95 else _in_short(round(rate))


def _in_short(count: int) -> str:
    """A count in at most four characters, up to ten thousand million."""
    for unit in ("", "k", "M"):
        if count < (10_000 if unit == "" else 1_000):
            return f"{count}{unit}"
        count //= 1_000
    return f"{count}G"


COLUMNS = (
    Column("", 2, 0, _marks, is_right=False),
    Column("Ticker", 7, 0, _ticker, SortKey.TICKER, is_right=False),
    Column("BID", 9, 3, _bid),
    Column("ASK", 9, 4, _ask),
    Column("Spread", 7, 9, _spread),
    Column("LAST", 9, 2, _last, SortKey.LAST),
    Column("Chg %", 7, 5, _change, SortKey.CHANGE),
    Column("Volume", 10, 7, _volume, SortKey.VOLUME),
    Column("Upd", 5, 8, _updates, SortKey.UPDATES),
    Column("Upd/s", 6, 10, _rate, SortKey.ACTIVITY),
    Column("Last Update", 11, 6, _clock),
    Column("Age", AGE_WIDTH, 1, _age, SortKey.AGE),
    Column("Exch.", 7, 11, _age_by_exchange),
)
"""From left to right."""
