"""Lines made of coloured spans, and the ways to make them fit a width. Pure.

Nothing leaves this module wider than asked, whatever is in it; widths are terminal columns.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from display.views.palette import Palette, Role


class Span(NamedTuple):
    """Printable text of one role, perhaps in the selected row."""

    text: str
    role: Role = Role.PLAIN
    is_selected: bool = False

    def selected(self) -> "Span":
        return Span(self.text, self.role, True)


Line = Sequence[Span]

BLANK: Line = ()


def columns(line: Line, palette: Palette) -> int:
    return sum(palette.columns(span.text) for span in line)


def cut(text: str, width: int, palette: Palette) -> str:
    """The beginning of `text` that fits `width` columns; a wide character is not cut in half."""
    if palette.columns(text) <= width:
        return text
    if text.isascii():
        return text[: max(0, width)]
    used = 0
    for index, character in enumerate(text):
        used += palette.columns(character)
        if used > width:
            return text[:index]
    return text


def shortened(text: str, width: int, palette: Palette) -> str:
    """Like `cut`, with dots at the end where something is missing."""
    if palette.columns(text) <= width:
        return text
    return cut(text, width - 3, palette) + "..." if width > 6 else cut(text, width, palette)


def padded(text: str, width: int, palette: Palette, *, is_right: bool) -> str:
    """`text` with blanks up to `width`, on its right side or (`is_right`) on its left."""
    blanks = " " * (width - palette.columns(text))
    return blanks + text if is_right else text + blanks


def fitted(line: Line, width: int, palette: Palette) -> Line:
    """The line, cut to `width`, without its empty spans."""
    fit: list[Span] = []
    left = width
    for span in line:
        used = palette.columns(span.text)
        if used > left:
            fit.append(span._replace(text=cut(span.text, left, palette)))
            break
        if used:
            fit.append(span)
            left -= used
    return fit


def flowed(items: Iterable[Line], separator: str, width: int, palette: Palette, *, indent: int = 0) -> list[Line]:
    """As many items on each line as fit, `separator` between them; further lines start with `indent` blanks."""
    lines: list[list[Span]] = []
    for item in items:
        gap = Span(separator)
        if lines and columns(lines[-1], palette) + columns((gap, *item), palette) <= width:
            lines[-1].extend((gap, *item))
        else:
            lines.append([Span(" " * indent), *item] if lines and indent else list(item))
    return list(lines)


def paragraph(text: str, role: Role, width: int, palette: Palette, *, indent: int = 0) -> list[Line]:
    """`text` wrapped between its words, of which one that is too long is cut; one span a line."""
    lines = flowed(((Span(word),) for word in text.split()), " ", width, palette, indent=indent)
    return [(Span(cut("".join(span.text for span in line), width, palette), role),) for line in lines]
