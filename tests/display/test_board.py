import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.board import ALL, CALM_S, FAVOURITES, Board, View
from display.commands import press
from display.keys import BINDINGS
from display.memory import Remembered
from display.order import Sorting, SortKey
from shared.market import Market
from shared.quotes import Price, Quote
from shared.session import SessionState
from shared.settings import DisplaySettings
from shared.wire import QuoteBatch
from tests.display.samples import NOW, board_of, market, quote

AT = NOW.monotonic


def shown(board: Board, limit: int = 99) -> list[str]:
    return [row.quote.ticker for row in board.rows(limit)]


def of(*updates: tuple[str, int]) -> Market:
    return market(quote(ticker, updates=count) for ticker, count in updates)


def after(known: Market, *changed: Quote) -> Market:
    """The next picture: quotes that did not change are the same objects."""
    made = market()
    made.quotes = dict(known.quotes) | {one.ticker: one for one in changed}
    return made


MANY = of(*((f"T{n:02}", 100 - n) for n in range(60)))


# Settings


def test_settings_that_were_read_anew_are_obeyed_from_then_on() -> None:
    board = board_of(of(("SBER", 3), ("GAZP", 7), ("AFLT", 3)))
    board.notice = "what was said of a bad file"
    board.obey(DisplaySettings(rows=2, groups={"banks": ("SBER",)}), AT)
    assert shown(board) == ["GAZP", "AFLT"]
    board.show_group("banks", AT)
    assert shown(board) == ["SBER"]
    assert board.notice == ""


def test_a_refresh_that_was_chosen_by_a_key_stays_until_its_setting_changes() -> None:
    board = Board(DisplaySettings(refresh_s=1.0))
    board.change_refresh(1)
    board.obey(DisplaySettings(refresh_s=1.0, rows=2), AT)
    assert board.refresh_s == 2.0
    board.obey(DisplaySettings(refresh_s=5.0), AT)
    assert board.refresh_s == 5.0


def test_all_is_shown_where_the_group_that_was_looked_at_is_gone() -> None:
    board = board_of(of(("SBER", 3), ("GAZP", 7)))
    board.obey(DisplaySettings(groups={"banks": ("SBER",), "gas": ("GAZP",)}), AT)
    board.show_group("gas", AT)
    board.obey(DisplaySettings(groups={"gas": ("SBER",)}), AT)
    assert board.group == "gas"
    board.obey(DisplaySettings(groups={"banks": ("SBER",)}), AT)
    assert (board.group, shown(board)) == (ALL, ["GAZP", "SBER"])


# Order


def test_at_first_the_most_updated_come_first_and_equals_by_ticker() -> None:
    assert shown(board_of(of(("SBER", 3), ("GAZP", 7), ("AFLT", 3)))) == ["GAZP", "AFLT", "SBER"]


def test_a_busy_ticker_rises_and_the_others_stay() -> None:
    first = of(("SBER", 9), ("GAZP", 7), ("AFLT", 3))
    board = board_of(first)
    board.advance(after(first, quote("AFLT", updates=50)), AT + 1)
    assert shown(board) == ["AFLT", "SBER", "GAZP"]


def test_a_row_leaves_the_window_only_for_one_that_is_much_busier() -> None:
    board = Board(DisplaySettings(rows=2))
    market_now = of(("A", 0), ("B", 0), ("C", 0))
    board.advance(market_now, AT)
    for second in range(1, 90):
        counts = {"A": 10 * second, "B": 8 * second, "C": 6 * second + 3 * max(0, second - 30)}
        market_now = after(market_now, *(quote(name, updates=count) for name, count in counts.items()))
        board.advance(market_now, AT + second)
    assert shown(board) == ["A", "B"]


def test_the_order_holds_still_for_three_seconds_after_a_key() -> None:
    first = of(("SBER", 9), ("GAZP", 7))
    board = board_of(first)
    board.pressed(AT)
    second = after(first, quote("GAZP", updates=90))
    board.advance(second, AT + CALM_S - 0.1)
    assert shown(board) == ["SBER", "GAZP"]
    board.advance(second, AT + CALM_S + 0.1)
    assert shown(board) == ["GAZP", "SBER"]


