"""Themes: which colours and attributes show what a piece of text is. Pure.

With 256 colours and more only the numbers 16 to 255 are used, which look the same in all terminals, true colour ones
included; with fewer, the terminal's own eight, whose looks are the person's choice.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from display.views import Role

NORMAL = "\x1b[m"
MANY_COLOURS = 256
BOLD, DIM, UNDERLINE, REVERSE = 1, 2, 4, 7
"""Attributes, by their SGR parameters."""

INK, PAPER = -1, -2
"""What else a style changes, beside attributes."""


class Style(NamedTuple):
    """How text looks: numbers of colours, None for the terminal's own, and attributes."""

    ink: int | None = None
    paper: int | None = None
    attributes: frozenset[int] = frozenset()

    @property
    def changes(self) -> frozenset[int]:
        """What it changes of the terminal's normal state."""
        ink = {INK} if self.ink is not None else set()
        paper = {PAPER} if self.paper is not None else set()
        return self.attributes | ink | paper

    @property
    def shows_on_blanks(self) -> bool:
        """Whether blanks look different in it."""
        return self.paper is not None or bool(self.attributes & {UNDERLINE, REVERSE})


PLAIN = Style()


class Theme(NamedTuple):
    """`selected` is what makes a row the selected one."""

    roles: Mapping[Role, Style]
    selected: Style

    def style(self, role: Role, *, is_selected: bool = False) -> Style:
        """A selected row in reverse has no other colours: they would be patches of background."""
        style = self.roles.get(role, PLAIN)
        if not is_selected:
            return style
        if REVERSE in self.selected.attributes:
            return Style(attributes=self.selected.attributes | style.attributes & {BOLD})
        paper = self.selected.paper if style.paper is None else style.paper
        return Style(style.ink, paper, style.attributes | self.selected.attributes)


def theme_of(name: str, number_of_colours: int) -> Theme:
    """The theme of that name, as far as a terminal with so many colours can show it."""
    if number_of_colours < 8:
        return _MONO
    if number_of_colours >= MANY_COLOURS:
        return _MANY[name]
    theme = _FEW[name]
    if number_of_colours >= 16:
        return theme
    return Theme({role: _without_bright(style) for role, style in theme.roles.items()}, theme.selected)


def sequence(style: Style) -> str:
    """What switches from the normal state to `style`."""
    return f"\x1b[{_parameters(style)}m" if style.changes else ""


def switch(before: Style, after: Style) -> str:
    """The shortest sequence that leads from one style to another."""
    if before == after:
        return ""
    if before.changes <= after.changes:
        return sequence(after)
    return f"\x1b[;{_parameters(after)}m" if after.changes else NORMAL


def _parameters(style: Style) -> str:
    parameters = [str(attribute) for attribute in sorted(style.attributes)]
    parameters += _colour(style.ink, 30) + _colour(style.paper, 40)
    return ";".join(parameters)


def _colour(number: int | None, base: int) -> list[str]:
    if number is None:
        return []
    if number < 8:
        return [str(base + number)]
    return [str(base + 60 + number - 8)] if number < 16 else [str(base + 8), "5", str(number)]


def _without_bright(style: Style) -> Style:
    """Bold stands for bright, as it always did on terminals of eight colours."""
    if style.ink is None or style.ink < 8:
        return style
    return Style(style.ink - 8, style.paper, style.attributes | {BOLD})


def _styles(
    inks: Mapping[int | None, Iterable[Role]],
    *,
    bold: Iterable[Role] = (),
    dim: Iterable[Role] = (),
    underlined: Iterable[Role] = (),
    reverse: Iterable[Role] = (),
    papers: Mapping[Role, tuple[int, int]] | None = None,
) -> dict[Role, Style]:
    """Styles by role; `papers` gives ink and paper."""
    ink_of = {role: ink for ink, roles in inks.items() for role in roles}
    attributed = ((BOLD, set(bold)), (DIM, set(dim)), (UNDERLINE, set(underlined)), (REVERSE, set(reverse)))
    styles: dict[Role, Style] = {}
    for role in Role:
        ink, paper = (papers or {}).get(role, (ink_of.get(role), None))
        styles[role] = Style(ink, paper, frozenset(number for number, roles in attributed if role in roles))
    return styles


R = Role
_BOLD = (R.TITLE, R.SIMULATED, R.HEADING, R.CHANGED, R.TROUBLE, R.BANNER, R.KEY, R.SELECTED)

