import pytest

from display.views.numbers import (
    DELAY_WIDTH,
    LONGEST_CELL,
    LONGEST_NUMBER,
    cell_text,
    count_text,
    delay_text,
    number_text,
    percent_text,
    price_text,
    rate_text,
    size_text,
)
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


def test_a_price_in_a_column_has_no_commas_and_one_that_no_instrument_has_is_shortened() -> None:
    assert [price_text(price) for price in (Price(1234567.891, 3), Price(9e18, 12))] == ["1234567.891", "9e+18"]


@pytest.mark.parametrize(
    ("delay_ms", "text"),
    [
        (0.0, "0.0 ms"),
        (99.94, "99.9 ms"),
        (99.96, "100 ms"),
        (9_999.4, "9999 ms"),
        (900_000.0, "900 s"),
        (-3.21, "-3.2 ms"),
    ],
)
def test_a_delay_is_told_in_a_few_characters(delay_ms: float, text: str) -> None:
    assert delay_text(delay_ms) == text
    assert len(text) <= DELAY_WIDTH


@pytest.mark.parametrize(("rate", "text"), [(0.0, "0.0"), (99.94, "99.9"), (99.96, "100"), (12_345.6, "12k")])
def test_a_rate_is_told_in_four_characters(rate: float, text: str) -> None:
    assert rate_text(rate) == text


@pytest.mark.parametrize(
    ("percent", "text"), [(-0.004, "0.00%"), (1.234, "+1.23%"), (-0.5, "-0.50%"), (12_345.0, "+1.23e+04%")]
)
def test_a_change_has_its_sign_unless_it_shows_as_none(percent: float, text: str) -> None:
    assert percent_text(percent) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (123_456_789, "123 MB"), (5_250_000_000_000, "5250.0 GB")]
)
def test_a_size_is_told_in_its_largest_unit(count: int, text: str) -> None:
    assert size_text(count) == text
