"""A book is read as it was packed: best levels first, whatever the order in which they came."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.book import LADDERS_KEPT, MOST_DECIMALS, MOST_LOTS, Book, Fixed, Ladder, Level, Row, book_of, pack
from shared.book import _ladder_of as read

prices = st.floats(-1e15, 1e15)
levels = st.lists(st.tuples(prices, st.none() | st.integers(0, MOST_LOTS)), max_size=6)


@given(levels, levels, st.integers(0, MOST_DECIMALS))
def test_both_sides_are_read_best_levels_first(bids: list[Level], asks: list[Level], decimals: int) -> None:
    ladder = book_of(bids, asks, decimals).ladder
    assert ladder.bids == sorted(bids, key=lambda level: -level[0])
    assert ladder.asks == sorted(asks, key=lambda level: level[0])
    assert ladder.decimals == (decimals if bids or asks else 0)


def test_the_sides_may_come_mixed() -> None:
    rows = [
        Row("S", Fixed(306.14, 2), 3),
        Row("B", Fixed(306.11, 2), 5),
        Row("S", Fixed(306.13, 2), 1),
        Row("B", Fixed(306.12, 2), None),
    ]
    assert pack(rows).ladder == Ladder([(306.12, None), (306.11, 5)], [(306.13, 1), (306.14, 3)], 2)


def test_an_empty_side_is_an_empty_list() -> None:
    assert book_of([(1.0, 1)], [], 0).ladder.asks == []
    assert book_of([], [], 2).ladder == Ladder([], [], 0)


def test_the_decimals_are_those_of_the_finest_price() -> None:
    rows = [Row("B", Fixed(1.0, 0), 1), Row("S", Fixed(1.005, 3), 1), Row("S", Fixed(1.1, 1), 1)]
    assert pack(rows).ladder.decimals == 3


@given(levels, levels)
def test_a_book_that_crossed_to_another_process_is_equal_and_reads_the_same(
    bids: list[Level], asks: list[Level]
) -> None:
    sent = book_of(bids, asks, 2)
    received = msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Book)
    assert received == sent
    assert received.ladder == sent.ladder


def test_a_book_is_not_changed_once_it_is_made() -> None:
    with pytest.raises(AttributeError):
        book_of([], [], 0).packed = b""  # type: ignore[misc]


def test_what_was_read_is_kept_for_the_next_to_ask() -> None:
    assert book_of([(1.0, 1)], [], 0).ladder is book_of([(1.0, 1)], [], 0).ladder


def test_no_more_than_the_last_so_many_readings_are_kept() -> None:
    for price in range(LADDERS_KEPT + 10):
        assert book_of([(float(price), 1)], [], 0).ladder.bids == [(price, 1)]
    assert read.cache_info().currsize == LADDERS_KEPT
