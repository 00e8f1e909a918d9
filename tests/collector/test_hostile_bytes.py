"""Bytes that are meant to do harm: what they may cost is bounded, and what comes beside them is not lost."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.bodies import BODY_LIMIT, LONG_BODY, BodyError, decode
from collector.framing import (
    COMMANDS,
    FRAME_LIMIT,
    FRAMES_LIMIT,
    HEAD_LIMIT,
    LONGEST_HEAD_KEPT,
    Message,
    Messages,
    ReceiveBuffer,
    StompSplitter,
)
from collector.instruments import tickers_in
from collector.issplus import Subscription, subscriptions
from collector.stamps import in_order_of_time
from collector.trading_calendar import calendar_in, state_at
from shared.errors import InstrumentsError, IssError, ProtocolError
from shared.quotes import Quote
from tests.fakes.wire import stomp, websocket

BROKEN = b"MESSAGE\nsubscription:1\n\n{broken"
WHOLE = b"MESSAGE\nsubscription:2\n\n{}"
BOOK, SECURITIES, CANDLES = subscriptions(["SBER"], ["orderbooks", "securities", "candles"], "TQBR")


# ---- frames


@pytest.mark.parametrize("start", [b"", b"\n", b"\r\n\n"])
@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_what_follows_a_frame_without_its_end_is_whole_however_it_comes(start: bytes, cut: int) -> None:
    splitter = StompSplitter()
    frames = splitter.feed(BROKEN) + splitter.feed(start + WHOLE[:cut]) + splitter.feed(WHOLE[cut:] + b"\0")
    assert [frame.rstrip(b"\r\n") for frame in frames] == [BROKEN, WHOLE]
    assert splitter.is_between_frames


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_follows_a_frame_without_its_end_is_whole_though_it_comes_letter_by_letter(
    command: bytes, size: int
) -> None:
    splitter, whole = StompSplitter(), command + b"subscription:2\n\n{}"
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert [frame for piece in [BROKEN, *pieces, b"\0"] for frame in splitter.feed(piece)] == [BROKEN, whole]


@pytest.mark.parametrize("letters", [b"M", b"MESSAG", b"CONNECTE"])
def test_what_only_begins_like_a_command_hides_no_true_one(letters: bytes) -> None:
    splitter = StompSplitter()
    frames = [frame for piece in [BROKEN, letters, WHOLE[:1], WHOLE[1:], b"\0"] for frame in splitter.feed(piece)]
    assert frames == [BROKEN + letters, WHOLE]


def test_each_of_several_frames_without_an_end_is_told_as_soon_as_the_next_begins() -> None:
    splitter = StompSplitter()
    assert [splitter.feed(piece) for piece in (BROKEN, BROKEN[:3], BROKEN[3:], BROKEN[:5], BROKEN[5:])] == [
        [],
        [],
        [BROKEN],
        [],
        [BROKEN],
    ]


@given(st.sampled_from(COMMANDS), st.integers(1, 5))
def test_a_piece_that_looks_like_a_beginning_and_is_none_stays_where_it_is(command: bytes, size: int) -> None:
    splitter = StompSplitter()
    pieces = [b"REPLY\nrequest-id:1\n\n", command[:size], b"x\0"]
    assert [frame for piece in pieces for frame in splitter.feed(piece)] == [b"".join(pieces)[:-1]]


@pytest.mark.parametrize("line_ends", [b"\n", b"\r\n", b"\n\r\n"])
def test_headers_without_an_end_as_stomp_py_sees_it_are_cut(line_ends: bytes) -> None:
    """It would read on, however many more there are."""
    frame = b"WHAT\nx:y" + line_ends + b"a:b\n" * HEAD_LIMIT + b"\nbody"
    assert StompSplitter().feed(frame + b"\0") == [frame[:HEAD_LIMIT]]


def test_a_long_body_behind_short_headers_is_whole() -> None:
    frame = b"CONNECTED\nversion:1\n\n" + b"x" * 100_000
    assert StompSplitter().feed(frame + b"\0") == [frame]


def test_more_frames_in_one_message_than_anybody_sends_are_not_taken() -> None:
    assert len(StompSplitter().feed(stomp("WHAT", {}) * FRAMES_LIMIT)) == FRAMES_LIMIT
    with pytest.raises(ProtocolError, match="STOMP frames in one message"):
        StompSplitter().feed(stomp("WHAT", {}) * (FRAMES_LIMIT + 1))


def test_a_frame_without_an_end_costs_no_more_for_coming_in_many_messages() -> None:
    """All of it anew for each message would take many minutes."""
    splitter, piece = StompSplitter(), b"x" * 100
    assert all(splitter.feed(piece) == [] for _ in range(FRAME_LIMIT // len(piece)))
    [frame] = splitter.feed(b"\0")
    assert len(frame) == HEAD_LIMIT


def test_a_beginning_is_looked_for_within_its_own_frame_alone() -> None:
    """All that came with it would take minutes, for each frame anew."""
    frame = websocket(b"MESSAGE\na:b\0")
    buffer, messages, found = ReceiveBuffer(), Messages(), 0
    buffer.add(frame * 80_000)
    while True:
        buffer.take_messages(messages)
        if (taken := buffer.take_frame()) is None:
            break
        found += taken == frame
    assert (messages, found) == ({}, 80_000)


def test_a_long_beginning_is_read_and_not_kept_in_mind() -> None:
    buffer, messages = ReceiveBuffer(), Messages()
    for number in range(10):
        frame = stomp("MESSAGE", {"x": "y" * LONGEST_HEAD_KEPT, "subscription": number}, b"{}")
        buffer.add(websocket(frame))
        buffer.take_messages(messages)
    assert len(messages) == 10
    assert buffer._subscriptions == {}


# ---- bodies


def bodies_of_wrong_cells() -> Iterator[bytes]:
    for cell in ("x" * 10_000, [1] * 10_000, {"a": "b" * 10_000}):
        for kind, columns, row in (
            ("updates", ["TICKER", "LAST"], ["SBER", cell]),
            ("snapshot", ["BUYSELL", "PRICE", "QUANTITY"], ["B", cell, 1]),
            ("snapshot", ["BUYSELL", "PRICE", "QUANTITY"], [cell, 1, 1]),
            (str(cell), ["TICKER", "LAST"], ["SBER", 1]),
        ):
            yield json.dumps({"properties": {"type": kind}, "columns": columns, "data": [row]}).encode()


@pytest.mark.parametrize("subscription", [BOOK, SECURITIES])
def test_what_does_not_fit_is_told_in_few_words(subscription: Subscription) -> None:
    for body in bodies_of_wrong_cells():
        with pytest.raises(BodyError) as told:
            decode(subscription, body, 1.0)
        assert len(str(told.value)) < 300


def test_a_body_without_end_is_not_read() -> None:
    body = {"properties": {"type": "updates"}, "columns": ["TICKER", "CAPTION"], "data": [["SBER", "x" * BODY_LIMIT]]}
    with pytest.raises(BodyError, match="bytes"):
        decode(SECURITIES, json.dumps(body).encode(), 1.0)


def test_what_is_kept_of_a_ticker_is_no_more_for_texts_without_end() -> None:
    known = Quote("SBER")
    for number, cell in enumerate(("x" * 100_000, [["x" * 100_000]], {"a": "\u202e" * 20_000}) * 100):
        columns, row = ["TICKER", f"C{number}"], ["SBER", cell]
        body = {"properties": {"type": "updates"}, "columns": columns, "data": [row]}
        known.merge(decode(SECURITIES, json.dumps(body).encode(), 1.0))
    fields = known.fields or {}
    assert len(fields) > 100
    assert all(len(text) <= LONG_BODY for text in fields.values())


def test_of_a_candle_no_more_is_kept_than_its_time_can_have() -> None:
    body = {"properties": {"type": "updates"}, "columns": ["FROM", "OPEN"], "data": [["2026" * 50_000, 1]]}
    candle = decode(CANDLES, json.dumps(body).encode(), 1.0).candle
    assert candle is not None
    assert len(candle.start) <= LONG_BODY


def test_a_time_from_the_far_future_leaves_books_in_the_order_of_arrival() -> None:
    times = [1_769_064_680_123, 4_070_908_800_000, 1_769_064_680_122]
    contents = [f'{{"timestamp": {time}}}'.encode() for time in times]
    messages: list[Message] = [(content, 0, len(content)) for content in contents]
    assert in_order_of_time(messages) == messages
    assert in_order_of_time(messages[::2]) == messages[::-2]


# ---- the REST page

cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.just("SBER")
pages = st.recursive(
    cells | st.sampled_from(["SECID", "columns", "data", "securities"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["securities", "columns", "data", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)
likely_pages = st.fixed_dictionaries(
    {
        "securities": st.fixed_dictionaries(
            {"columns": st.permutations(["SECID", "LOTSIZE"]), "data": st.lists(st.lists(cells, max_size=3))}
        )
    }
)


@given(st.binary(max_size=300) | (pages | likely_pages).map(lambda page: json.dumps(page).encode()))
def test_any_page_is_a_list_of_tickers_or_a_failure(page: bytes) -> None:
    try:
        tickers = tickers_in(page)
    except InstrumentsError as error:
        assert str(error).isprintable()
    else:
        assert tickers
        assert all(ticker.isascii() and ticker.isprintable() and len(ticker) <= 32 for ticker in tickers)


calendar_cells = cells | st.sampled_from(["09:50:00", "23:59:59", "2026-01-22", 0, 1, 7])
calendar_columns = st.permutations(["date", "week_day", "is_work_day", "start_time", "stop_time"])
calendar_tables = st.fixed_dictionaries(
    {"columns": calendar_columns, "data": st.lists(st.lists(calendar_cells, min_size=3, max_size=6), max_size=4)}
)
likely_calendars = st.fixed_dictionaries({"timetable": calendar_tables, "dailytable": calendar_tables})


@given(st.binary(max_size=300) | (pages | likely_calendars).map(lambda page: json.dumps(page).encode()))
def test_any_page_is_a_calendar_or_a_failure(page: bytes) -> None:
    try:
        calendar = calendar_in(page)
    except IssError as error:
        assert str(error).isprintable()
    else:
        state = state_at(calendar, 1_769_064_680.0)
        assert state.changes_at is None or (state.is_open is not None and state.changes_at > 1_769_064_680.0)
