from hypothesis import example, given
from hypothesis import strategies as st

from display.views.palette import ASCII, UNICODE
from display.views.sparkline import sparkline

LEVELS = "01234567"


def test_the_least_value_is_lowest_and_the_greatest_highest() -> None:
    assert sparkline([306.10, 306.11, 306.17, 306.12], LEVELS) == "0172"


def test_what_is_unknown_is_blank() -> None:
    assert sparkline([None, 1, None, 2], LEVELS) == " 0 7"
    assert sparkline([None, None], LEVELS) == "  "
    assert sparkline([], LEVELS) == ""


def test_a_price_that_stands_still_is_in_the_middle() -> None:
    assert sparkline([5, 5, 5], LEVELS) == "444"


def test_counts_are_drawn_from_their_base_so_that_none_is_the_lowest() -> None:
    assert sparkline([0, 0], LEVELS, base=0) == "00"
    assert sparkline([7, 7, 0], LEVELS, base=0) == "770"
    assert sparkline([6, 7], LEVELS, base=0) == "67"


@example([5e-324, -1.0], UNICODE, 0.0)
@given(st.lists(st.none() | st.floats(-1e18, 1e18)), st.sampled_from([UNICODE, ASCII]), st.none() | st.just(0.0))
def test_there_is_one_character_for_each_value(values: list[float | None], glyphs: object, base: float | None) -> None:
    assert len(sparkline(values, UNICODE.spark, base=base)) == len(values)
