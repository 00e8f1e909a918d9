import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.book import book_of
from shared.quotes import Candle, Price, Quote, Stamp
from shared.wire import (
    ConnectionState,
    ConnectionStatus,
    Counters,
    Event,
    Picture,
    QuoteBatch,
    Request,
    Totals,
    WorkerReport,
    decode_picture,
    decode_request,
    decode_upward,
    encode,
)

texts = st.text(max_size=8)
whole = st.integers(0, 2**53)
times = st.floats(0, 1e9)
stamps = st.builds(Stamp, times, whole)
levels = st.lists(st.tuples(times, st.none() | whole), max_size=3)
prices = st.builds(Price, times, st.integers(0, 6))
cells = st.none() | whole | times | texts | st.tuples(times, st.integers(0, 6)).map(list)
counters = st.builds(Counters, *[whole] * len(Counters.__struct_fields__))
quotes = st.builds(
    Quote,
    ticker=texts,
    updates=whole,
    book=st.none() | st.builds(book_of, levels, levels, st.integers(0, 6)),
    book_at=st.none() | times,
    book_stamp=st.none() | stamps,
    fields=st.none() | st.dictionaries(texts, cells, max_size=4),
    fields_stamp=st.none() | stamps,
    is_full=st.booleans(),
    candle=st.none() | st.builds(Candle, texts, prices, st.none(), prices, prices, st.none() | times, whole),
)
statuses = st.builds(
    ConnectionStatus,
    number=whole,
    worker=whole,
    state=st.sampled_from(ConnectionState),
    reason=texts,
    since=times,
    planned=whole,
    retry_at=st.none() | times,
    total=counters,
    refusals=st.dictionaries(texts, texts, max_size=2),
    latency_ms=st.none() | times,
    last_loss=texts,
)
totals = st.builds(
    Totals,
    times,
    whole,
    whole,
    texts,
    counters=counters,
    latency_p50_ms=st.none() | times,
    queue_age_s=st.none() | times,
    streams=st.lists(texts, max_size=2),
    is_exchange_open=st.none() | st.booleans(),
    session_changes_at=st.none() | times,
)
events = st.lists(st.builds(Event, times, texts, texts), max_size=3)


@given(st.builds(QuoteBatch, whole, st.lists(quotes, max_size=3), st.none() | times))
def test_a_batch_arrives_as_it_was_sent(batch: QuoteBatch) -> None:
    assert decode_upward(encode(batch)) == batch


@given(st.builds(WorkerReport, whole, st.lists(statuses, max_size=3), events, st.booleans(), st.booleans()))
def test_a_report_arrives_as_it_was_sent(report: WorkerReport) -> None:
    assert decode_upward(encode(report)) == report


@given(
    st.builds(
        Picture,
        whole,
        totals,
        st.lists(statuses, max_size=2),
        st.lists(quotes, max_size=2),
        events,
        st.none() | st.lists(st.lists(texts, max_size=2), max_size=2),
    )
)
def test_a_picture_arrives_as_it_was_sent(picture: Picture) -> None:
    assert decode_picture(encode(picture)) == picture


@pytest.mark.parametrize("request_", list(Request))
def test_a_request_arrives_as_it_was_sent(request_: Request) -> None:
    assert decode_request(encode(request_)) is request_


def test_what_is_read_back_has_its_own_types() -> None:
    sent = Quote("SBER", book=book_of([(1.0, None)], [], 2), book_stamp=Stamp(1.0, 2))
    received = decode_upward(encode(QuoteBatch(0, [sent])))
    assert isinstance(received, QuoteBatch)
    (quote,) = received.quotes
    assert quote.book is not None
    assert quote.book.ladder.bids[0] == (1.0, None)
    assert isinstance(quote.book_stamp, Stamp)


@pytest.mark.parametrize(
    "damaged", [b"", b"\xc1", encode(QuoteBatch(0, []))[:-1], b"\x93\xa5other\x00\x90", b"\xa1\xff"]
)
def test_a_damaged_message_is_a_decode_error(damaged: bytes) -> None:
    for decode in (decode_upward, decode_picture, decode_request):
        with pytest.raises(msgspec.DecodeError):
            decode(damaged)


def test_a_message_of_the_other_direction_is_a_decode_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_picture(encode(QuoteBatch(0, [])))
    with pytest.raises(msgspec.DecodeError):
        decode_upward(encode(Request.QUIT))


@given(counters, counters)
def test_increments_added_to_the_earlier_counters_give_the_later(earlier: Counters, later: Counters) -> None:
    total = Counters(*(getattr(earlier, name) for name in Counters.__struct_fields__))
    total.add(later.since(earlier))
    assert total == later
