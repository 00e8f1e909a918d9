import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.book import Book, Level, book_of
from shared.quotes import LATE_LIMIT_MS, MOST_FIELDS, Candle, Phase, Price, Quote, Stamp, price_of


def book(bid: float | None = 306.12, ask: float | None = 306.13) -> Book:
    sides: list[list[Level]] = [[] if price is None else [(price, 5)] for price in (bid, ask)]
    return book_of(sides[0], sides[1], 2)


def candle(start: str, close: float = 1.0) -> Candle:
    return Candle(start, None, None, None, Price(close, 2), 100.0, 7)


def with_fields(**columns: Any) -> Quote:
    return Quote("SBER", fields=columns, fields_at=1.0)


# One message after the other


def test_a_snapshot_replaces_and_an_update_merges_column_by_column() -> None:
    quote = Quote("SBER")
    quote.take_fields({"LAST": [1.5, 1], "STATUS": "A"}, 1.0, Stamp(10, 1), is_full=True)
    quote.take_fields({"LAST": [1.6, 1]}, 2.0, Stamp(11, 2), is_full=False)
    assert quote.fields == {"LAST": [1.6, 1], "STATUS": "A"}
    quote.take_fields({"LAST": [1.7, 1]}, 3.0, Stamp(12, 3), is_full=True)
    assert quote.fields == {"LAST": [1.7, 1]}
    assert (quote.fields_at, quote.fields_stamp) == (3.0, Stamp(12, 3))


def test_a_column_that_becomes_null_is_unknown_again() -> None:
    quote = with_fields(LAST=[1.5, 1])
    quote.take_fields({"LAST": None}, 2.0, None, is_full=False)
    assert quote.last is None


def test_stamps_are_compared_by_time_and_then_by_number() -> None:
    quote = Quote("SBER")
    assert quote.take_book(book(1.0), 1.0, Stamp(10, 9))
    assert not quote.take_book(book(2.0), 2.0, Stamp(10, 8))
    assert not quote.take_book(book(2.0), 2.0, Stamp(9, 99))
    assert quote.take_book(book(3.0), 3.0, Stamp(11, 1))
    assert quote.bid == Price(3.0, 2)


def test_a_message_without_a_stamp_is_taken_and_the_known_stamp_stays() -> None:
    quote = Quote("SBER")
    quote.take_book(book(1.0), 1.0, Stamp(10, 9))
    assert quote.take_book(book(2.0), 2.0, None)
    assert (quote.bid, quote.book_stamp) == (Price(2.0, 2), Stamp(10, 9))


def test_what_would_be_later_than_a_day_is_news_and_what_was_known_was_a_false_time() -> None:
    quote = Quote("SBER")
    assert quote.take_book(book(1.0), 1.0, Stamp(4e12, 9))
    assert quote.take_book(book(2.0), 2.0, Stamp(1.7e12, 1))
    assert not quote.take_book(book(3.0), 3.0, Stamp(1.7e12 - LATE_LIMIT_MS, 1))
    assert (quote.bid, quote.book_stamp) == (Price(2.0, 2), Stamp(1.7e12, 1))


def test_columns_without_end_do_not_fill_the_memory_and_known_ones_stay_up_to_date() -> None:
    quote = with_fields(LAST=[1.5, 1])
    for number in range(3 * MOST_FIELDS):
        quote.take_fields({f"C{number}": 1, "LAST": [number, 0]}, 2.0, None, is_full=False)
    assert quote.fields is not None
    assert len(quote.fields) <= MOST_FIELDS
    assert quote.last == Price(3 * MOST_FIELDS - 1, 0)


def test_the_candle_is_the_one_that_began_last() -> None:
    quote = Quote("SBER")
    assert quote.take_candle(candle("2026-01-22 09:58:00", 1.0), 1.0, None)
    assert quote.take_candle(candle("2026-01-22 09:58:00", 2.0), 2.0, None)
    assert not quote.take_candle(candle("2026-01-22 09:57:00", 3.0), 3.0, None)
    assert (quote.candle, quote.candle_at) == (candle("2026-01-22 09:58:00", 2.0), 2.0)


