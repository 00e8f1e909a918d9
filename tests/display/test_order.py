import itertools

from hypothesis import given
from hypothesis import strategies as st

from display.order import MARGIN, Sorting, SortKey, by_activity, by_ticker, sorted_by
from shared.quotes import Price, Quote
from tests.display.samples import quote


def quotes(*tickers: str) -> dict[str, Quote]:
    return {ticker: quote(ticker) for ticker in tickers}


def ranked(before: list[str], scores: dict[str, float], *, is_steady: bool = True) -> list[str]:
    return by_activity(before, quotes(*scores), scores.__getitem__, is_steady=is_steady)


def test_the_most_active_come_first_and_equals_by_ticker() -> None:
    assert ranked([], {"SBER": 3, "GAZP": 7, "AFLT": 3}, is_steady=False) == ["GAZP", "AFLT", "SBER"]


def test_a_row_that_is_a_little_more_active_leaves_the_others_where_they_are() -> None:
    assert ranked(["A", "B", "C"], {"A": 10, "B": 14, "C": 12}) == ["A", "B", "C"]


def test_a_row_that_is_much_more_active_rises_past_all_that_it_exceeds_so() -> None:
    assert ranked(["A", "B", "C", "D"], {"A": 90, "B": 50, "C": 40, "D": 80}) == ["A", "D", "B", "C"]


def test_new_rows_come_in_below_and_rise_at_once() -> None:
    assert ranked(["A", "B"], {"A": 10, "B": 5, "C": 1, "D": 9}) == ["A", "D", "B", "C"]


def test_rows_that_are_gone_leave_no_gap() -> None:
    assert ranked(["A", "B", "C"], {"A": 3, "C": 2}) == ["A", "C"]


@given(st.dictionaries(st.text("ABCDEFGH", min_size=1, max_size=3), st.floats(0, 1e9)), st.randoms())
def test_no_ticker_is_lost_or_shown_twice_and_nobody_stands_far_above_a_busier_neighbour(
    scores: dict[str, float], random: object
) -> None:
    before = list(scores)
    random.shuffle(before)  # type: ignore[attr-defined]
    order = before
    for _ in range(len(scores) + 1):
        order = ranked(order, scores)
    assert sorted(order) == sorted(scores)
    assert all(scores[b] <= MARGIN * scores[a] for a, b in itertools.pairwise(order))


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=30))
def test_an_order_once_found_holds_still_while_the_rates_hold_still(rates: list[float]) -> None:
    scores = {f"T{n:02}": rate for n, rate in enumerate(rates)}
    order = ranked([], scores, is_steady=False)
    assert ranked(order, scores) == order


def test_columns_sort_in_both_directions_and_the_unknown_are_last_in_both() -> None:
    known = [quote("A", last=Price(5, 0)), quote("B"), quote("C", last=Price(9, 0)), quote("D", last=Price(5, 0))]
    assert sorted_by(Sorting(SortKey.LAST, True), known) == ["C", "A", "D", "B"]
    assert sorted_by(Sorting(SortKey.LAST, False), known) == ["A", "D", "C", "B"]


def test_the_change_sorts_in_percent_and_the_unknown_are_last_in_both_directions() -> None:
    def moved(ticker: str, last: float, before: float) -> Quote:
        return Quote(ticker, fields={"LAST": [last, 0], "PREVPRICE": [before, 0]})

    known = [moved("FELL", 9000, 10_000), Quote("NEVER"), moved("ROSE", 2, 1), moved("LITTLE", 1100, 1000)]
    known.append(quote("NEW", last=Price(5, 0)))
    assert sorted_by(Sorting.by(SortKey.CHANGE), known) == ["ROSE", "LITTLE", "FELL", "NEVER", "NEW"]
    assert sorted_by(Sorting(SortKey.CHANGE, False), known) == ["FELL", "LITTLE", "ROSE", "NEVER", "NEW"]


def test_the_youngest_are_first_by_age() -> None:
    known = [quote("A", age_s=9), quote("B", age_s=1), Quote("C"), quote("D", age_s=30)]
    assert sorted_by(Sorting.by(SortKey.AGE), known) == ["B", "A", "D", "C"]


def test_volume_and_updates_sort_by_number() -> None:
    known = [quote("A", volume=9, updates=2), quote("B", volume=1000, updates=1)]
    assert sorted_by(Sorting.by(SortKey.VOLUME), known) == ["B", "A"]
    assert sorted_by(Sorting.by(SortKey.UPDATES), known) == ["A", "B"]


def test_tickers_sort_by_name() -> None:
    assert by_ticker(["T", "AFLT", "SBER"], is_descending=False) == ["AFLT", "SBER", "T"]
    assert by_ticker(["T", "AFLT", "SBER"], is_descending=True) == ["T", "SBER", "AFLT"]


def test_the_first_press_sorts_names_and_ages_upwards_and_figures_downwards() -> None:
    assert {key for key in SortKey if not Sorting.by(key).is_descending} == {SortKey.TICKER, SortKey.AGE}


def test_next_goes_through_all_columns_and_round() -> None:
    sorting = Sorting()
    seen = []
    for _ in SortKey:
        seen.append(sorting.key)
        sorting = sorting.next()
    assert set(seen) == set(SortKey)
    assert sorting == Sorting()
