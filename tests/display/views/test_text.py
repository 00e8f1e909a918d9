import pytest

from display.views.palette import COLOURLESS, Palette, Role
from display.views.text import Line, Span, columns, cut, fitted, flowed, padded, paragraph, shortened

WIDE = Palette(lambda text: sum(1 + (c >= "\u1100") for c in text))


def plain(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


@pytest.mark.parametrize(("width", "text"), [(5, "ab株c"), (4, "ab株"), (3, "ab"), (0, "")])
def test_a_text_is_cut_by_columns_and_a_wide_character_never_in_half(width: int, text: str) -> None:
    assert cut("ab株c", width, WIDE) == text


def test_a_shortened_text_shows_that_something_is_missing() -> None:
    assert shortened("A" * 20, 14, COLOURLESS) == "AAAAAAAAAAA..."
    assert shortened("SBER", 14, COLOURLESS) == "SBER"


def test_text_is_padded_to_columns_on_either_side() -> None:
    assert padded("株", 4, WIDE, is_right=True) == "  株"
    assert padded("株", 4, WIDE, is_right=False) == "株  "


def test_a_line_is_cut_in_its_last_span_and_has_no_empty_ones() -> None:
    line = (Span("306.12", Role.BID), Span(""), Span(" "), Span("306.13", Role.ASK))
    assert fitted(line, 9, WIDE) == [Span("306.12", Role.BID), Span(" "), Span("30", Role.ASK)]
    assert plain([fitted(line, 6, WIDE)]) == ["306.12"]


def test_items_flow_onto_as_few_lines_as_they_need() -> None:
    items = [(Span("one"),), (Span("two"),), (Span("three"),)]
    assert plain(flowed(items, " | ", 9, COLOURLESS)) == ["one | two", "three"]


def test_further_lines_of_a_paragraph_are_indented() -> None:
    assert plain(paragraph("one two three", Role.PLAIN, 8, COLOURLESS, indent=2)) == ["one two", "  three"]


@pytest.mark.parametrize("width", range(1, 30))
def test_no_line_of_a_paragraph_is_wider_than_asked(width: int) -> None:
    lines = paragraph("word 株式会社 anotherratherlongword x", Role.BID, width, WIDE, indent=3)
    assert all(columns(line, WIDE) <= width for line in lines)
