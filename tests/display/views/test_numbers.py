import pytest

from display.views.numbers import LONGEST_CELL, LONGEST_NUMBER, cell_text, count_text, number_text
from shared.quotes import Price


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (Price(306.1, 2), "306.10"),
        (Price(18000, 0), "18,000"),
        (Price(1234567.891, 3), "1,234,567.891"),
        (Price(0.000012, 6), "0.000012"),
        (Price(-37.63, 2), "-37.63"),
        (Price(-0.001, 2), "0.00"),
        (Price(9e18, 12), "9e+18"),
    ],
)
def test_a_number_has_its_own_decimals_and_a_comma_between_thousands(price: Price, text: str) -> None:
    assert number_text(price) == text
    assert len(text) <= LONGEST_NUMBER


def test_a_count_has_a_comma_between_thousands() -> None:
    assert count_text(1322700) == "1,322,700"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ([306.1, 2], "306.10"),
        (405375659, "405,375,659"),
        (1234.5, "1,234.5"),
        (0, "0"),
        ("09:51:20", "09:51:20"),
        ("", ""),
        (None, None),
        ([None, 2], None),
        (True, None),
        ("x" * 1000, "x" * LONGEST_CELL),
    ],
)
def test_a_cell_is_told_as_what_it_is_and_null_is_not_zero(cell: object, text: str | None) -> None:
    assert cell_text(cell) == text
