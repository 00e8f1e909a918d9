import pytest

from display.board import FAVOURITES, Board, View
from display.commands import Effect, press
from display.keys import BINDINGS, Action, Binding, is_for_quotes
from display.order import Sorting, SortKey
from display.sequences import Pasted
from shared.quotes import Price, Quote
from shared.settings import DisplaySettings
from tests.display.samples import NOW, board_of, market, quote

AT = NOW.monotonic


def changed(made: Quote, before: float) -> Quote:
    """The same, with yesterday's price."""
    assert made.fields is not None
    made.fields["PREVPRICE"] = [before, 0]
    return made


QUOTES = [
    changed(quote("SBER", last=Price(300, 0), volume=10, updates=9, age_s=2), before=303),
    changed(quote("GAZP", last=Price(130, 0), volume=99, updates=7, age_s=40), before=100),
    changed(quote("AFLT", last=Price(50, 0), volume=50, updates=5), before=49),
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


def state_of(board: Board) -> list[str]:
    return [repr(value) for name, value in vars(board).items() if name not in ("_pressed_at", "history")]


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: binding.action.value)
def test_every_key_of_the_table_does_something_that_can_be_seen(board: Board, binding: object) -> None:
    press(board, "KEY_DOWN", AT)
    press(board, "KEY_DOWN", AT)
    if binding.action in (Action.TABLE,):  # type: ignore[attr-defined]
        board.view = View.EVENTS
    if binding.action is Action.SORT_ACTIVITY:  # type: ignore[attr-defined]
        board.sort(Sorting.by(SortKey.VOLUME), AT)
    before = state_of(board)
    effect = press(board, binding.keys[0], AT)  # type: ignore[attr-defined]
    assert effect is not None or state_of(board) != before


@pytest.mark.parametrize(
    ("key", "sort", "first"),
    [
        ("t", SortKey.TICKER, "AFLT"),
        ("l", SortKey.LAST, "SBER"),
        ("g", SortKey.CHANGE, "GAZP"),
        ("%", SortKey.CHANGE, "GAZP"),
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


def test_r_sorts_by_the_updates_of_late_and_once_more_turns_it_round(board: Board) -> None:
    board.advance(market([QUOTES[0], quote("GAZP", updates=8), quote("AFLT", updates=7)]), AT + 1)
    press(board, "t", AT)
    assert press(board, "r", AT) is Effect.REMEMBER
    assert (board.sorting, shown(board)) == (Sorting(SortKey.ACTIVITY, True), ["AFLT", "GAZP", "SBER"])
    press(board, "r", AT)
    assert (board.sorting, shown(board)) == (Sorting(SortKey.ACTIVITY, False), ["SBER", "GAZP", "AFLT"])


def test_s_goes_to_the_next_column_and_capital_s_turns_round(board: Board) -> None:
    press(board, "s", AT)
    assert board.sorting == Sorting.by(SortKey.TICKER)
    press(board, "S", AT)
    assert board.sorting == Sorting(SortKey.TICKER, True)


@pytest.mark.parametrize("key", ["s", "S"])
def test_the_next_start_sorts_as_s_and_capital_s_made_it(board: Board, key: str) -> None:
    assert press(board, key, AT) is Effect.REMEMBER
    assert board.sorting != Sorting()
    assert Board(DisplaySettings(), board.remembered).sorting == board.sorting


# Moving

MANY = [quote(f"T{number:02}") for number in range(30)]


@pytest.mark.parametrize(
    ("keys", "selected"),
    [
        (["KEY_PGDOWN"], "T09"),
        (["KEY_DOWN", "KEY_PGDOWN"], "T10"),
        (["KEY_DOWN", "KEY_PGDOWN", "KEY_PGDOWN", "KEY_PGUP"], "T10"),
        (["KEY_END"], "T29"),
        (["KEY_END", "KEY_PGUP"], "T19"),
        (["KEY_END", "KEY_HOME"], "T00"),
    ],
)
def test_pages_and_both_ends_are_gone_to_by_their_keys(keys: list[str], selected: str) -> None:
    board = board_of(market(MANY))
    for key in keys:
        board.rows(10)
        press(board, key, AT)
    assert board.selected == selected
    assert selected in [row.quote.ticker for row in board.rows(10)]


@pytest.mark.parametrize("view", [View.CONNECTIONS, View.EVENTS])
def test_in_the_views_without_a_selection_they_scroll(view: View) -> None:
    board = board_of(market(MANY), view=view)
    began = []
    for key in ("KEY_PGDOWN", "KEY_END", "KEY_PGUP", "KEY_HOME"):
        board.scroll(10, 100)
        press(board, key, AT)
        began.append(board.scroll(10, 100))
    assert began == [10, 90, 80, 0]


# The other layout

LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,./"
RUSSIAN = "йцукенгшщзхъфывапролджэячсмитьбю."
"""What the same keys give, row by row."""


@pytest.mark.parametrize("latin", [*"jklsSrtgvuachqQ/"])
def test_a_key_does_the_same_in_the_russian_layout(latin: str) -> None:
    russian = RUSSIAN[LATIN.index(latin.lower())]

    def done(key: str) -> tuple[list[Effect | None], list[str]]:
        board = board_of(market(QUOTES))
        board.rows(10)
        return [press(board, each, AT) for each in ("v", "KEY_DOWN", "KEY_DOWN", key)], state_of(board)

    assert done(russian.upper() if latin.isupper() else russian) == done(latin) != done("x")


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
    assert board.filter.problem
    press(board, "KEY_ESCAPE", AT)
    assert not board.filter.problem


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


# Pasting


def paste(board: Board, text: str) -> list[Effect | None]:
    return [press(board, Pasted(key), AT) for key in (*text, "KEY_ENTER", "KEY_UP", "\n")]


def test_what_is_pasted_is_no_command(board: Board) -> None:
    before = shown(board)
    assert set(paste(board, "q2t/*? ")) == {None}
    assert (board.view, board.is_quitting, board.is_typing, shown(board)) == (View.TABLE, False, False, before)


def test_what_is_pasted_into_a_filter_is_its_text_and_does_not_end_it(board: Board) -> None:
    type_in(board, "/")
    paste(board, "gaz")
    assert board.is_typing
    assert (board.filter_text, shown(board)) == ("gaz", ["GAZP"])


# Lists


LISTS = [View.CONNECTIONS, View.EVENTS]


@pytest.mark.parametrize("view", LISTS)
@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: binding.action.value)
def test_no_key_changes_quotes_that_are_not_shown(board: Board, view: View, binding: Binding) -> None:
    board.view = view

    def state() -> tuple[object, ...]:
        chosen = (board.sorting, board.selected, sorted(board.favourites), board.group, board.filter_text)
        return (*chosen, board.is_frozen, board.is_detailed, board.is_typing)

    before = state()
    press(board, binding.keys[0], AT)
    assert state() == before
    assert bool(board.notice) == (is_for_quotes(binding.action) or binding.action in (Action.FASTER, Action.SLOWER))


@pytest.mark.parametrize("view", LISTS)
def test_esc_goes_from_a_list_back_to_the_quotes(board: Board, view: View) -> None:
    board.view = view
    assert press(board, "KEY_ESCAPE", AT) is Effect.REMEMBER
    assert board.view is View.TABLE
