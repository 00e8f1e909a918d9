import pytest
from hypothesis import given

from display.keys import BINDINGS
from display.views.help import help_page
from display.views.palette import ASCII, COLOURLESS, Palette
from shared.settings import DisplaySettings
from tests.display.looks import assert_fits, drawn, golden, limits, widths
from tests.display.samples import TAGGED


def lines_of(limit: int, width: int, palette: Palette = COLOURLESS) -> list[str]:
    return drawn(help_page(limit, width, DisplaySettings(), palette), palette)


def words_of(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize(("width", "limit"), [(40, 10), (80, 22), (120, 30)])
def test_the_help_looks_as_agreed(width: int, limit: int) -> None:
    assert lines_of(limit, width) == golden(f"help_{width}")


@pytest.mark.parametrize(("width", "limit"), [(60, 26), (80, 14), (100, 14), (120, 20), (200, 20)])
def test_every_key_is_named_with_what_it_does(width: int, limit: int) -> None:
    text = "\n".join(lines_of(limit, width))
    for binding in BINDINGS:
        assert binding.shown in text
        assert all(word in text for word in binding.help.split())


def test_even_on_the_smallest_screen_every_key_has_its_name() -> None:
    text = words_of(lines_of(9, 40))  # 40 x 10, less the title
    assert all(binding.shown in text for binding in BINDINGS)


def test_where_not_all_keys_fit_the_way_out_comes_first() -> None:
    assert lines_of(2, 40) == ["q quit  ? h help  s sort  Space freeze", "/ filter  Enter detail  1 table"]


@pytest.mark.parametrize(("width", "limit"), [(60, 26), (80, 14), (120, 20), (200, 20)])
def test_the_marks_of_the_age_are_explained(width: int, limit: int) -> None:
    text = words_of(lines_of(limit, width))
    for mark in ("● fresh: younger than 5 s", "◐ aging", "○ stale: older", "· quiet: old, but"):
        assert mark in text


def test_the_cells_of_the_feed_and_the_colours_are_explained_where_there_is_room() -> None:
    text = words_of(lines_of(40, 200, TAGGED))
    for mark in ("<good>█</> online", "<trouble>✗</> refused", "<up>▲</> above", "<bid>BID</> best bid"):
        assert mark in text


def test_marks_are_those_of_the_terminal() -> None:
    assert words_of(lines_of(24, 80, COLOURLESS._replace(glyphs=ASCII))).isascii()


@given(widths, limits)
def test_it_fits_every_screen(width: int, limit: int) -> None:
    assert_fits(help_page(limit, width, DisplaySettings(), COLOURLESS), width, limit)