def test_new_tickers_come_in_below_while_the_order_holds_still() -> None:
    first = of(("SBER", 9))
    board = board_of(first)
    board.pressed(AT)
    board.advance(after(first, quote("AFLT", updates=90)), AT + 1)
    assert shown(board) == ["SBER", "AFLT"]


@pytest.mark.parametrize("key", SortKey)
def test_every_way_of_sorting_shows_every_ticker_once_in_either_direction(key: SortKey) -> None:
    board = board_of(MANY)
    for is_descending in (True, False):
        board.sort(Sorting(key, is_descending), AT)
        assert sorted(shown(board)) == sorted(MANY.quotes)[: board.settings.rows] or len(shown(board)) == 50
        assert board.count == 60


def test_sorting_by_a_column_follows_its_values() -> None:
    board = board_of(market([quote("A", last=Price(1, 0)), quote("B", last=Price(3, 0)), quote("C")]))
    board.sort(Sorting.by(SortKey.LAST), AT)
    assert shown(board) == ["B", "A", "C"]


def test_at_first_rows_go_freely_to_where_they_belong() -> None:
    board = Board(DisplaySettings())
    market_now = of(("A", 0), ("B", 0))
    for second in range(10):
        counts = {"A": 10 * second, "B": 11 * second}
        market_now = after(market_now, *(quote(name, updates=count) for name, count in counts.items()))
        board.advance(market_now, AT + second)
    assert shown(board) == ["B", "A"]


# The window and the selection


def test_no_more_rows_are_shown_than_fit_or_the_settings_allow() -> None:
    board = board_of(MANY, rows=20)
    assert len(board.rows(99)) == 20
    assert len(board.rows(4)) == 4
    assert board.rows(0) == board.rows(-1) == []


def test_the_selection_follows_the_ticker_and_not_the_row() -> None:
    first = of(("SBER", 9), ("GAZP", 7))
    board = board_of(first)
    board.rows(10)
    board.move(1)
    assert board.selected == "SBER"
    board.advance(after(first, quote("GAZP", updates=90)), AT + 1)
    assert shown(board) == ["GAZP", "SBER"]
    assert [row.is_selected for row in board.rows(10)] == [False, True]


def test_the_first_step_down_selects_the_first_row_and_the_first_step_up_the_last() -> None:
    for step, ticker in ((1, "T00"), (-1, "T09")):
        board = board_of(MANY)
        board.rows(10)
        board.move(step)
        assert board.selected == ticker


def test_the_window_moves_with_the_selection_through_all_tickers() -> None:
    board = board_of(MANY)
    board.rows(10)
    board.move_to_end(is_first=False)
    assert shown(board, 10) == [f"T{n}" for n in range(50, 60)]
    board.move_page(-1)
    assert board.selected == "T49"
    assert shown(board, 10)[0] == "T49"
    board.move_to_end(is_first=True)
    assert shown(board, 10)[0] == board.selected == "T00"


def test_moving_stops_at_both_ends() -> None:
    board = board_of(of(("SBER", 1)))
    board.rows(5)
    for step in (1, 1, -1, -1, -1):
        board.move(step)
        assert board.selected == "SBER"


def test_moving_among_no_rows_selects_nothing() -> None:
    board = Board(DisplaySettings())
    board.move(1)
    assert board.selected is None
    assert board.row_selected is None


def test_the_place_of_the_window_is_known() -> None:
    board = board_of(MANY)
    board.rows(10)
    board.move_to_end(is_first=False)
    board.rows(10)
    assert board.shown == range(50, 60)


def test_lists_that_are_no_tables_scroll_and_stop_at_both_ends() -> None:
    board = board_of(MANY)
    board.view = View.EVENTS
    assert board.scroll(10, 25) == 0
    board.move_page(1)
    assert board.scroll(10, 25) == 10
    board.move_to_end(is_first=False)
    assert board.scroll(10, 25) == 15
    board.move(-99)
    assert board.scroll(10, 25) == 0


