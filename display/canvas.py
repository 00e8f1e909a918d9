"""Canvas: lines of spans -> cells -> the shortest text that turns what a terminal shows into them. Pure.

The sequences are those of ECMA-48, which every terminal knows that can show a table at all.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from display.themes import PLAIN, Theme, switch
from display.views import Line, Role

CLEAR = "\x1b[H\x1b[2J"
CLEAR_TO_END_OF_LINE = "\x1b[K"
FILLER = "\0"
GAP = 3
"""So many unchanged columns are rather written again than passed over."""


class Cells(NamedTuple):
    """One line, with one character for each column: what it shows, and a character that stands for its style.

    The second column of a wide character is FILLER.
    """

    text: str
    styles: str


class _Styles(NamedTuple):
    """Every look of a theme as a character; characters sort by how much the styles change."""

    plain: str
    of_roles: tuple[Mapping[Role, str], Mapping[Role, str]]
    switches: Mapping[tuple[str, str], str]
    show_on_blanks: frozenset[str]

    @classmethod
    def of(cls, theme: Theme) -> "_Styles":
        looks = [{role: theme.style(role, is_selected=is_selected) for role in Role} for is_selected in (False, True)]
        distinct = sorted({PLAIN, *looks[0].values(), *looks[1].values()}, key=lambda style: len(style.changes))
        characters = {style: chr(number) for number, style in enumerate(distinct)}
        ordinary, selected = ({role: characters[style] for role, style in look.items()} for look in looks)
        return cls(
            characters[PLAIN],
            (ordinary, selected),
            {(characters[a], characters[b]): switch(a, b) for a in distinct for b in distinct},
            frozenset(characters[style] for style in distinct if style.shows_on_blanks),
        )


class Canvas:
    """`measure` gives the columns of a character; what has no place in `encoding` is shown as `?`."""

    def __init__(self, theme: Theme, measure: Callable[[str], int], encoding: str) -> None:
        self._styles = _Styles.of(theme)
        self._shown_as = _ShownAs(measure, encoding)

    def cells(self, line: Line, width: int) -> Cells:
        """The cells of `width` columns; nothing else than printable characters comes out, whatever goes in.

        The selected row reaches to the edge.
        """
        plain, of_roles = self._styles.plain, self._styles.of_roles
        texts, styles = [], []
        fill = plain
        for text, role, is_selected in line:
            if not (text.isascii() and text.isprintable()):
                text = "".join([self._shown_as[character] for character in text])
            style = of_roles[is_selected][role]
            if style not in self._styles.show_on_blanks and text.isspace():
                style = plain
            texts.append(text)
            styles.append(style * len(text))
            fill = of_roles[True][Role.PLAIN] if is_selected else plain
        text, of_text = "".join(texts), "".join(styles)
        if len(text) > width and text[width] == FILLER:
            text = text[: width - 1]
        return Cells(text[:width].ljust(width), of_text[:width].ljust(width, fill))

    def difference(self, before: Sequence[Cells], after: Sequence[Cells]) -> str:
        """What turns the one into the other: as many lines of as many columns. Begins and ends in plain style."""
        pen = _Pen(self._styles)
        for y, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                pen.change(y, old, new)
        return pen.text()


class _ShownAs(dict[str, str]):
    """What is shown in place of a character, with as many characters as it takes columns."""

    def __init__(self, measure: Callable[[str], int], encoding: str) -> None:
        super().__init__()
        self._measure = measure
        self._encoding = encoding

    def __missing__(self, character: str) -> str:
        columns = max(0, self._measure(character)) if character.isprintable() else 0
        try:
            character.encode(self._encoding)
            shown = character + FILLER * (columns - 1) if columns else ""
        except UnicodeEncodeError:
            shown = "?" * columns
        self[character] = shown
        return shown


class _Pen:
    """Writes changes from left to right and from top to bottom, each style on a layer of its own.

    To move the cursor costs less than to switch the style, so that layer after layer is sent.
    """

    def __init__(self, styles: "_Styles") -> None:
        self._styles = styles
        self._layers: dict[str, _Layer] = {}

    def text(self) -> str:
        written: list[str] = []
        before = self._styles.plain
        for style in sorted(self._layers):
            written += (self._styles.switches[before, style], *self._layers[style].written)
            before = style
        written.append(self._styles.switches[before, self._styles.plain])
        return "".join(written).replace(FILLER, "")

    def change(self, y: int, old: Cells, new: Cells) -> None:
        """Turn one line into another one."""
        text, styles = new
        changed = [
            x for x, (a, b, c, d) in enumerate(zip(old.text, text, old.styles, styles, strict=True)) if a != b or c != d
        ]
        blanks = bisect_left(changed, self._blank_from(new))
        if blanks < len(changed) and len(text) - changed[blanks] > len(CLEAR_TO_END_OF_LINE):
            self._write(changed[:blanks], y, new)
            self._layer(self._styles.plain).clear(changed[blanks], y)
        else:
            self._write(changed, y, new)

    def _write(self, changed: Sequence[int], y: int, cells: Cells) -> None:
        """Write the changed columns, in pieces of one style."""
        text, styles = cells
        start = end = -1
        style = ""
        for x in changed:
            if x == end and styles[x] == style:
                end += 1
                continue
            if start >= 0:
                if x - end <= GAP and (common := self._common(style, start, end, x, cells)) is not None:
                    style, end = common, x + 1
                    continue
                self._layer(style).write(start, end, y, text)
            start, end, style = x, x + 1, styles[x]
        if start >= 0:
            self._layer(style).write(start, end, y, text)

    def _common(self, style: str, start: int, end: int, x: int, cells: Cells) -> str | None:
        """The style in which the columns from `start` to `x` can be written as one piece."""
        plain, text = self._styles.plain, cells.text
        if style == plain and text[start:end].isspace() and cells.styles[x] not in self._styles.show_on_blanks:
            style = cells.styles[x]
        may_be_blank = style not in self._styles.show_on_blanks
        for at in range(end, x + 1):
            found = cells.styles[at]
            if found != style and not (may_be_blank and found == plain and text[at] == " "):
                return None
        return style

    def _blank_from(self, cells: Cells) -> int:
        """The column from which on the line is plain and blank."""
        return max(len(cells.text.rstrip(" ")), len(cells.styles.rstrip(self._styles.plain)))

    def _layer(self, style: str) -> "_Layer":
        layer = self._layers.get(style)
        if layer is None:
            layer = self._layers[style] = _Layer()
        return layer


class _Layer:
    """All that is written in one style, with the moves of the cursor."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self._x = self._y = -1

    def write(self, start: int, end: int, y: int, text: str) -> None:
        """Write the columns from `start` up to `end`, without `end`."""
        self._move(start, y)
        self.written.append(text[start:end])
        # After its last column the cursor stands on it or beyond it, as the terminal likes: nothing relies on that.
        self._x = end

    def clear(self, x: int, y: int) -> None:
        self._move(x, y)
        self.written.append(CLEAR_TO_END_OF_LINE)

    def _move(self, x: int, y: int) -> None:
        if y != self._y:
            self.written.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        elif x > self._x:
            self.written.append(f"\x1b[{x - self._x}C")
        self._x, self._y = x, y
