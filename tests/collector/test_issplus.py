"""What the exchange's bodies mean, by the examples of its documentation and by what nobody documented."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.issplus import (
    BodyError,
    Change,
    Stream,
    Subscription,
    connect_headers,
    decode,
    is_simulated,
    is_temporary,
    subscriptions,
)
from shared.quotes import Book, Price, Quote, Stamp
from shared.settings import Credentials, Secret
from shared.simulated import SIMULATOR_NAME
from shared.wire import QuoteBatch, decode_upward, encode

RECEIVED_AT = 12.5
BOOK_COLUMNS = ["BUYSELL", "PRICE", "QUANTITY", "REPOVALUE"]


def subscription(stream: Stream, ticker: str = "SBER") -> Subscription:
    return subscriptions([ticker], [stream], "TQBR")[0]


def body(columns: list[str], data: list[list[Any]], kind: str = "snapshot", **properties: Any) -> bytes:
    properties = {"type": kind, "seqnum": 5, "timestamp": 1769064680123} | properties
    return json.dumps({"properties": properties, "columns": columns, "data": data}).encode()


def book(data: list[list[Any]], columns: list[str] = BOOK_COLUMNS, **properties: Any) -> Change:
    return decode(subscription(Stream.ORDERBOOKS), body(columns, data, **properties), RECEIVED_AT)


def securities(cells: dict[str, Any], kind: str = "updates", **properties: Any) -> Quote:
    cells = {"TICKER": "MXSE.TQBR.SBER"} | cells
    data = body(list(cells), [list(cells.values())], kind, **properties)
    return decode(subscription(Stream.SECURITIES), data, RECEIVED_AT).quote


# ---- what is sent


def test_connect_carries_domain_login_and_passcode_and_nothing_else() -> None:
    headers = connect_headers(Credentials("passport", "me", Secret("pass:word")))
    assert headers == {"domain": "passport", "login": "me", "passcode": "pass:word"}


def test_selectors_name_the_full_ticker_in_double_quotes() -> None:
    books, candles = subscriptions(["VEON-RX"], ["orderbooks", "candles"], "TQBR")
    assert (books.destination, books.selector) == ("MXSE.orderbooks", 'TICKER="MXSE.TQBR.VEON-RX"')
    assert (candles.destination, candles.selector) == ("MXSE.candles", 'TICKER="MXSE.TQBR.VEON-RX" and interval="M1"')


def test_ids_are_distinct_within_a_connection() -> None:
    made = subscriptions(["VEON-RX", "VEON", "X5"], ["orderbooks", "securities"], "TQBR")
    assert len({one.id for one in made}) == len(made) == 6


# ---- order books


def test_the_best_bid_is_the_highest_and_the_best_ask_the_lowest_in_any_order() -> None:
    rows: list[list[Any]] = [
        ["S", [306.14, 2], 3, None],
        ["B", [306.11, 2], 5, None],
        ["S", [306.13, 2], 1, None],
        ["B", [306.12, 2], 7, [1.0, 2]],
    ]
    quote = book(rows).quote
    assert quote.book == Book(
        [(306.12, 7), (306.11, 5)],
        [(306.13, 1), (306.14, 3)],
        2,
    )
    assert (quote.bid, quote.ask, quote.book_at) == (Price(306.12, 2), Price(306.13, 2), RECEIVED_AT)


def test_columns_belong_to_each_message_in_their_own_order() -> None:
    quote = book([[[5398, 0], 2, "B"]], ["PRICE", "QUANTITY", "BUYSELL"]).quote
    assert str(quote.bid) == "5398"


def test_prices_keep_the_decimals_that_were_sent() -> None:
    assert str(book([["B", [0.0234, 5], 1, None]]).quote.bid) == "0.02340"


@pytest.mark.parametrize(("cell", "shown"), [(306, "306"), (306.5, "306.5"), (306.0, "306"), (0.02345, "0.02345")])
def test_a_plain_number_works_where_a_fixed_is_expected(cell: float, shown: str) -> None:
    assert str(book([["B", cell, 1, None]]).quote.bid) == shown


def test_an_empty_side_is_known_to_be_empty() -> None:
    quote = book([["B", [1, 0], 1, None]]).quote
    assert quote.ask is None
    assert quote.book is not None
    assert quote.book.asks == []


def test_null_cells_are_survived() -> None:
    quote = book([["B", None, 1, None], ["B", [None, 2], 1, None], ["S", [2, 0], None, None]]).quote
    assert quote.book == Book([], [(2.0, None)], 0)


def test_a_book_makes_earlier_messages_worthless() -> None:
    assert book([]).is_snapshot


def test_an_order_book_that_is_no_snapshot_does_not_fit() -> None:
    with pytest.raises(BodyError, match="updates"):
        book([], kind="updates")


# ---- order of messages


@pytest.mark.parametrize(
    "timestamp",
    [1769064680, 1769064680000, 1769064680000000, 1769064680000000000, "1769064680000"],
    ids=["s", "ms", "us", "ns", "text"],
)
def test_the_unit_of_the_timestamp_is_told_by_its_size(timestamp: int | str) -> None:
    assert book([], timestamp=timestamp).quote.exchange_ms == 1769064680000


def test_seqnum_may_be_text() -> None:
    assert book([], seqnum="77").quote.book_stamp == Stamp(1769064680123, 77)


def test_a_message_without_time_and_number_has_no_stamp() -> None:
    assert book([], timestamp=None, seqnum=None).quote.book_stamp is None


# ---- securities


def test_updates_hold_only_the_columns_that_came() -> None:
    quote = securities({"BIDDEPTHT": 12, "LAST": [306.13, 2]})
    assert quote.fields == {"TICKER": "MXSE.TQBR.SBER", "BIDDEPTHT": 12, "LAST": (306.13, 2)}
    assert not quote.is_full


def test_a_snapshot_is_full() -> None:
    cells = {"LAST": [306.13, 2], "VOLTODAY": [1322700, 0], "TRADINGSTATUS": "T", "CHANGE": [-1.5, 2]}
    quote = securities(cells, "snapshot")
    assert quote.is_full
    assert (quote.last, quote.volume, quote.trading_status) == (Price(306.13, 2), 1322700, "T")
    assert quote.change == Price(-1.5, 2)


def test_a_removal_leaves_nothing() -> None:
    quote = securities({}, "removal")
    assert (quote.fields, quote.is_full) == ({}, True)


def test_text_of_the_exchange_carries_no_control_characters() -> None:
    quote = securities({"CAPTION": "Сбер\x1b[2J\x07"})
    assert quote.fields is not None
    assert quote.fields["CAPTION"].isprintable()
    assert quote.fields["CAPTION"].startswith("Сбер")


def test_a_row_of_another_ticker_is_not_taken() -> None:
    with pytest.raises(BodyError, match="no row for SBER"):
        securities({"TICKER": "MXSE.TQBR.SBERP", "LAST": [1, 0]})


# ---- candles


def test_the_newest_candle_counts() -> None:
    columns = ["FROM", "TILL", "OPEN", "HIGH", "LOW", "CLOSE", "VALUE", "VOLUME"]
    rows = [
        ["2026-01-22 09:59:00", "2026-01-22 09:59:59", [2, 1], [4, 1], [1, 1], [3, 1], [900.5, 1], 300],
        ["2026-01-22 09:58:00", "2026-01-22 09:58:59", [1, 1], [1, 1], [1, 1], [1, 1], [1, 1], 1],
    ]
    candle = decode(subscription(Stream.CANDLES), body(columns, rows), RECEIVED_AT).quote.candle
    assert candle is not None
    assert (candle.start, candle.open, candle.high) == ("2026-01-22 09:59:00", Price(2, 1), Price(4, 1))
    assert (candle.low, candle.close, candle.value, candle.volume) == (Price(1, 1), Price(3, 1), 900.5, 300)


# ---- what does not fit


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"properties": {}, "columns": [], "data": []}',
        b'{"properties": {"type": "snapshot"}, "columns": ["PRICE"], "data": [[1]]}',
        b"\xff\xfe",
        b"[" * 100_000,
        body(BOOK_COLUMNS, [["B"]]),
        body(BOOK_COLUMNS, [["X", [1, 0], 1, None]]),
        body(BOOK_COLUMNS, [["B", "1.0", 1, None]]),
        body(BOOK_COLUMNS, [["B", [1, 99], 1, None]]),
        body(BOOK_COLUMNS, [["B", [1, -1], 1, None]]),
        body(BOOK_COLUMNS, [[["B"], [1, 0], 1, None]]),
        body(BOOK_COLUMNS, [["B", 10**400, 1, None]]),
        body(BOOK_COLUMNS, [["B", [1, 0], {"a": 1}, None]]),
        body(BOOK_COLUMNS, [["B", [1, 0], 10**30, None]]),
        body(BOOK_COLUMNS, [["B", [1, 0], 1e300, None]]),
    ],
)
@pytest.mark.parametrize("stream", list(Stream))
def test_a_body_that_does_not_fit_raises_body_error_alone(stream: Stream, data: bytes) -> None:
    with pytest.raises(BodyError):
        decode(subscription(stream), data, RECEIVED_AT)


def test_text_in_place_of_a_price_does_not_fit() -> None:
    with pytest.raises(BodyError, match="LAST"):
        securities({"LAST": "expensive"})


@pytest.mark.parametrize("number", [10**30, -(10**30), 1e300, [10**30, 2], [1e300, 0], 10**400])
def test_a_number_that_cannot_be_passed_on_does_not_fit(number: Any) -> None:
    with pytest.raises(BodyError):
        securities({"VOLTODAY": number})
    columns = ["FROM", "OPEN", "VOLUME"]
    with pytest.raises(BodyError):
        decode(subscription(Stream.CANDLES), body(columns, [["2026-01-22 09:59:00", [1, 0], number]]), RECEIVED_AT)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, min_size=4, max_size=4), st.sampled_from(list(Stream)), json_values)
def test_nothing_but_body_error_is_ever_raised(row: list[Any], stream: Stream, timestamp: Any) -> None:
    columns = {
        Stream.ORDERBOOKS: BOOK_COLUMNS,
        Stream.SECURITIES: ["TICKER", "LAST", "CAPTION", "TIME"],
        Stream.CANDLES: ["FROM", "OPEN", "VALUE", "VOLUME"],
    }[stream]
    try:
        quote = decode(subscription(stream), body(columns, [row], timestamp=timestamp), RECEIVED_AT).quote
    except BodyError:
        return
    assert decode_upward(encode(QuoteBatch(0, [quote]))) == QuoteBatch(0, [quote])


# ---- answers


def test_the_built_in_exchange_is_recognised_by_its_greeting() -> None:
    assert is_simulated({"server": f"{SIMULATOR_NAME}/1"})
    assert not is_simulated({"server": "ISS+"})
    assert not is_simulated({})


def test_trouble_of_the_gateway_is_told_from_a_refused_login() -> None:
    assert is_temporary("gateway.transport")
    assert not is_temporary("Access denied")
    assert not is_temporary("gateway.access-denied")