def test_an_older_message_does_not_change_the_candle_it_tells_of() -> None:
    quote = Quote("SBER")
    assert quote.take_candle(candle("2026-01-22 09:58:00", 2.0), 1.0, Stamp(5.0, 5))
    assert not quote.take_candle(candle("2026-01-22 09:58:00", 1.0), 2.0, Stamp(5.0, 4))
    assert quote.candle == candle("2026-01-22 09:58:00", 2.0)


@pytest.mark.parametrize("cell", [10**400, [10**400, 2], -(10**30), True, "1", [1, 13], [1, -1], [1], {}])
def test_what_is_no_number_that_can_be_kept_is_no_price(cell: object) -> None:
    assert price_of(cell) is None


# Merging records

columns = st.dictionaries(st.sampled_from("ABC"), st.integers(0, 9), min_size=1)
stamps = st.none() | st.builds(Stamp, st.integers(0, 3).map(float), st.integers(0, 3))


@st.composite
def messages(draw: st.DrawFn, stamps: st.SearchStrategy[Stamp | None] = stamps) -> Quote:
    """A record of one message of one stream."""
    quote, at, stamp = Quote("SBER", updates=1), draw(st.integers(0, 9)) / 1.0, draw(stamps)
    match draw(st.sampled_from(("book", "update", "snapshot", "candle"))):
        case "book":
            quote.take_book(book(draw(st.integers(1, 9))), at, stamp)
        case "candle":
            quote.take_candle(candle(str(draw(st.integers(0, 3))), draw(st.integers(1, 9))), at, stamp)
        case kind:
            quote.take_fields(draw(columns), at, stamp, is_full=kind == "snapshot")
    return quote


def folded(records: Sequence[Quote]) -> Quote:
    result = Quote("SBER")
    for record in records:
        result.merge(copy.deepcopy(record))
    return result


def in_batches(records: Sequence[Quote], cuts: Sequence[int]) -> list[Quote]:
    """What an outbox hands over when it is flushed after each of the `cuts`."""
    edges = [0, *sorted(cuts), len(records)]
    return [folded(records[start:end]) for start, end in pairwise(edges)]


