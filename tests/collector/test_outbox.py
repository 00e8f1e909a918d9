"""What waits in a worker is bounded by its tickers, and nothing that was counted is lost."""

from collector.outbox import Outbox
from shared.book import book_of
from shared.quotes import Fields, Quote, Stamp


def ignore() -> None:
    pass


def with_book(price: float, seqnum: int, ticker: str = "SBER") -> Quote:
    return Quote(ticker, 1, book_of([(price, 1)], [], 0), 1.0, Stamp(1.0, seqnum))


def test_messages_of_one_ticker_become_one_record_that_counts_them() -> None:
    outbox = Outbox(on_news=ignore)
    outbox.put([with_book(1, 1), with_book(2, 2)])
    outbox.put([with_book(3, 3)])
    [record] = outbox.take()
    assert record.updates == 3
    assert record.bid is not None
    assert record.bid.value == 3


def test_partial_updates_of_one_ticker_are_merged_column_by_column() -> None:
    outbox = Outbox(on_news=ignore)
    updates: list[Fields] = [{"LAST": [1, 0], "QTY": 1}, {"QTY": 2}]
    for seqnum, fields in enumerate(updates):
        outbox.put([Quote("SBER", 1, fields=fields, fields_at=1.0, fields_stamp=Stamp(1.0, seqnum))])
    [record] = outbox.take()
    assert record.fields == {"LAST": [1, 0], "QTY": 2}
    assert not record.is_full


def test_an_older_message_of_another_connection_is_counted_and_not_taken() -> None:
    outbox = Outbox(on_news=ignore)
    outbox.put([with_book(5, seqnum=9)])
    outbox.put([with_book(4, seqnum=8)])
    [record] = outbox.take()
    assert record.updates == 2
    assert record.bid is not None
    assert record.bid.value == 5


def test_records_are_taken_once() -> None:
    outbox = Outbox(on_news=ignore)
    outbox.put([with_book(1, 1), with_book(1, 1, "GAZP")])
    assert sorted(record.ticker for record in outbox.take()) == ["GAZP", "SBER"]
    assert outbox.take() == []


def test_news_are_told_once_until_they_are_taken() -> None:
    told: list[str] = []
    outbox = Outbox(on_news=lambda: told.append("news"))
    outbox.put([])
    assert told == []
    outbox.put([with_book(1, 1)])
    outbox.put([with_book(2, 2)])
    assert told == ["news"]
    outbox.take()
    outbox.put([with_book(3, 3)])
    assert told == ["news", "news"]


def test_what_is_no_news_waits_to_be_taken_and_tells_nobody() -> None:
    told: list[str] = []
    outbox = Outbox(on_news=lambda: told.append("news"))
    outbox.put([with_book(1, 1)], is_news=False)
    outbox.put([with_book(2, 2)], is_news=False)
    assert told == []
    [record] = outbox.take()
    assert record.updates == 2