# What changed


def test_a_row_knows_what_it_was_one_refresh_before_and_only_for_one_refresh() -> None:
    first = of(("SBER", 9), ("GAZP", 7))
    board = board_of(first)
    second = after(first, quote("GAZP", updates=8))
    board.advance(second, AT + 1)
    before = {row.quote.ticker: row.before for row in board.rows(9)}
    assert before == {"SBER": None, "GAZP": first.quotes["GAZP"]}
    board.advance(second, AT + 2)
    assert [row.before for row in board.rows(9)] == [None, None]


def test_a_row_is_active_when_it_was_updated_since_the_refresh_before() -> None:
    first = of(("SBER", 9), ("GAZP", 7))
    board = board_of(first)
    board.advance(after(first, quote("GAZP", updates=8), quote("AFLT")), AT + 1)
    assert {row.quote.ticker: row.is_active for row in board.rows(9)} == {"SBER": False, "GAZP": True, "AFLT": True}


# Frozen


def test_frozen_rows_and_their_order_stay_while_values_go_on() -> None:
    first = of(("SBER", 9), ("GAZP", 7))
    board = board_of(first)
    board.is_frozen = True
    board.advance(after(first, quote("GAZP", updates=90), quote("AFLT", updates=999)), AT + 9)
    rows = board.rows(9)
    assert [(row.quote.ticker, row.quote.updates) for row in rows] == [("SBER", 9), ("GAZP", 90)]


# Filter, favourites, groups


def test_only_what_fits_the_filter_is_shown() -> None:
    board = board_of(of(("SBER", 9), ("SBERP", 8), ("GAZP", 7)))
    board.filter_by("sber", AT)
    assert shown(board) == ["SBER", "SBERP"]
    board.filter_by("", AT)
    assert board.count == 3


def test_half_a_filter_is_told_and_shows_what_the_last_whole_one_did() -> None:
    board = board_of(of(("SBER", 9), ("GAZP", 7)))
    board.filter_by("sber", AT)
    board.filter_by("sber age>", AT)
    board.pressed(AT)
    assert shown(board) == ["SBER"]
    assert board.filter.problem
    board.filter_by("sber age>1", AT)
    assert not board.filter.problem


def test_favourites_can_be_shown_alone() -> None:
    board = board_of(of(("SBER", 9), ("GAZP", 7)))
    board.rows(9)
    board.move(1)
    board.toggle_favourite(AT)
    board.show_group(FAVOURITES, AT)
    assert shown(board) == ["SBER"]
    assert board.rows(9)[0].is_favourite
    board.toggle_favourite(AT)
    assert shown(board) == []


def test_groups_of_the_settings_can_be_shown_alone() -> None:
    board = Board(DisplaySettings(groups={"banks": ("SBER", "VTBR")}))
    board.advance(of(("SBER", 9), ("GAZP", 7)), AT)
    assert board.groups == [ALL, FAVOURITES, "banks"]
    board.show_group("banks", AT)
    assert shown(board) == ["SBER"]


def test_pages_of_the_detail_begin_anew_with_each_ticker_and_leave_the_selection_alone() -> None:
    board = board_of(MANY)
    board.rows(10)
    board.move(1)
    board.is_detailed = True
    board.move_page(1)
    assert (board.detail_page, board.selected) == (1, "T00")
    board.move(1)
    assert (board.detail_page, board.selected) == (0, "T01")
    board.move_page(-1)
    assert board.detail_page == 0


# The refresh interval, and what the next start remembers


def test_the_refresh_interval_goes_up_and_down_by_steps_and_stops_at_both_ends() -> None:
    board = Board(DisplaySettings(refresh_s=1.0))
    seen = []
    for step in (-1, -1, -1, -1, 1):
        board.change_refresh(step)
        seen.append(board.refresh_s)
    assert seen == [0.5, 0.2, 0.1, 0.1, 0.2]
    for _ in range(20):
        board.change_refresh(1)
    assert board.refresh_s == 60.0


