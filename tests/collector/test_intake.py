"""What becomes of the messages and answers that one connection's subscriptions get."""

import logging
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import intake as module
from collector.intake import MISFIT_LOG_INTERVAL_S, Intake
from collector.issplus import subscriptions
from shared.quotes import Quote
from shared.wire import Counters
from tests.collector.test_bodies import body

NOW = 12.5
BOOK, FIELDS, NOT_OURS = b"0-SBER", b"1-SBER", b"99-NONE"
BROKEN = b"no JSON"
SOME_TIME_MS = 1769064680000


class Subject:
    """An Intake with the order book and the securities of SBER and T, and what it counts."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.intake = Intake(subscriptions(["SBER", "T"], ["orderbooks", "securities"], "TQBR"), self.counters)

    def take(self, *messages: tuple[bytes, bytes], now: float = NOW) -> list[Quote]:
        """Messages of one read: the subscription and the body of each."""
        read: dict[bytes, list[tuple[bytes, int, int]]] = {}
        for key, content in messages:
            read.setdefault(key, []).append((b"head" + content + b"rest", 4, 4 + len(content)))
        return self.intake.take(read, now)

    def take_books(self, *bodies: bytes) -> Quote:
        """Order books of SBER that come in one read."""
        [quote] = self.take(*((BOOK, content) for content in bodies))
        return quote

    def answer(self, command: str, **headers: str) -> None:
        self.intake.take_frame(command, {name.replace("_", "-"): value for name, value in headers.items()}, NOW)

    @property
    def refusals(self) -> dict[str, str]:
        return {subscription.id: reason for subscription, reason in self.intake.refusals()}

    def has_counted(self, **expected: int) -> bool:
        """These, and nothing else."""
        return self.counters == Counters(**expected)


@pytest.fixture
def subject() -> Subject:
    return Subject()


def book(price: int, at_ms: int = SOME_TIME_MS) -> bytes:
    rows = [["B", [price, 0], 1], ["S", [price + 1, 0], 1]]
    return body(["BUYSELL", "PRICE", "QUANTITY"], rows, timestamp=at_ms)


def cut_off(content: bytes) -> bytes:
    """It does not fit, but its time is still to be seen."""
    return content[:-1]


def fields(kind: str = "updates", **cells: object) -> bytes:
    return body(["TICKER", *cells], [["MXSE.TQBR.SBER", *cells.values()]], kind)


def bid(quote: Quote) -> float | None:
    return None if quote.bid is None else quote.bid.value


# ---- order books in one read


def test_a_message_becomes_a_change_of_its_ticker_received_now(subject: Subject) -> None:
    [quote] = subject.take((BOOK, book(7)))
    assert (quote.ticker, quote.updates, quote.book_at, bid(quote)) == ("SBER", 1, NOW, 7.0)
    assert subject.has_counted(messages=1, updates=1)


def test_the_newest_book_wins_and_those_it_supersedes_are_counted_but_not_parsed(subject: Subject) -> None:
    quote = subject.take_books(book(1), book(2), cut_off(book(9)), book(3))
    assert (quote.updates, bid(quote)) == (4, 3.0)
    assert subject.has_counted(messages=4, updates=4, conflated=3)


def test_which_book_is_the_newest_is_told_by_the_time_of_the_exchange(subject: Subject) -> None:
    quote = subject.take_books(book(2, SOME_TIME_MS + 2), book(1, SOME_TIME_MS + 1))
    assert (quote.updates, bid(quote)) == (2, 2.0)
    assert subject.has_counted(messages=2, updates=2, conflated=1)


def test_when_the_newest_book_does_not_fit_the_one_before_it_counts(subject: Subject) -> None:
    quote = subject.take_books(book(1), book(2), cut_off(book(3)), cut_off(book(4)))
    assert (quote.updates, bid(quote)) == (2, 2.0)
    assert subject.has_counted(messages=4, updates=2, conflated=1, decode_errors=2)


def test_books_that_all_do_not_fit_change_nothing(subject: Subject) -> None:
    assert subject.take((BOOK, BROKEN), (BOOK, BROKEN)) == []
    assert subject.has_counted(messages=2, decode_errors=2)


def test_books_in_several_reads_are_all_parsed(subject: Subject) -> None:
    assert [bid(quote) for price in range(3) for quote in subject.take((BOOK, book(price)))] == [0.0, 1.0, 2.0]
    assert subject.has_counted(messages=3, updates=3)


# ---- securities in one read


def test_updates_of_securities_merge_and_none_is_skipped(subject: Subject) -> None:
    messages = [fields("snapshot", LAST=1, QTY=5), fields(LAST=2), fields(QTY=6), fields(HIGH=4)]
    [quote] = subject.take(*((FIELDS, content) for content in messages))
    assert quote.fields == {"TICKER": "MXSE.TQBR.SBER", "LAST": 2, "QTY": 6, "HIGH": 4}
    assert (quote.updates, quote.is_full) == (4, True)
    assert subject.has_counted(messages=4, updates=4)


@pytest.mark.parametrize("broken_at", range(3))
def test_updates_around_one_that_does_not_fit_merge_all_the_same(subject: Subject, broken_at: int) -> None:
    messages = [fields(LAST=1, QTY=5), fields(LAST=2)]
    messages.insert(broken_at, BROKEN)
    [quote] = subject.take(*((FIELDS, content) for content in messages))
    assert quote.fields == {"TICKER": "MXSE.TQBR.SBER", "LAST": 2, "QTY": 5}
    assert quote.updates == 2
    assert subject.has_counted(messages=3, updates=2, decode_errors=1)


def test_each_subscription_changes_by_itself(subject: Subject) -> None:
    changes = subject.take((FIELDS, fields(LAST=1)), (BOOK, book(7)), (b"2-T", book(8)), (BOOK, book(9)))
    assert [(quote.ticker, quote.updates, bid(quote)) for quote in changes] == [
        ("SBER", 1, None),
        ("SBER", 2, 9.0),
        ("T", 1, 8.0),
    ]
    assert subject.has_counted(messages=4, updates=4, conflated=1)


# ---- what does not fit


def test_messages_of_a_subscription_that_is_not_ours_are_counted_and_change_nothing(subject: Subject) -> None:
    assert subject.take((NOT_OURS, book(1)), (NOT_OURS, book(2))) == []
    assert subject.has_counted(messages=2, decode_errors=2)
    assert (subject.intake.confirmed, subject.refusals) == (0, {})


KINDS = {BOOK: (book(1), BROKEN), FIELDS: (fields(LAST=1), BROKEN), NOT_OURS: (book(1),)}
one_message = st.sampled_from([(key, content) for key, bodies in KINDS.items() for content in bodies])


@given(st.lists(st.lists(one_message, max_size=6), max_size=4))
def test_whatever_comes_every_message_is_counted_once_as_an_update_or_as_a_misfit(
    reads: Sequence[Sequence[tuple[bytes, bytes]]],
) -> None:
    subject = Subject()
    changes = [quote for messages in reads for quote in subject.take(*messages)]
    counters = subject.counters
    assert counters.messages == sum(map(len, reads)) == counters.updates + counters.decode_errors
    assert counters.updates == sum(quote.updates for quote in changes)


@pytest.mark.parametrize(
    ("command", "headers"),
    [
        ("MESSAGE", {"destination": "MXSE.orderbooks"}),
        ("RECEIPT", {"receipt-id": "99"}),
        ("RECEIPT", {}),
        ("RECEIPT", {"subscription": "0-SBER"}),
        ("REPLY", {"request-id": "1"}),
        ("CLOSED", {"subscription": "99"}),
        ("CLOSED", {"receipt-id": "0-SBER"}),
        ("ERROR", {"request-id": "1", "message": "gateway.timeout"}),
        ("ERROR", {"subscription": "999-NOBODY", "message": "gateway.timeout"}),
        ("ERROR", {"subscription": "999-NOBODY", "receipt-id": "0-SBER"}),
        ("CONNECTED", {}),
        ("\x1b[2J", {}),
    ],
)
def test_a_frame_that_answers_nothing_is_counted(subject: Subject, command: str, headers: dict[str, str]) -> None:
    subject.intake.take_frame(command, headers, NOW)
    assert subject.has_counted(messages=command == "MESSAGE", decode_errors=1)
    assert (subject.intake.confirmed, subject.refusals) == (0, {})


def test_misfits_of_all_kinds_together_are_sampled_at_most_once_a_minute(
    subject: Subject, caplog: pytest.LogCaptureFixture
) -> None:
    almost_a_minute_later, a_minute_later = NOW + MISFIT_LOG_INTERVAL_S - 0.1, NOW + MISFIT_LOG_INTERVAL_S
    with caplog.at_level(logging.WARNING, module.__name__):
        subject.take((BOOK, BROKEN))
        subject.answer("REPLY", request_id="1")
        subject.take((NOT_OURS, BROKEN), now=almost_a_minute_later)
        [first] = caplog.messages
        subject.take((FIELDS, BROKEN), now=a_minute_later)
    assert first.startswith("MXSE.orderbooks of SBER: ")
    assert first.endswith("; sample: no JSON")
    assert "more since" not in first
    [_, second] = caplog.messages
    assert second.startswith("MXSE.securities of SBER: ")
    assert "; 2 more since the last such line; " in second


def test_a_sample_is_short_and_clean(subject: Subject, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, module.__name__):
        subject.take((BOOK, b"\x1b[2J\xff" + b"x" * 100_000))
    [line] = caplog.messages
    assert "sample: \ufffd[2J\ufffdxxx" in line
    assert line.isprintable()
    assert len(line) < 500


def test_of_a_command_without_end_the_beginning_is_told(subject: Subject, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, module.__name__):
        subject.answer("WHAT" * 1000)
    [line] = caplog.messages
    assert line.startswith("unexpected WHATWHAT")
    assert len(line) < 500


# ---- what is confirmed, what is refused


def test_a_receipt_confirms_its_subscription(subject: Subject) -> None:
    subject.answer("RECEIPT", receipt_id="0-SBER")
    assert subject.intake.confirmed == 1
    assert subject.has_counted()


def test_a_message_confirms_its_subscription_as_well_even_if_it_does_not_fit(subject: Subject) -> None:
    subject.take((BOOK, book(1)), (FIELDS, BROKEN))
    assert subject.intake.confirmed == 2


def test_an_error_that_names_a_subscription_refuses_it_alone(subject: Subject) -> None:
    subject.take((BOOK, book(1)), (FIELDS, fields(LAST=1)))
    subject.answer("ERROR", subscription="0-SBER", message="gateway.access-denied")
    assert (subject.intake.confirmed, subject.refusals) == (1, {"0-SBER": "gateway.access-denied"})
    assert subject.has_counted(messages=2, updates=2)


def test_an_error_may_name_the_receipt_that_was_asked_for(subject: Subject) -> None:
    subject.answer("ERROR", receipt_id="1-SBER")
    assert subject.refusals == {"1-SBER": "ERROR without a message"}


def test_a_receipt_takes_back_no_refusal(subject: Subject) -> None:
    subject.answer("ERROR", subscription="0-SBER", receipt_id="0-SBER", message="no")
    subject.answer("RECEIPT", receipt_id="0-SBER")
    assert (subject.intake.confirmed, subject.refusals) == (0, {"0-SBER": "no"})


def test_a_subscription_that_the_exchange_closes_is_refused_and_no_longer_confirmed(subject: Subject) -> None:
    subject.answer("RECEIPT", receipt_id="0-SBER")
    subject.answer("CLOSED", subscription="0-SBER")
    assert (subject.intake.confirmed, subject.refusals) == (0, {"0-SBER": "closed by the exchange"})
    subject.answer("CLOSED", subscription="0-SBER", message="delisted")
    assert subject.refusals == {"0-SBER": "delisted"}


def test_a_refusal_is_cleaned_of_control_characters(subject: Subject) -> None:
    subject.answer("ERROR", subscription="0-SBER", message="\x1b[2Jno")
    assert subject.refusals == {"0-SBER": "\ufffd[2Jno"}


def test_of_a_refusal_without_end_the_beginning_is_kept(subject: Subject) -> None:
    subject.answer("ERROR", subscription="0-SBER", message="no" * 2000)
    assert subject.refusals == {"0-SBER": "no" * 100}


def test_a_message_takes_back_the_refusal_of_its_subscription_alone(subject: Subject) -> None:
    for name in ("0-SBER", "1-SBER"):
        subject.answer("ERROR", subscription=name, message="no")
    subject.take((BOOK, book(1)))
    assert (subject.intake.confirmed, subject.refusals) == (1, {"1-SBER": "no"})


def test_when_the_connection_is_closed_nothing_is_confirmed_and_what_was_refused_stays_so(subject: Subject) -> None:
    subject.take((BOOK, book(1)))
    subject.answer("ERROR", subscription="1-SBER", message="no")
    subject.intake.closed()
    assert (subject.intake.confirmed, subject.refusals) == (0, {"1-SBER": "no"})


def test_with_a_new_greeting_nothing_is_refused(subject: Subject) -> None:
    subject.answer("ERROR", subscription="1-SBER", message="no")
    subject.intake.greeted()
    assert subject.refusals == {}


@pytest.mark.parametrize(
    ("headers", "is_taken"),
    [
        ({"subscription": "0-SBER"}, True),
        ({"subscription": "999-NOBODY"}, True),
        ({"request-id": "1"}, True),
        ({"receipt-id": "0-SBER"}, True),
        ({"receipt-id": "999-NOBODY"}, False),
        ({"message": "gateway.transport"}, False),
        ({}, False),
    ],
)
def test_an_error_that_names_nothing_that_was_asked_for_concerns_the_connection(
    subject: Subject, headers: dict[str, str], is_taken: bool
) -> None:
    assert subject.intake.takes_error(headers) is is_taken
