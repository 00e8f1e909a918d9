"""What the sender sends is what the exchange would send: the program's own reading of it says so."""

import json

import pytest

from bench.frames import TICKERS, Subscription, instruments_page
from collector.bodies import decode
from collector.framing import Messages, ReceiveBuffer
from collector.issplus import Stream, subscriptions
from shared.quotes import Quote

NOW_MS = 1_769_064_680_123


def read(stream: Stream, frames: list[bytes]) -> list[Quote]:
    """The frames of one subscription as the collector reads them."""
    wanted = subscriptions(["BNCH007"], [stream], "TQBR")[0]
    buffer, messages = ReceiveBuffer(), Messages()
    buffer.add(b"".join(frames))
    buffer.take_messages(messages)
    assert list(messages) == [wanted.id.encode()]
    return [decode(wanted, data[start:end], 1.0) for data, start, end in messages[wanted.id.encode()]]


def sender_of(stream: Stream) -> Subscription:
    wanted = subscriptions(["BNCH007"], [stream], "TQBR")[0]
    return Subscription(wanted.id, wanted.destination, wanted.ticker)


@pytest.mark.parametrize("stream", [Stream.ORDERBOOKS, Stream.SECURITIES])
def test_every_message_is_one_that_the_collector_understands_and_bears_the_time(stream: Stream) -> None:
    sender = sender_of(stream)
    quotes = read(stream, [sender.next_frame(NOW_MS + n) for n in range(2 * Subscription.VARIANTS)])
    assert [quote.exchange_ms for quote in quotes] == [NOW_MS + n for n in range(2 * Subscription.VARIANTS)]
    assert all(quote.has_prices for quote in quotes)


def test_an_order_book_has_ten_levels_a_side_and_changes_from_message_to_message() -> None:
    sender = sender_of(Stream.ORDERBOOKS)
    first, second = read(Stream.ORDERBOOKS, [sender.next_frame(NOW_MS) for _ in range(2)])
    assert first.book is not None
    assert (len(first.book.ladder.bids), len(first.book.ladder.asks)) == (10, 10)
    assert first.bid != second.bid


def test_the_list_of_instruments_holds_as_many_as_the_board() -> None:
    head, _, body = instruments_page().partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert len(json.loads(body)["securities"]["data"]) == TICKERS