def test_an_interval_between_two_steps_goes_to_the_next_one() -> None:
    board = Board(DisplaySettings(refresh_s=0.7))
    board.change_refresh(1)
    assert board.refresh_s == 1.0


def test_sorting_favourites_and_view_come_back_at_the_next_start() -> None:
    board = board_of(of(("SBER", 9)))
    board.sort(Sorting(SortKey.VOLUME, False), AT)
    board.view = View.EVENTS
    board.rows(9)
    board.select_first()
    board.toggle_favourite(AT)
    again = Board(DisplaySettings(), board.remembered)
    assert (again.sorting, again.view, again.favourites) == (board.sorting, View.EVENTS, {"SBER"})


def test_what_another_version_remembered_and_this_one_does_not_know_is_left_out() -> None:
    board = Board(DisplaySettings(), Remembered("moon phase", True, [], "hologram"))
    assert (board.sorting.key, board.view) == (SortKey.ACTIVITY, View.TABLE)


def test_a_start_without_candles_does_not_begin_with_their_view() -> None:
    remembered = Remembered("activity", True, [], "candles")
    for streams, view in ((["orderbooks"], View.TABLE), (["candles"], View.CANDLES)):
        board = Board(DisplaySettings(), remembered)
        known = of(("SBER", 1))
        known.totals.streams = streams
        board.advance(known, AT)
        assert board.view is view


def test_a_later_change_of_the_market_is_a_new_refresh() -> None:
    known = of(("SBER", 1))
    board = board_of(known)
    known.apply(QuoteBatch(0, [quote("GAZP")]), 0.0)
    board.advance(known, AT + 1)
    assert board.known == 2


# Whatever a person does and the hub tells


TICKERS = [f"T{number}" for number in range(8)]
happenings = st.lists(
    st.one_of(
        st.sampled_from([*(key for binding in BINDINGS for key in binding.keys), *"t1!>", "KEY_BACKSPACE"]),
        st.tuples(
            st.sampled_from([0.1, 1.0, 2.9, 3.1, 60.0]),
            st.dictionaries(st.sampled_from(TICKERS), st.integers(1, 500), max_size=4),
        ),
    ),
    max_size=40,
)


@given(happenings)
def test_whatever_happens_rows_are_those_that_were_asked_for_and_none_moves_while_a_person_reads(
    steps: list[str | tuple[float, dict[str, int]]],
) -> None:
    """In a window that holds them all: what a key shows is up to the key, what a picture may change is not."""
    board = Board(DisplaySettings(groups={"few": ("T1", "T2", "T9")}))
    known, at, pressed_at = of(("T0", 5), ("T1", 5)), AT, -99.0
    board.advance(known, at)
    for step in steps:
        if isinstance(step, str):
            press(board, step, at)
            pressed_at = at
            continue
        before, selected = shown(board), board.selected
        at += step[0]
        counts = {name: one.updates for name, one in known.quotes.items()}
        known = after(known, *(quote(name, updates=counts.get(name, 0) + more) for name, more in step[1].items()))
        board.advance(known, at)
        rows = shown(board)
        assert board.selected == selected
        assert len(rows) == len(set(rows)) == board.count
        if board.is_frozen:
            assert rows == before
            continue
        assert set(rows) == {name for name, one in known.quotes.items() if is_asked_for(board, one, at)}
        if at - pressed_at < CALM_S:
            stayed = [name for name in before if name in rows]
            assert rows[: len(stayed)] == stayed, "new rows come in below"


def is_asked_for(board: Board, one: Quote, at: float) -> bool:
    members = {ALL: TICKERS, FAVOURITES: board.favourites, "few": ("T1", "T2", "T9")}[board.group]
    return one.ticker in members and board.filter.matches(one, at)


def test_the_session_is_that_of_the_newest_picture() -> None:
    board = Board(DisplaySettings())
    sessions = [board.session]
    for at, status in enumerate("NT"):
        board.advance(market([quote("SBER", status=status)]), AT + at)
        sessions.append(board.session)
    assert sessions == [SessionState.UNKNOWN, SessionState.CLOSED, SessionState.OPEN]
