"""Lines made of coloured spans, and the ways to make them fit a width. Pure.

Nothing leaves this module wider than asked, whatever is in it; widths are terminal columns.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from display.views.palette import Palette, Role


class Span(NamedTuple):
    """Printable text of one role."""

    text: str
    role: Role = Role.PLAIN


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


def painted(line: Line, width: int, palette: Palette) -> str:
    """The line as the terminal gets it, cut to `width`."""
    parts: list[str] = []
    left = width
    for span in line:
        text = cut(span.text, left, palette)
        parts.append(palette.paint(span.role, text))
        left -= palette.columns(text)
        if text != span.text:
            break
    return "".join(parts)


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
    """`text` wrapped between its words; one span a line."""
    lines = flowed(((Span(word),) for word in text.split()), " ", width, palette, indent=indent)
    return [(Span("".join(span.text for span in line), role),) for line in lines]
