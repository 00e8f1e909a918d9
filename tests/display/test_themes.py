"""Themes: legible, told apart, and honest about a simulated exchange."""

import pyte
import pytest

from display.themes import NORMAL, PLAIN, REVERSE, Style, sequence, switch, theme_of
from display.views import Role

NAMES = ("dark", "light", "colorblind", "mono")
COLOURS = (0, 8, 16, 256, 1 << 24)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
CUBE = (0, 95, 135, 175, 215, 255)
LEGIBLE = 4.5
"""The contrast that WCAG asks of text."""


def rgb(number: int) -> tuple[int, int, int]:
    """Of a colour of the 256 that is not the terminal's own affair."""
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    red, green, blue = (number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6
    return CUBE[red], CUBE[green], CUBE[blue]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    lower, higher = sorted((luminance(one), luminance(other)))
    return (higher + 0.05) / (lower + 0.05)


def luminance(colour: tuple[int, int, int]) -> float:
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def drawn(sequences: str) -> "pyte.screens.Char":
    """How a character looks after these sequences."""
    screen = pyte.Screen(2, 1)
    pyte.Stream(screen).feed(sequences + "x")
    return screen.buffer[0][0]._replace(data=" ")


@pytest.mark.parametrize(
    ("name", "grounds", "least"),
    [("dark", [BLACK], LEGIBLE), ("light", [WHITE], LEGIBLE), ("colorblind", [BLACK, WHITE], 3.3)],
)
def test_every_text_is_legible_on_the_background_that_the_theme_is_for(
    name: str, grounds: list[tuple[int, int, int]], least: float
) -> None:
    for role in set(Role) - {Role.BAR_BID, Role.BAR_ASK}:
        style = theme_of(name, 256).style(role)
        for ground in grounds:
            if style.ink is not None:
                paper = ground if style.paper is None else rgb(style.paper)
                assert contrast(rgb(style.ink), paper) >= least, role


@pytest.mark.parametrize("name", ["dark", "light"])
def test_prices_stay_legible_in_the_selected_row(name: str) -> None:
    for role in (Role.BID, Role.ASK, Role.LAST, Role.UP, Role.DOWN, Role.FRESH, Role.AGING, Role.STALE, Role.CHANGED):
        style = theme_of(name, 256).style(role, is_selected=True)
        assert style.ink is not None and style.paper is not None
        assert contrast(rgb(style.ink), rgb(style.paper)) >= 4.3


@pytest.mark.parametrize("colours", [8, 16])
def test_the_light_theme_of_few_colours_has_no_ink_that_cannot_be_read_on_white(colours: int) -> None:
    theme = theme_of("light", colours)
    for role in Role:
        style = theme.style(role)
        assert style.paper is not None or style.ink in (None, 1, 4, 5)


@pytest.mark.parametrize("colours", [8, 16, 256])
def test_the_colour_blind_are_shown_blue_and_orange_in_place_of_green_and_red(colours: int) -> None:
    theme = theme_of("colorblind", colours)
    inks = {role: theme.style(role).ink for role in Role if theme.style(role).paper is None}
    assert set(inks.values()) == {None, *{8: (4, 3), 16: (12, 3), 256: (33, 166, 244)}[colours]}
    for good, bad in ((Role.BID, Role.ASK), (Role.UP, Role.DOWN), (Role.FRESH, Role.STALE), (Role.GOOD, Role.TROUBLE)):
        assert inks[good] != inks[bad]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("colours", COLOURS)
def test_a_simulated_exchange_is_striking_in_every_theme_and_row(name: str, colours: int) -> None:
    theme = theme_of(name, colours)
    for is_selected in (False, True):
        style = theme.style(Role.SIMULATED, is_selected=is_selected)
        assert style.paper not in (None, theme.selected.paper) or REVERSE in style.attributes
    others = {theme.style(role) for role in Role if role is not Role.SIMULATED and name != "mono" and colours}
    assert theme.style(Role.SIMULATED) not in others


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("colours", COLOURS)
def test_the_selected_row_is_told_apart_in_every_role(name: str, colours: int) -> None:
    theme = theme_of(name, colours)
    for role in set(Role) - {Role.SIMULATED, Role.BANNER}:
        ordinary, selected = drawn(sequence(theme.style(role))), drawn(sequence(theme.style(role, is_selected=True)))
        assert (ordinary.bg, ordinary.reverse) != (selected.bg, selected.reverse)


@pytest.mark.parametrize(("name", "colours"), [("mono", 1 << 24), ("mono", 8), ("dark", 0), ("light", 2)])
def test_without_colours_there_are_attributes_only(name: str, colours: int) -> None:
    theme = theme_of(name, colours)
    for role in Role:
        for is_selected in (False, True):
            looks = drawn(sequence(theme.style(role, is_selected=is_selected)))
            assert (looks.fg, looks.bg) == ("default", "default")
    for role in (Role.CHANGED, Role.STALE, Role.QUIET, Role.TROUBLE, Role.BANNER, Role.TITLE):
        assert theme.style(role) != PLAIN


@pytest.mark.parametrize("name", ["dark", "light", "colorblind"])
@pytest.mark.parametrize("colours", [8, 16, 256])
def test_fresh_aging_stale_and_quiet_differ(name: str, colours: int) -> None:
    theme = theme_of(name, colours)
    styles = {theme.style(role) for role in (Role.FRESH, Role.AGING, Role.STALE, Role.QUIET)}
    assert len(styles) == 4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("colours", COLOURS)
def test_no_more_colours_are_asked_for_than_the_terminal_has(name: str, colours: int) -> None:
    theme = theme_of(name, colours)
    styles = [theme.style(role, is_selected=is_selected) for role in Role for is_selected in (False, True)]
    numbers = {number for style in styles for number in (style.ink, style.paper) if number is not None}
    assert all(number < min(256, colours) for number in numbers)
    if colours >= 256:
        assert all(number >= 16 for number in numbers), "the first sixteen look as the person likes"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("colours", COLOURS)
def test_a_switch_leads_from_any_style_to_any_other(name: str, colours: int) -> None:
    theme = theme_of(name, colours)
    styles = {theme.style(role, is_selected=is_selected) for role in Role for is_selected in (False, True)} | {PLAIN}
    for before in styles:
        for after in styles:
            assert drawn(sequence(before) + switch(before, after)) == drawn(sequence(after))


def test_a_switch_between_inks_does_without_a_reset() -> None:
    assert switch(Style(2), Style(1)) == "\x1b[31m"
    assert switch(Style(78, None, frozenset({1})), Style(203)) == "\x1b[;38;5;203m"
    assert switch(Style(12), PLAIN) == NORMAL
    assert switch(Style(12, 3), Style(12, 3)) == ""
    assert sequence(Style(12, 3)) == "\x1b[94;43m"
