"""A terminal's screen as a picture in SVG, which asks for nothing from outside. Pure.

Each run of characters is told where it begins and how wide it is, so that columns stay columns in every font.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

NAMESPACE = "http://www.w3.org/2000/svg"
INK, PAPER = "#d0d4da", "#0d1117"
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, Liberation Mono, monospace"
FONT_SIZE = 13.3
"""At which a character of most of these fonts is as wide as a cell."""

WIDTH, HEIGHT, BASELINE = 8, 16, 12
"""Of a cell."""

MARGIN = 14

_words = re.compile(r"\S+(?: \S+)*")
"""What is one run: two blanks stand between columns."""


class Cell(NamedTuple):
    """One place of the screen, with one character."""

    text: str = " "
    ink: str = INK
    paper: str = PAPER
    is_bold: bool = False


Row = Sequence[Cell]


def svg(rows: Sequence[Row]) -> str:
    """The picture of these rows, which are all of the same length."""
    width, height = max(map(len, rows)) * WIDTH + 2 * MARGIN, len(rows) * HEIGHT + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
            f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>',
            f'<g font-family="{FONTS}" font-size="{FONT_SIZE}" fill="{INK}">',
            *(paper for line, row in enumerate(rows) for paper in _papers(row, MARGIN + line * HEIGHT)),
            *(text for line, row in enumerate(rows) for text in _texts(row, MARGIN + line * HEIGHT + BASELINE)),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _papers(row: Row, y: int) -> Iterator[str]:
    for column, cells in _runs(row, [cell.paper for cell in row]):
        if (paper := cells[0].paper) != PAPER:
            width = len(cells) * WIDTH
            yield f'<rect x="{_x(column)}" y="{y}" width="{width}" height="{HEIGHT}" fill="{paper}"/>'


def _texts(row: Row, y: int) -> Iterator[str]:
    """What is not ASCII may come from another font, of other widths: it stands alone, and is stretched to its place."""
    for start, cells in _runs(row, [(cell.ink, cell.is_bold, cell.text.isascii()) for cell in row]):
        for run in _words.finditer("".join(cell.text for cell in cells)):
            yield _text(cells[0], run.group(), start + run.start(), y)


def _text(look: Cell, text: str, column: int, y: int) -> str:
    style = f' fill="{look.ink}"' * (look.ink != INK) + ' font-weight="bold"' * look.is_bold
    length = f' textLength="{len(text) * WIDTH}"' * (len(text) > 1)
    glyphs = ' lengthAdjust="spacingAndGlyphs"' * (len(text) > 1 and not text.isascii())
    return f'<text x="{_x(column)}" y="{y}"{style}{length}{glyphs}>{escape(text, quote=False)}</text>'


def _x(column: int) -> int:
    return MARGIN + column * WIDTH


def _runs(row: Row, keys: Sequence[object]) -> Iterator[tuple[int, list[Cell]]]:
    """The column where it begins, and the cells, of each run of equal keys."""
    column = 0
    for _, group in groupby(zip(keys, row, strict=True), key=lambda pair: pair[0]):
        cells = [cell for _, cell in group]
        yield column, cells
        column += len(cells)