@given(st.lists(messages(), max_size=12), st.data())
def test_merging_in_batches_is_merging_one_by_one_where_stamps_do_not_go_back(
    records: list[Quote], data: st.DataObject
) -> None:
    for number, record in enumerate(records):
        record.book_stamp = record.fields_stamp = record.candle_stamp = Stamp(float(number // 3), number)
    cuts = data.draw(st.lists(st.integers(0, len(records)), max_size=5))
    assert folded(in_batches(records, cuts)) == folded(records)


@given(st.lists(columns, min_size=1, max_size=8), st.data())
def test_several_connections_with_the_same_stream_give_the_same_quote_as_one(
    changes: list[dict[str, int]], data: st.DataObject
) -> None:
    stream = []
    for number, change in enumerate(changes):
        record = Quote("SBER", updates=1)
        record.take_fields(change, 1.0, Stamp(float(number), number), is_full=number == 0)
        record.take_book(book(number + 1.0), 1.0, Stamp(float(number), number))
        stream.append(record)
    cuts = st.lists(st.integers(0, len(stream)), max_size=4)
    queues = [in_batches(stream, data.draw(cuts)) for _ in range(3)]
    arrived = []
    while any(queues):
        arrived.append(data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    quote, alone = folded(arrived), folded(stream)
    assert (quote.fields, quote.book, quote.fields_stamp) == (alone.fields, alone.book, alone.fields_stamp)
    assert quote.updates == 3 * len(stream)


@given(st.lists(messages(), max_size=8), messages(st.just(Stamp(-1.0, 0))))
def test_an_older_message_is_counted_and_changes_nothing_else(records: list[Quote], old: Quote) -> None:
    quote = folded(records)
    before = copy.deepcopy(quote)
    quote.merge(old)
    before.updates += 1
    if old.book is not None and before.book_stamp is not None:
        assert quote == before
    if old.fields is not None and before.fields_stamp is not None:
        assert quote == before


def test_a_merged_record_keeps_the_streams_apart() -> None:
    quote = with_fields(LAST=[1.5, 1])
    newer = Quote("SBER", updates=2, book=book(), book_at=5.0, book_stamp=Stamp(7, 1))
    quote.merge(newer)
    assert quote.fields == {"LAST": [1.5, 1]}
    assert (quote.book, quote.book_at, quote.fields_at, quote.updates) == (book(), 5.0, 1.0, 2)


# What a row shows


def test_nothing_is_known_of_a_new_quote() -> None:
    quote = Quote("SBER")
    shown = (quote.bid, quote.ask, quote.last, quote.change, quote.volume, quote.trading_status)
    assert shown == (None,) * 6
    assert (quote.received_at, quote.exchange_ms) == (None, None)
    assert not quote.has_prices
    assert not quote.is_silence_expected


def test_bid_and_ask_are_those_of_the_order_book_once_there_is_one() -> None:
    quote = with_fields(BID=[306.1, 2], OFFER=[306.2, 2])
    assert (quote.bid, quote.ask) == (Price(306.1, 2), Price(306.2, 2))
    quote.take_book(book(306.12, None), 2.0, None)
    assert (quote.bid, quote.ask) == (Price(306.12, 2), None)
    assert quote.has_prices


def test_a_candle_makes_no_older_price_new() -> None:
    quote = with_fields(LAST=[306.1, 2])
    before = quote.received_at
    quote.take_candle(Candle("2026-01-22 09:58:00", None, None, None, None, None, None), 99.0, None)
    assert quote.received_at == before
    alone = Quote("SBER")
    alone.take_candle(Candle("2026-01-22 09:58:00", None, None, None, None, None, None), 99.0, None)
    assert alone.received_at == 99.0


def test_bid_and_ask_are_as_old_as_the_message_that_they_are_from() -> None:
    quote = with_fields(BID=[306.1, 2])
    assert quote.prices_at == quote.fields_at
    quote.take_book(book(306.12, None), 2.0, None)
    quote.fields_at = 50.0
    assert quote.prices_at == 2.0


def test_prices_keep_the_decimals_that_the_exchange_sent() -> None:
    quote = with_fields(LAST=[306.1, 2], CHANGE=[-0.00005, 5], VOLTODAY=[1322706, 0])
    assert str(quote.last) == "306.10"
    assert str(quote.change) == "-0.00005"
    assert quote.volume == 1322706


def test_zero_is_a_value() -> None:
    quote = with_fields(LAST=[0, 2], VOLTODAY=0)
    assert str(quote.last) == "0.00"
    assert quote.volume == 0
    assert quote.has_prices


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        ([306.12, 2], Price(306.12, 2)),
        ([5398, 0], Price(5398.0, 0)),
        (5398, Price(5398.0, 0)),
        (306.12, Price(306.12, 2)),
        (306.0, Price(306.0, 0)),
        (0.02345, Price(0.02345, 5)),
        (None, None),
        ("306", None),
        (True, None),
        ([], None),
        ([306.12], None),
        ([None, 2], None),
        (["306", 2], None),
        ([306.12, -1], None),
        ([306.12, 1_000_000], None),
        ([306.12, 2.0], None),
        ([306.12, True], None),
        ({"value": 1}, None),
    ],
)
def test_a_cell_is_a_price_or_unknown(cell: object, price: Price | None) -> None:
    assert price_of(cell) == price


def test_the_age_counts_from_the_newest_message_of_any_stream() -> None:
    quote = Quote("SBER", book_at=5.0, fields_at=7.0, candle_at=6.0)
    assert quote.received_at == 7.0


def test_the_exchange_time_is_the_newest_that_was_sent() -> None:
    assert Quote("SBER", book_stamp=Stamp(7.0, 1), fields_stamp=Stamp(9.0, 1)).exchange_ms == 9.0
    assert Quote("SBER", book_stamp=Stamp(9.0, 1), fields_stamp=Stamp(7.0, 2)).exchange_ms == 9.0
    assert Quote("SBER", fields_stamp=Stamp(7.0, 1)).exchange_ms == 7.0
    assert Quote("SBER", book_stamp=Stamp(0.0, 1)).exchange_ms is None


@pytest.mark.parametrize(
    ("letters", "phase"),
    [
        ("TD", Phase.TRADING),
        ("OSLAabpFEI", Phase.AUCTION),
        ("B", Phase.BREAK),
        ("NC", Phase.CLOSED),
        ("tX?", Phase.UNKNOWN),
    ],
)
def test_the_phase_is_told_by_the_letter_of_the_exchange(letters: str, phase: Phase) -> None:
    assert {with_fields(TRADINGSTATUS=letter).phase for letter in letters} == {phase}


@pytest.mark.parametrize(("letters", "expected"), [("TDX", False), ("NCBOSLAabpFEI", True)])
def test_silence_is_expected_outside_continuous_trading(letters: str, expected: bool) -> None:
    assert {with_fields(TRADINGSTATUS=letter).is_silence_expected for letter in letters} == {expected}


@pytest.mark.parametrize("status", [None, "", 5, [], {}])
def test_an_unknown_trading_status_excuses_no_silence(status: object) -> None:
    assert not with_fields(TRADINGSTATUS=status).is_silence_expected
    assert with_fields(TRADINGSTATUS=status).phase is Phase.UNKNOWN


# What is reckoned


@pytest.mark.parametrize(
    ("columns", "percent"),
    [
        ({"LAST": [102.0, 2], "CHANGE": [2.0, 2]}, 2.0),
        ({"LAST": [95.0, 2], "CHANGE": [-5.0, 2], "PREVPRICE": [1.0, 2]}, -5.0),
        ({"LAST": [102.0, 2], "CHANGE": [0, 2]}, 0.0),
        ({"LAST": [0.5, 1], "CHANGE": [-0.5, 1]}, -50.0),
        ({"LAST": [-5.0, 0], "CHANGE": [5.0, 0]}, 50.0),
        ({"LAST": [110.0, 0], "PREVPRICE": [100.0, 0]}, 10.0),
        ({"LAST": [110.0, 0], "CHANGE": None, "PREVPRICE": 100}, 10.0),
    ],
)
def test_the_change_in_percent_is_against_the_previous_close(columns: dict[str, Any], percent: float) -> None:
    assert with_fields(**columns).change_percent == pytest.approx(percent)


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"CHANGE": [1.0, 2]},
        {"LAST": [102.0, 2]},
        {"PREVPRICE": [100.0, 2]},
        {"LAST": [0.3, 1], "CHANGE": [0.3, 1]},
        {"LAST": 0.1 + 0.2, "CHANGE": [0.3, 1]},
        {"LAST": [102.0, 2], "PREVPRICE": [0, 2]},
    ],
)
def test_without_a_close_that_can_be_divided_by_there_is_no_percentage(columns: dict[str, Any]) -> None:
    assert with_fields(**columns).change_percent is None


def test_the_spread_keeps_the_decimals_of_the_prices() -> None:
    assert str(with_fields(BID=[306.12, 2], OFFER=[306.13, 2]).spread) == "0.01"
    assert str(with_fields(BID=[5398, 0], OFFER=[5400, 0]).spread) == "2"
    assert str(with_fields(BID=305.5, OFFER=306.0).spread) == "0.5"
    assert Quote("SBER", book=book(306.12, 306.1)).spread == Price(-0.02, 2)


@pytest.mark.parametrize("columns", [{}, {"BID": [1.0, 1]}, {"OFFER": [1.0, 1]}])
def test_without_both_sides_there_is_no_spread(columns: dict[str, Any]) -> None:
    assert with_fields(**columns).spread is None
