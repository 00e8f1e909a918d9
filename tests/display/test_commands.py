import pytest

from display.board import FAVOURITES, Board, View
from display.commands import Effect, press
from display.keys import BINDINGS, Action
from display.order import Sorting, SortKey
from shared.quotes import Price
from tests.display.samples import NOW, board_of, market, quote

AT = NOW.monotonic
QUOTES = [
    quote("SBER", last=Price(300, 0), volume=10, updates=9, age_s=2),
    quote("GAZP", last=Price(130, 0), volume=99, updates=7, age_s=40),
    quote("AFLT", last=Price(50, 0), volume=50, updates=5),
]


@pytest.fixture
def board() -> Board:
    made = board_of(market(QUOTES))
    made.rows(10)
    return made


def type_in(board: Board, keys: str) -> None:
    for key in keys:
        press(board, key, AT)


def shown(board: Board) -> list[str]:
    return [row.quote.ticker for row in board.rows(10)]


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: binding.action.value)
def test_every_key_of_the_table_does_something_that_can_be_seen(board: Board, binding: object) -> None:
    def state() -> list[object]:
        return [*map(repr, (value for name, value in vars(board).items() if name not in ("_pressed_at", "history")))]

    press(board, "KEY_DOWN", AT)
    press(board, "KEY_DOWN", AT)
    if binding.action in (Action.TABLE,):  # type: ignore[attr-defined]
        board.view = View.EVENTS
    if binding.action is Action.SORT_ACTIVITY:  # type: ignore[attr-defined]
        board.sort(Sorting.by(SortKey.VOLUME), AT)
    before = state()
    effect = press(board, binding.keys[0], AT)  # type: ignore[attr-defined]
    assert effect is not None or state() != before


@pytest.mark.parametrize(
    ("key", "sort", "first"),
    [
        ("t", SortKey.TICKER, "AFLT"),
        ("l", SortKey.LAST, "SBER"),
        ("v", SortKey.VOLUME, "GAZP"),
        ("u", SortKey.UPDATES, "SBER"),
        ("a", SortKey.AGE, "AFLT"),
    ],
)
def test_one_letter_sorts_by_a_column_and_once_more_turns_it_round(
    board: Board, key: str, sort: SortKey, first: str
) -> None:
    assert press(board, key, AT) is Effect.REMEMBER
    assert board.sorting == Sorting.by(sort)
    assert shown(board)[0] == first
    press(board, key, AT)
    assert board.sorting == Sorting.by(sort).reversed()
    assert shown(board)[-1] == first


def test_s_goes_to_the_next_column_and_capital_s_turns_round(board: Board) -> None:
    press(board, "s", AT)
    assert board.sorting == Sorting.by(SortKey.TICKER)
    press(board, "S", AT)
    assert board.sorting == Sorting(SortKey.TICKER, True)


def test_the_filter_acts_as_it_is_typed(board: Board) -> None:
    type_in(board, "/g")
    assert shown(board) == ["GAZP"]
    press(board, "KEY_BACKSPACE", AT)
    assert len(shown(board)) == 3
    type_in(board, "q")
    assert not board.is_quitting
    assert board.filter_text == "q"


def test_enter_keeps_the_filter_and_gives_the_keys_back(board: Board) -> None:
    type_in(board, "/age>30\n")
    assert shown(board) == ["GAZP"]
    assert press(board, "q", AT) is Effect.QUIT


def test_a_filter_that_is_not_understood_says_so_after_enter_too(board: Board) -> None:
    type_in(board, "/gazp age>\n")
    press(board, "KEY_DOWN", AT)
    assert board.filter_problem
    press(board, "KEY_ESCAPE", AT)
    assert not board.filter_problem


def test_esc_clears_the_filter(board: Board) -> None:
    type_in(board, "/gazp\n")
    press(board, "KEY_ESCAPE", AT)
    assert len(shown(board)) == 3
    type_in(board, "/gazp")
    press(board, "KEY_ESCAPE", AT)
    assert (len(shown(board)), board.is_typing) == (3, False)


def test_enter_opens_the_detail_of_the_selected_ticker_and_enter_or_esc_close_it(board: Board) -> None:
    for close in ("\n", "KEY_ESCAPE"):
        press(board, "KEY_ENTER", AT)
        assert (board.is_detailed, board.selected) == (True, "SBER")
        press(board, close, AT)
        assert not board.is_detailed


def test_in_the_detail_the_arrows_go_to_the_next_ticker(board: Board) -> None:
    press(board, "KEY_ENTER", AT)
    press(board, "KEY_DOWN", AT)
    assert (board.is_detailed, board.selected) == (True, "GAZP")


def test_esc_goes_back_one_step_at_a_time(board: Board) -> None:
    type_in(board, "/a\n")
    press(board, "KEY_DOWN", AT)
    press(board, "KEY_ENTER", AT)
    steps = []
    for _ in range(3):
        press(board, "KEY_ESCAPE", AT)
        steps.append((board.is_detailed, board.filter_text, board.selected))
    assert steps == [(False, "a", "GAZP"), (False, "", "GAZP"), (False, "", None)]


def test_space_freezes_and_goes_on(board: Board) -> None:
    press(board, " ", AT)
    assert board.is_frozen
    press(board, " ", AT)
    assert not board.is_frozen


def test_a_star_marks_the_selected_ticker_and_takes_the_mark_back(board: Board) -> None:
    press(board, "KEY_DOWN", AT)
    press(board, "KEY_DOWN", AT)
    assert press(board, "*", AT) is Effect.REMEMBER
    assert board.favourites == {"GAZP"}
    press(board, "*", AT)
    assert board.favourites == set()


def test_tab_goes_through_all_favourites_and_groups_and_says_when_there_are_no_favourites(board: Board) -> None:
    press(board, "\t", AT)
    assert (board.group, shown(board)) == (FAVOURITES, [])
    assert "no favourites" in board.notice
    press(board, "\t", AT)
    assert len(shown(board)) == 3


def test_c_copies_the_selected_ticker_and_says_so(board: Board) -> None:
    press(board, "KEY_DOWN", AT)
    assert press(board, "c", AT) is Effect.COPY
    assert board.notice == "copied SBER"
    press(board, "KEY_DOWN", AT)
    assert board.notice == ""


@pytest.mark.parametrize(
    ("key", "view"),
    [("1", View.TABLE), ("2", View.CONNECTIONS), ("3", View.EVENTS), ("4", View.CANDLES)],
)
def test_digits_choose_the_view(board: Board, key: str, view: View) -> None:
    assert press(board, key, AT) is Effect.REMEMBER
    assert board.view is view


def test_plus_and_minus_change_the_refresh_rate_and_say_so(board: Board) -> None:
    press(board, "+", AT)
    assert (board.refresh_s, board.notice) == (0.5, "refresh every 0.5 s")
    press(board, "-", AT)
    assert board.refresh_s == 1.0


def test_any_key_leaves_the_help_and_does_what_it_always_does(board: Board) -> None:
    press(board, "?", AT)
    assert board.is_helping
    press(board, "2", AT)
    assert (board.is_helping, board.view) == (False, View.CONNECTIONS)
    for close in ("?", "KEY_ESCAPE"):
        press(board, "?", AT)
        press(board, close, AT)
        assert not board.is_helping


def test_q_asks_for_the_end(board: Board) -> None:
    assert press(board, "q", AT) is Effect.QUIT
    assert board.is_quitting
