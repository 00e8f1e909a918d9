"""Every column of the securities stream with its caption and its value. Pure."""

from collections.abc import Sequence

from display.views.ages import UNKNOWN, Ages
from display.views.captions import CAPTIONS, caption_of, meaning_of
from display.views.numbers import cell_text
from display.views.palette import Palette, Role
from display.views.text import Line, Span, columns, fitted, shortened
from shared.printable import printable
from shared.quotes import Fields, Quote

HEADING = "All fields"
LEAST_WIDTH, MOST_WIDTH = 26, 44
"""Of a caption and its value: so narrow that they can be read, and so wide that the eye finds from one to the other."""

GAP = 3


def field_lines(quote: Quote, limit: int, width: int, ages: Ages, palette: Palette) -> list[Line]:
    """At most `limit` lines: a heading, then as few columns as they all fit in, the most important fields first."""
    if limit <= 0:
        return []
    if quote.fields is None or quote.fields_at is None:
        return [(Span(HEADING, Role.HEADING), Span("  none was received", Role.DIM))]
    age = ages.span(ages.now.age_s(quote.fields_at), quote)
    lines = [
        (Span(HEADING, Role.HEADING), Span("  "), age),
        *_laid_out(_sorted(quote.fields), limit - 1, width, palette),
    ]
    return [fitted(line, width, palette) for line in lines]


def field_page(quote: Quote, page: int, limit: int, width: int, ages: Ages, palette: Palette) -> tuple[list[Line], int]:
    """The fields alone on at most `limit` lines, page by page from 1 on; and which page it is: at most the last."""
    if limit <= 1 or quote.fields is None:
        return field_lines(quote, limit, width, ages, palette), 0
    told = _sorted(quote.fields)
    count = max(1, (width + GAP) // (LEAST_WIDTH + GAP))
    each = count * (limit - 1)
    pages = max(1, -(-len(told) // each))
    page = min(page, pages)
    heading = (Span(HEADING, Role.HEADING), Span(f"  page {page} of {pages}", Role.DIM))
    lines = [heading, *_laid_out(told[(page - 1) * each : page * each], limit - 1, width, palette)]
    return [fitted(line, width, palette) for line in lines], page


def _sorted(fields: Fields) -> list[tuple[str, str | None]]:
    """(caption, value) in the order of CAPTIONS, then by name what is not known there, then those without a value."""
    names = [name for name in CAPTIONS if name in fields] + sorted(fields.keys() - CAPTIONS.keys())
    told = [(printable(caption_of(name)), _value(name, fields[name])) for name in names]
    return sorted(told, key=lambda field: field[1] is None)


def _value(name: str, cell: object) -> str | None:
    text = cell_text(cell)
    return None if text is None else printable(meaning_of(name, text))


def _laid_out(fields: Sequence[tuple[str, str | None]], limit: int, width: int, palette: Palette) -> list[Line]:
    if limit <= 0 or not fields:
        return []
    most = max(1, (width + GAP) // (LEAST_WIDTH + GAP))
    count = min(most, -(-len(fields) // limit))
    each = min(MOST_WIDTH, (width + GAP) // count - GAP)
    missing = len(fields) - count * limit
    cells = [_cell(caption, value, each, palette) for caption, value in fields[: count * limit]]
    if missing > 0:
        cells[-1] = (Span(f"and {missing + 1} more fields", Role.DIM),)
    height = min(limit, len(cells))
    return [_joined(cells[row::height], each, palette) for row in range(height)]


def _cell(caption: str, value: str | None, width: int, palette: Palette) -> Line:
    """The value is the last to be shortened: a caption is guessed more easily."""
    shown = Span(UNKNOWN, Role.DIM) if value is None else Span(value)
    shown = shown._replace(text=shortened(shown.text, width * 2 // 3, palette))
    name = shortened(caption, width - palette.columns(shown.text) - 1, palette)
    blanks = width - palette.columns(name) - palette.columns(shown.text)
    return (Span(name, Role.DIM), Span(" " * blanks), shown)


def _joined(cells: Sequence[Line], width: int, palette: Palette) -> Line:
    line: list[Span] = []
    for cell in cells:
        if line:
            line.append(Span(" " * GAP))
        line += (*cell, Span(" " * (width - columns(cell, palette))))
    return line
