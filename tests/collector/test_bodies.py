"""What the exchange's bodies mean, by the examples of its documentation and by what nobody documented."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import bodies as module
from collector.bodies import BodyError, decode
from collector.issplus import Stream, Subscription, subscriptions
from shared.book import MOST_DECIMALS, MOST_LOTS, Ladder
from shared.quotes import Price, Quote
from shared.wire import QuoteBatch, decode_upward, encode

RECEIVED_AT = 12.5
BOOK_COLUMNS = ["BUYSELL", "PRICE", "QUANTITY", "REPOVALUE"]


def subscription(stream: Stream, ticker: str = "SBER") -> Subscription:
    return subscriptions([ticker], [stream], "TQBR")[0]


def body(columns: list[str], data: list[list[Any]], kind: str = "snapshot", **properties: Any) -> bytes:
    properties = {"type": kind, "seqnum": 5, "timestamp": 1769064680123} | properties
    return json.dumps({"properties": properties, "columns": columns, "data": data}).encode()


def book(data: list[list[Any]], columns: list[str] = BOOK_COLUMNS, **properties: Any) -> Quote:
    return decode(subscription(Stream.ORDERBOOKS), body(columns, data, **properties), RECEIVED_AT)


def securities(cells: dict[str, Any], kind: str = "updates", **properties: Any) -> Quote:
    cells = {"TICKER": "MXSE.TQBR.SBER"} | cells
    data = body(list(cells), [list(cells.values())], kind, **properties)
    return decode(subscription(Stream.SECURITIES), data, RECEIVED_AT)


def ladder(quote: Quote) -> Ladder:
    assert quote.book is not None
    return quote.book.ladder


def arrived(quote: Quote) -> Quote:
    """As it is in the process that shows it."""
    batch = decode_upward(encode(QuoteBatch(0, [quote])))
    assert isinstance(batch, QuoteBatch)
    return batch.quotes[0]


# ---- order books


def test_the_best_bid_is_the_highest_and_the_best_ask_the_lowest_in_any_order() -> None:
    rows: list[list[Any]] = [
        ["S", [306.14, 2], 3, None],
        ["B", [306.11, 2], 5, None],
        ["S", [306.13, 2], 1, None],
        ["B", [306.12, 2], 7, [1.0, 2]],
    ]
    quote = book(rows)
    assert ladder(quote) == Ladder([(306.12, 7), (306.11, 5)], [(306.13, 1), (306.14, 3)], 2)
    assert (quote.bid, quote.ask, quote.book_at) == (Price(306.12, 2), Price(306.13, 2), RECEIVED_AT)


def test_columns_belong_to_each_message_in_their_own_order() -> None:
    quote = book([[[5398, 0], 2, "B"]], ["PRICE", "QUANTITY", "BUYSELL"])
    assert str(quote.bid) == "5398"


def test_prices_keep_the_decimals_that_were_sent() -> None:
    assert str(book([["B", [0.0234, 5], 1, None]]).bid) == "0.02340"


@pytest.mark.parametrize(("cell", "text"), [(306, "306"), (306.5, "306.5"), (306.0, "306"), (0.02345, "0.02345")])
def test_a_plain_number_works_where_a_fixed_is_expected(cell: float, text: str) -> None:
    assert str(book([["B", cell, 1, None]]).bid) == text


def test_an_empty_side_is_known_to_be_empty() -> None:
    quote = book([["B", [1, 0], 1, None]])
    assert quote.ask is None
    assert ladder(quote).asks == []


def test_null_cells_are_survived() -> None:
    quote = book([["B", None, 1, None], ["B", [None, 2], 1, None], ["S", [2, 0], None, None]])
    assert ladder(quote) == Ladder([], [(2.0, None)], 0)


@pytest.mark.parametrize("columns", [BOOK_COLUMNS, [], ["SECID", "PRICE"]])
def test_an_empty_book_is_known_to_be_empty_whatever_its_columns(columns: list[str]) -> None:
    assert ladder(book([], columns)) == Ladder([], [], 0)


def test_an_order_book_that_is_no_snapshot_does_not_fit() -> None:
    with pytest.raises(BodyError, match="updates"):
        book([], kind="updates")


sides = st.sampled_from(["B", "S"])
all_lots = st.none() | st.integers(0, MOST_LOTS)


@st.composite
def fixed_prices(draw: st.DrawFn) -> list[Any]:
    """With as many decimals as the number has, so that it says the same without them."""
    value = draw(st.integers(-(10**9), 10**9)) / 10 ** draw(st.integers(0, 4))
    return [value, len(f"{value:.6f}".rstrip("0").partition(".")[2])]


book_rows = st.lists(st.tuples(sides, fixed_prices(), all_lots, st.none() | fixed_prices()).map(list), max_size=6)


@given(book_rows, st.permutations(range(5)))
def test_a_book_reads_the_same_in_any_order_of_columns_with_columns_that_nobody_knows(
    rows: list[list[Any]], order: list[int]
) -> None:
    names = [[*BOOK_COLUMNS, "WHATEVER"][index] for index in order]
    assert book([[[*row, {"x": [1]}][index] for index in order] for row in rows], names) == book(rows)


@given(book_rows)
def test_a_book_reads_the_same_whether_its_numbers_are_bare_or_have_decimals(rows: list[list[Any]]) -> None:
    bare = [[side, price[0], lots, None] for side, price, lots, _ in rows]
    dressed = [[side, price, None if lots is None else [lots, 0], None] for side, price, lots, _ in rows]
    assert [arrived(book(bare)), arrived(book(dressed))] == 2 * [arrived(book(rows))]


@given(book_rows, st.integers(0, 5))
def test_a_level_without_a_price_changes_nothing_of_the_others(rows: list[list[Any]], place: int) -> None:
    with_null = [*rows[:place], ["B", None, 1, None], *rows[place:]]
    assert book(with_null) == book(rows)


def test_a_book_as_it_usually_is_is_not_read_cell_by_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_rows_decoder", None)
    assert book([["B", [1, 0], 1, None], ["S", [2.5, 1], None, [1.5, 1]]]).ask == Price(2.5, 1)


@pytest.mark.parametrize(
    "row",
    [
        ["B", [-(2**63), 0], 1, None],
        ["B", [9e18, 0], 1, None],
        ["B", [1, MOST_DECIMALS], 1, None],
        ["B", [1, 0], MOST_LOTS, None],
        ["B", -(2**63), MOST_LOTS, None],
    ],
)
def test_the_largest_that_a_book_may_hold_is_taken(row: list[Any]) -> None:
    assert len(ladder(arrived(book([row]))).bids) == 1


@pytest.mark.parametrize(
    "row",
    [
        ["B", [1, 0, 0], 1, None],
        ["B", [1, 0, None], 1, None],
        ["B", [1], 1, None],
        ["B", [], 1, None],
        ["b", [1, 0], 1, None],
        ["", [1, 0], 1, None],
        ["BS", [1, 0], 1, None],
        [None, [1, 0], 1, None],
        [1, [1, 0], 1, None],
        ["X", 1, 1, None],
        ["B", [1, -1], 1, None],
        ["B", [1, MOST_DECIMALS + 1], 1, None],
        ["B", [1, 0.5], 1, None],
        ["B", [1, "0"], 1, None],
        ["B", [1, True], 1, None],
        ["B", [1, None], 1, None],
        ["B", [1, 0], MOST_LOTS + 2, None],
        ["B", [1, 0], 2**64, None],
        ["B", [1, 0], -(2**63) - 1, None],
        ["B", [1, 0], 2.0 * MOST_LOTS, None],
        ["B", [1, 0], [2 * MOST_LOTS, 0], None],
        ["B", [1, 0], "1", None],
        ["B", 2**63, 1, None],
        ["B", -1e19, 1, None],
        ["B", [10**400, 0], 1, None],
        ["B", True, 1, None],
    ],
    ids=str,
)
def test_a_book_with_a_level_that_does_not_fit_is_refused(row: list[Any]) -> None:
    with pytest.raises(BodyError):
        book([["S", [2, 0], 1, None], row])


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


TEXTS = ["CAPTION", "TRADINGSTATUS", "TIME"]
NUMBERS = ["LAST", "BIDDEPTHT", "VOLTODAY", "CHANGE"]
security_cells = st.dictionaries(st.sampled_from(TEXTS), st.none() | st.text(max_size=5)) | st.dictionaries(
    st.sampled_from(NUMBERS), st.none() | fixed_prices() | st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15)
)


@given(security_cells, st.randoms(use_true_random=False))
def test_securities_read_the_same_with_a_column_that_nobody_knows_and_in_any_order(
    cells: dict[str, Any], random: Random
) -> None:
    mixed = list({**cells, "WHATEVER": True}.items())
    random.shuffle(mixed)
    quote = arrived(securities(dict(mixed)))
    assert quote.fields is not None
    assert quote.fields.pop("WHATEVER") == "True"
    assert quote == arrived(securities(cells))


def test_securities_as_they_usually_are_are_not_read_cell_by_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_rows_decoder", None)
    quote = securities({"LAST": [306.13, 2], "BIDDEPTHT": 12, "CAPTION": "Сбер", "TIME": None, "CHANGE": None})
    assert quote.last == Price(306.13, 2)


@pytest.mark.parametrize("name", ["SBER", "TQBR.SBER", "MXSE.TQBR.SBER"])
def test_the_row_of_the_ticker_is_found_among_others(name: str) -> None:
    rows = [["MXSE.TQBR.SBERP", [1, 0]], [name, [2, 0]], ["MXSE.TQBR.GAZP", [3, 0]]]
    data = body(["TICKER", "LAST"], rows)
    assert decode(subscription(Stream.SECURITIES), data, RECEIVED_AT).last == Price(2, 0)


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
    candle = decode(subscription(Stream.CANDLES), body(columns, rows), RECEIVED_AT).candle
    assert candle is not None
    assert (candle.start, candle.open, candle.high) == ("2026-01-22 09:59:00", Price(2, 1), Price(4, 1))
    assert (candle.low, candle.close, candle.value, candle.volume) == (Price(1, 1), Price(3, 1), 900.5, 300)


def test_a_candle_that_cannot_have_begun_hides_none_that_has() -> None:
    columns = ["FROM", "OPEN"]
    rows: list[list[Any]] = [["9999-01-01 00:00:00", [9, 0]], ["2026-01-22 09:59:00", [1, 0]]]
    sent: dict[str, Any] = {"timestamp": 1769064680123}
    candle = decode(subscription(Stream.CANDLES), body(columns, rows, **sent), RECEIVED_AT).candle
    assert candle is not None
    assert candle.start == "2026-01-22 09:59:00"
    with pytest.raises(BodyError, match="has not begun"):
        decode(subscription(Stream.CANDLES), body(columns, rows[:1], **sent), RECEIVED_AT)


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


def test_a_list_of_columns_longer_than_any_does_not_fit() -> None:
    columns = [*BOOK_COLUMNS, "X" * module.COLUMNS_LIMIT]
    with pytest.raises(BodyError, match="columns"):
        book([["B", [1, 0], 1, None, None]], columns)


def test_no_more_lists_of_columns_are_remembered_than_so_many() -> None:
    for number in range(module.LAYOUTS_KEPT + 10):
        book([["B", [1, 0], 1, None]], [*BOOK_COLUMNS[:3], f"X{number}"])
        securities({f"X{number}": None})
    for cache in (module._names, module._is_usual_book, module._securities_layout):
        assert cache.cache_info().currsize == module.LAYOUTS_KEPT


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


def shown(quote: Quote) -> list[str]:
    """Whatever can be asked of it."""
    asked = quote.bid, quote.ask, quote.last, quote.change, quote.volume, quote.trading_status, quote.exchange_ms
    candle = () if quote.candle is None else (quote.candle.open, quote.candle.close, quote.candle.volume)
    return [str(value) for value in (*asked, *candle)]


COLUMNS = {
    Stream.ORDERBOOKS: BOOK_COLUMNS,
    Stream.SECURITIES: ["TICKER", "LAST", "CAPTION", "TIME"],
    Stream.CANDLES: ["FROM", "OPEN", "VALUE", "VOLUME"],
}
likely_cells = st.sampled_from(["B", "S", "MXSE.TQBR.SBER", None, 1, 1.5]) | st.lists(json_values, max_size=3)


@given(st.lists(likely_cells | json_values, min_size=4, max_size=4), st.sampled_from(list(Stream)), json_values)
def test_nothing_but_body_error_is_ever_raised(row: list[Any], stream: Stream, timestamp: Any) -> None:
    data = body(COLUMNS[stream], [row], timestamp=timestamp)
    try:
        quote = decode(subscription(stream), data, RECEIVED_AT)
    except BodyError:
        return
    assert decode_upward(encode(QuoteBatch(0, [quote]))) == QuoteBatch(0, [quote])
    assert shown(arrived(quote)) == shown(quote)


ROWS: dict[Stream, list[list[Any]]] = {
    Stream.ORDERBOOKS: [["B", [306.12, 2], 7, [1.0, 2]], ["S", [306.13, 2], 5, None]],
    Stream.SECURITIES: [["MXSE.TQBR.SBER", [306.13, 2], "Сбер", "10:00:00"]],
    Stream.CANDLES: [["2026-01-22 09:59:00", [2, 1], [900.5, 1], 300]],
}
replacements = st.binary(max_size=3) | st.sampled_from([b"null", b"true", b"[", b"]", b",", b'"', b"{}", b"1e999"])


@given(st.sampled_from(list(Stream)), st.lists(st.tuples(st.integers(0), st.integers(0, 8), replacements), max_size=3))
def test_a_damaged_body_is_a_quote_that_can_be_shown_or_a_body_error(
    stream: Stream, damages: list[tuple[int, int, bytes]]
) -> None:
    data = body(COLUMNS[stream], ROWS[stream])
    for place, removed, inserted in damages:
        at = place % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    try:
        quote = decode(subscription(stream), data, RECEIVED_AT)
    except BodyError:
        return
    assert shown(arrived(quote)) == shown(quote)
