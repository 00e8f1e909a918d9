"""A grid of cells whose columns never move, and give way by priority when the screen is narrow. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from display.views.palette import Palette, Role
from display.views.text import Line, Span, columns, shortened

GAP = " "

Cell = Sequence[Span]


class Column(NamedTuple):
    """`width` is the least one: a wider cell widens the column. The lower `rank`, the longer the column stays.

    One column may be for text of any length: it takes what the others leave, its cells are shortened to that, and
    columns of a higher rank are shown only where they leave it what is `wanted`.
    """

    heading: str
    width: int
    rank: int
    is_right: bool = True
    wanted: int = 0


def grid(
    name: str,
    layout: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    width: int,
    known: dict[str, int],
    palette: Palette,
    marked: Mapping[str, Cell] = {},
) -> list[Line]:
    """The heading, then the rows, whose cells are in the order of `layout`; none wider than `width`.

    `marked` are headings that look different from the usual. `known` holds the widths that the columns of the grid of
    this `name` had, and is kept up to date: none of them gets narrower again.
    """
    headings = [marked.get(column.heading) or (Span(column.heading, Role.HEADING),) for column in layout]
    lines = [headings, *rows]
    widths = [_width(name, column, [line[n] for line in lines], known, palette) for n, column in enumerate(layout)]
    shown = _fitting(layout, widths, width)
    _fill(layout, widths, shown, width)
    return [_joined(layout, cells, shown, widths, palette) for cells in lines]


def _width(name: str, column: Column, cells: Sequence[Cell], known: dict[str, int], palette: Palette) -> int:
    if column.wanted:
        return column.width
    key = f"{name} {column.heading}"
    known[key] = max(column.width, known.get(key, 0), *(columns(cell, palette) for cell in cells))
    return known[key]


def _fitting(layout: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """The most important columns for as long as they fit, at least one, in the order of `layout`."""
    shown: list[int] = []
    left = width
    for n in sorted(range(len(layout)), key=lambda n: layout[n].rank):
        gap = len(GAP) if shown else 0
        if shown and gap + widths[n] > left:
            break
        shown.append(n)
        left -= gap + max(widths[n], min(layout[n].wanted, left - gap))
    return sorted(shown)


def _fill(layout: Sequence[Column], widths: list[int], shown: Sequence[int], width: int) -> None:
    left = width - sum(widths[n] for n in shown) - len(GAP) * (len(shown) - 1)
    filling = next((n for n in shown if layout[n].wanted), None)
    if len(shown) == 1:
        widths[shown[0]] = min(widths[shown[0]], width)
    elif filling is not None:
        widths[filling] += left


def _joined(
    layout: Sequence[Column], cells: Sequence[Cell], shown: Sequence[int], widths: Sequence[int], palette: Palette
) -> Line:
    line: list[Span] = []
    for n in shown:
        cell, width = cells[n], widths[n]
        if (used := columns(cell, palette)) > width:
            cell = _shortened(cell, width, palette)
            used = columns(cell, palette)
        gap, blanks = GAP if line else "", " " * (width - used)
        before, after = (gap + blanks, "") if layout[n].is_right else (gap, blanks)
        if before:
            line.append(Span(before))
        line += cell
        if after:
            line.append(Span(after))
    return line


def _shortened(cell: Cell, width: int, palette: Palette) -> Cell:
    """Of one colour."""
    return (Span(shortened("".join(span.text for span in cell), width, palette), cell[0].role),)
