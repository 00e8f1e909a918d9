import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.views.grid import Cell, Column, grid
from display.views.palette import Role
from display.views.text import Span, columns
from tests.display.looks import WIDE, drawn, widths
from tests.display.samples import TAGGED

LAYOUT = (
    Column("Name", 4, 0, is_right=False),
    Column("Count", 6, 2),
    Column("Reason", 6, 1, is_right=False, wanted=10),
)


def row(*texts: str) -> list[Cell]:
    return [(Span(text),) for text in texts]


ROWS = [row("one", "1", "connection refused"), row("three", "1234567", "")]


def lines_of(rows: list[list[Cell]], width: int, known: dict[str, int] | None = None) -> list[str]:
    return drawn(grid("test", LAYOUT, rows, width, {} if known is None else known, WIDE), WIDE)


def test_columns_are_as_wide_as_their_widest_cell_and_aligned() -> None:
    assert lines_of(ROWS, 40) == [
        "Name    Count Reason",
        "one         1 connection refused",
        "three 1234567",
    ]


def test_a_column_for_long_texts_takes_what_the_others_leave() -> None:
    assert lines_of(ROWS, 27)[1] == "one         1 connection..."


@pytest.mark.parametrize(
    ("width", "heading"),
    [(24, "Name    Count Reason"), (23, "Name  Reason"), (12, "Name  Reason"), (11, "Name"), (1, "N")],
)
def test_columns_give_way_by_rank_and_to_what_a_long_text_wants(width: int, heading: str) -> None:
    assert lines_of(ROWS, width)[0] == heading


def test_no_column_gets_narrower_again() -> None:
    known: dict[str, int] = {}
    before = lines_of(ROWS, 40, known)[0]
    assert lines_of(ROWS[:1], 40, known)[0] == before
    assert lines_of(ROWS[:1], 40)[0] != before


def test_a_marked_heading_stands_in_place_of_its_own_and_has_the_room_it_needs() -> None:
    marked = {"Count": (Span("Count is up", Role.KEY),)}
    heading, line = grid("test", LAYOUT[:2], [row("one", "1")], 40, {}, TAGGED, marked)
    assert drawn([heading], TAGGED) == ["<heading>Name</> <key>Count is up</>"]
    assert drawn([line], TAGGED) == ["one            1"]


def test_two_grids_do_not_share_their_widths() -> None:
    known = {"other Name": 20}
    assert lines_of(ROWS, 40, known) == lines_of(ROWS, 40)


def test_a_cell_keeps_its_colours() -> None:
    (_, line) = grid("test", LAYOUT[:1], [[(Span("▲", Role.UP), Span("1", Role.BID))]], 40, {}, TAGGED)
    assert drawn([line], TAGGED) == ["<up>▲</><bid>1</>"]


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=5), widths)
def test_no_line_is_wider_than_the_screen(texts: list[tuple[str, str, str]], width: int) -> None:
    lines = grid("test", LAYOUT, [row(*three) for three in texts], width, {}, WIDE)
    assert all(columns(line, WIDE) <= width for line in lines)
