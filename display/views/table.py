"""The table of quotes. Pure.

Columns are as wide as their widest cell. Which ones are shown follows from that: the first of `LAYOUTS` that fits is
taken, so that nothing overflows its column and a row never wraps.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from display.board import Board, Row
from display.now import Now, age_text
from display.views.palette import Palette, Role
from display.views.text import Line, Span, padded, shortened
from shared.printable import printable
from shared.quotes import Price, Quote

UNKNOWN = "N/A"
SEPARATOR = " | "
TICKER_LIMIT = 14
PRICE_LIMIT = 16
AGE_WIDTH = 5
HEADING_LINES = 1


class Context(NamedTuple):
    """What the cells need besides their row."""

    now: Now
    fresh_s: float
    stale_s: float
    palette: Palette


class Column(NamedTuple):
    """`width` is the least one: a wider cell widens the column."""

    heading: str
    width: int
    cell: Callable[[Row, Context], Span]
    is_right: bool = True


def table(board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    """The heading and at most `limit` rows, none wider than `width`.

    The rows that a taller screen would show count for the widths too: a resize, or a new error line, moves no column.
    """
    settings = board.settings
    context = Context(now, settings.fresh_s, settings.stale_s, palette)
    rows = board.top(settings.rows)
    for layout in LAYOUTS:
        lines, used = _laid_out(layout, rows, context)
        if used <= width:
            break
    return lines[: HEADING_LINES + max(0, limit)]


def _laid_out(layout: Sequence[Column], rows: Sequence[Row], context: Context) -> tuple[list[Line], int]:
    """The heading and the rows, and how wide they are."""
    columns = [[Span(column.heading, Role.HEADING), *(column.cell(row, context) for row in rows)] for column in layout]
    widths = [
        max(column.width, *(context.palette.columns(cell.text) for cell in cells))
        for column, cells in zip(layout, columns, strict=True)
    ]
    aligned = [
        [Span(padded(cell.text, width, context.palette, is_right=column.is_right), cell.role) for cell in cells]
        for column, cells, width in zip(layout, columns, widths, strict=True)
    ]
    lines = [_joined(cells) for cells in zip(*aligned, strict=True)]
    return lines, sum(widths) + len(SEPARATOR) * (len(layout) - 1)


def _joined(cells: Sequence[Span]) -> Line:
    line = [cells[0]]
    for cell in cells[1:]:
        line += (Span(SEPARATOR), cell)
    return line


def _ticker(row: Row, context: Context) -> Span:
    return Span(shortened(printable(row.quote.ticker), TICKER_LIMIT, context.palette))


def _volume(row: Row, context: Context) -> Span:
    volume = row.quote.volume
    return Span(UNKNOWN if volume is None else str(volume))


def _updates(row: Row, context: Context) -> Span:
    return Span(str(row.quote.updates), Role.ACTIVE if row.is_active else Role.PLAIN)


def _updates_in_short(row: Row, context: Context) -> Span:
    return Span(_in_short(row.quote.updates), Role.ACTIVE if row.is_active else Role.PLAIN)


def _clock_and_age(row: Row, context: Context) -> Span:
    at = row.quote.received_at
    if at is None:
        return Span(UNKNOWN)
    age_s = context.now.age_s(at)
    return Span(f"{context.now.clock_at(at)} {age_text(age_s):>{AGE_WIDTH}}", _age_role(row.quote, age_s, context))


def _age(row: Row, context: Context) -> Span:
    at = row.quote.received_at
    if at is None:
        return Span(UNKNOWN)
    age_s = context.now.age_s(at)
    return Span(age_text(age_s), _age_role(row.quote, age_s, context))


def _age_role(quote: Quote, age_s: float, context: Context) -> Role:
    if age_s < context.fresh_s:
        return Role.FRESH
    if quote.is_silence_expected:
        return Role.QUIET
    return Role.AGING if age_s < context.stale_s else Role.STALE


def _in_short(count: int) -> str:
    """A count in at most four characters, up to ten thousand million."""
    for unit in ("", "k", "M"):
        if count < (10_000 if unit == "" else 1_000):
            return f"{count}{unit}"
        count //= 1_000
    return f"{count}G"


def _price_text(price: Price) -> str:
    """With the instrument's own decimals; a value that no instrument has is shortened."""
    text = str(price)
    return text if len(text) <= PRICE_LIMIT else f"{price.value:.6g}"


def _price_column(heading: str, role: Role, price_of: Callable[[Quote], Price | None]) -> Column:
    def cell(row: Row, context: Context) -> Span:
        price = price_of(row.quote)
        return Span(UNKNOWN) if price is None else Span(_price_text(price), role)

    return Column(heading, 8, cell)


TICKER = Column("Ticker", 6, _ticker, is_right=False)
BID = _price_column("BID", Role.BID, lambda quote: quote.bid)
ASK = _price_column("ASK", Role.ASK, lambda quote: quote.ask)
LAST = _price_column("LAST", Role.LAST, lambda quote: quote.last)
VOLUME = Column("Volume", 12, _volume)
UPDATES = Column("Upd", 4, _updates)
UPDATES_IN_SHORT = Column("Upd", 4, _updates_in_short)
LAST_UPDATE = Column("Last Update", 14, _clock_and_age, is_right=False)
AGE = Column("Age", AGE_WIDTH, _age)

LAYOUTS: tuple[tuple[Column, ...], ...] = (
    (TICKER, BID, ASK, LAST, VOLUME, UPDATES, LAST_UPDATE),
    (TICKER, BID, ASK, LAST, VOLUME, UPDATES_IN_SHORT, LAST_UPDATE),
    (TICKER, BID, ASK, LAST, VOLUME, LAST_UPDATE),
    (TICKER, BID, ASK, LAST, UPDATES_IN_SHORT, LAST_UPDATE),
    (TICKER, BID, ASK, LAST, LAST_UPDATE),
    (TICKER, BID, ASK, LAST, AGE),
    (TICKER, LAST, AGE),
    (TICKER, AGE),
    (TICKER,),
)
"""From the most to the least; what is left when nothing fits is cut."""