_MONO = Theme(
    _styles(
        {},
        bold=(*_BOLD, R.FAVOURITE),
        dim=(R.QUIET, R.DIM, R.BAR_ASK),
        underlined=(R.STALE, R.WARNING),
        reverse=(R.SIMULATED, R.BANNER),
    ),
    Style(attributes=frozenset({REVERSE})),
)

_MANY = {
    "dark": Theme(
        _styles(
            {
                231: (R.TITLE, R.CHANGED),
                110: (R.HEADING,),
                78: (R.BID, R.UP, R.ACTIVE, R.FRESH, R.GOOD),
                210: (R.ASK,),
                203: (R.DOWN, R.STALE, R.TROUBLE),
                117: (R.LAST, R.KEY),
                221: (R.AGING, R.WARNING),
                220: (R.FAVOURITE,),
                244: (R.QUIET,),
                245: (R.DIM,),
                35: (R.BAR_BID,),
                131: (R.BAR_ASK,),
                75: (R.SPARK,),
            },
            bold=_BOLD,
            papers={R.SIMULATED: (231, 161), R.BANNER: (16, 221)},
        ),
        Style(paper=17),
    ),
    "light": Theme(
        _styles(
            {
                16: (R.TITLE, R.CHANGED),
                25: (R.HEADING, R.LAST, R.KEY),
                28: (R.BID, R.UP, R.ACTIVE, R.FRESH, R.GOOD),
                160: (R.ASK, R.DOWN, R.STALE, R.TROUBLE),
                94: (R.AGING, R.WARNING),
                130: (R.FAVOURITE,),
                243: (R.QUIET,),
                242: (R.DIM,),
                65: (R.BAR_BID,),
                131: (R.BAR_ASK,),
                26: (R.SPARK,),
            },
            bold=_BOLD,
            papers={R.SIMULATED: (231, 161), R.BANNER: (231, 94)},
        ),
        Style(paper=195),
    ),
    # Legible on a dark and on a light background.
    "colorblind": Theme(
        _styles(
            {
                33: (R.BID, R.UP, R.ACTIVE, R.FRESH, R.GOOD, R.FAVOURITE, R.BAR_BID, R.SPARK),
                166: (R.ASK, R.DOWN, R.STALE, R.WARNING, R.TROUBLE, R.BAR_ASK),
                244: (R.QUIET, R.DIM),
            },
            bold=(*_BOLD, R.STALE),
            papers={R.SIMULATED: (16, 208), R.BANNER: (231, 25)},
        ),
        Style(attributes=frozenset({REVERSE})),
    ),
    "mono": _MONO,
}

_FEW = {
    "dark": Theme(
        _styles(
            {
                2: (R.BID, R.UP, R.ACTIVE, R.FRESH, R.GOOD, R.BAR_BID),
                1: (R.ASK, R.DOWN, R.STALE, R.TROUBLE, R.BAR_ASK),
                3: (R.AGING, R.WARNING, R.FAVOURITE),
                6: (R.LAST, R.SPARK, R.KEY),
            },
            bold=_BOLD,
            dim=(R.QUIET, R.DIM),
            papers={R.SIMULATED: (7, 5), R.BANNER: (0, 3)},
        ),
        Style(attributes=frozenset({REVERSE})),
    ),
    # The usual green, yellow and cyan cannot be read on white.
    "light": Theme(
        _styles(
            {
                4: (R.BID, R.UP, R.ACTIVE, R.FRESH, R.GOOD, R.BAR_BID, R.SPARK, R.KEY),
                1: (R.ASK, R.DOWN, R.STALE, R.TROUBLE, R.BAR_ASK),
                5: (R.AGING, R.WARNING, R.FAVOURITE),
            },
            bold=_BOLD,
            dim=(R.QUIET, R.DIM),
            papers={R.SIMULATED: (7, 5), R.BANNER: (7, 4)},
        ),
        Style(attributes=frozenset({REVERSE})),
    ),
    "colorblind": Theme(
        _styles(
            {
                12: (R.BID, R.UP, R.ACTIVE, R.FRESH, R.GOOD, R.FAVOURITE, R.BAR_BID, R.SPARK),
                3: (R.ASK, R.DOWN, R.STALE, R.WARNING, R.TROUBLE, R.BAR_ASK),
            },
            bold=(*_BOLD, R.STALE),
            dim=(R.QUIET, R.DIM),
            papers={R.SIMULATED: (0, 3), R.BANNER: (7, 4)},
        ),
        Style(attributes=frozenset({REVERSE})),
    ),
    "mono": _MONO,
}
