import pytest

from display.board import FAVOURITES, Board, View
from display.views.palette import COLOURLESS
from display.views.status import has_banner, status
from shared.settings import DisplaySettings
from tests.display.looks import painted
from tests.display.samples import NOW, TAGGED, board_of, market, quote

AT = NOW.monotonic


@pytest.fixture
def board() -> Board:
    made = board_of(market(quote(f"T{n:02}") for n in range(40)))
    made.rows(10)
    return made


def text(board: Board, width: int = 100) -> str:
    return painted(status(board, width, COLOURLESS), width, COLOURLESS)


def test_it_tells_what_is_shown_and_in_which_order(board: Board) -> None:
    assert text(board) == "Quotes  1-10 of 40  by activity ▼"
    assert not has_banner(board)


def test_nothing_shown_is_said_with_how_many_there_are(board: Board) -> None:
    board.filter_by("zzz", AT)
    assert "none of 40" in text(board)


def test_a_frozen_table_says_so_first_and_how_it_goes_on(board: Board) -> None:
    board.is_frozen = True
    assert text(board).startswith(" FROZEN: rows and order hold still, Space lets them go on ")
    assert has_banner(board)
    assert text(board, 20).startswith(" FROZEN")


def test_the_filter_stands_there_while_it_is_typed_and_while_it_holds(board: Board) -> None:
    board.is_typing = True
    board.filter_by("t1", AT)
    assert " Filter: t1_ " in text(board)
    board.is_typing = False
    assert " Filter: t1 " in text(board)
    assert has_banner(board)


def test_a_filter_that_is_not_understood_says_why_for_as_long_as_it_stands_there(board: Board) -> None:
    board.filter_by("age>", AT)
    assert board.filter.problem and board.filter.problem in text(board)


def test_favourites_and_groups_are_named(board: Board) -> None:
    board.show_group(FAVOURITES, AT)
    assert text(board).startswith(" favourites ")


def test_lists_are_neither_frozen_nor_filtered_and_do_not_say_so(board: Board) -> None:
    board.is_frozen = True
    board.filter_by("t1", AT)
    board.show_group(FAVOURITES, AT)
    board.view = View.EVENTS
    assert text(board) == "Events"
    assert not has_banner(board)


def test_a_list_that_does_not_fit_tells_which_part_is_shown(board: Board) -> None:
    board.view = View.CONNECTIONS
    board.move_page(0)
    board.scroll(10, 30)
    board.move(5)
    board.scroll(10, 30)
    assert text(board) == "Connections  6-15 of 30 lines"


def test_what_has_too_little_room_to_be_read_is_left_out(board: Board) -> None:
    whole = text(board)
    for width in range(7, len(whole)):
        words = text(board, width).split("  ")
        assert all(word in whole or word.endswith("...") for word in words), width


def test_lists_name_themselves(board: Board) -> None:
    for view, name in ((View.CONNECTIONS, "Connections"), (View.EVENTS, "Events")):
        board.view = view
        assert text(board) == name


@pytest.mark.parametrize("width", range(1, 60))
def test_it_is_never_wider_than_asked(width: int) -> None:
    board = Board(DisplaySettings())
    board.is_frozen = board.is_typing = True
    board.filter_by("Сбер 日本", AT)
    assert len(text(board, width)) <= width


def test_the_banners_are_painted_as_such(board: Board) -> None:
    board.is_frozen = True
    assert "<banner> FROZEN" in painted(status(board, 100, TAGGED), 100, TAGGED)
