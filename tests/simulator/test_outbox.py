"""What a client is sent, and what is owed to it while it cannot be sent to."""

from simulator.destinations import Topic, Wanted
from simulator.outbox import Outbox, Subscription


def subscription(outbox: Outbox) -> Subscription:
    return Subscription("7-SBER", Wanted(Topic("securities", "SBER")), outbox)


def test_a_message_starts_with_the_head_of_its_subscription() -> None:
    outbox = Outbox()
    assert outbox.message(subscription(outbox), b"tail\0")
    assert outbox.take() == [b"MESSAGE\ndestination:MXSE.securities\nsubscription:7-SBER\ntail\0"]
    assert outbox.messages == 1


def test_frames_are_taken_once_and_in_order() -> None:
    outbox = Outbox()
    outbox.answer(b"one")
    outbox.answer(b"two")
    assert outbox.take() == [b"one", b"two"]
    assert outbox.take() == []


def test_while_congested_messages_are_owed_by_their_columns_and_answers_still_go() -> None:
    outbox = Outbox(is_congested=True)
    each = subscription(outbox)
    assert not outbox.message(each, b"tail", ("BID", "LAST"))
    assert not outbox.message(each, b"tail", ("BID", "TIME"))
    outbox.answer(b"receipt")
    assert outbox.take() == [b"receipt"]
    assert outbox.take_missed() == {each: {"BID", "LAST", "TIME"}}
    assert outbox.take_missed() == {}
    assert outbox.messages == 0


def test_an_owed_snapshot_stays_owed_whatever_columns_follow_or_went_before() -> None:
    outbox = Outbox(is_congested=True)
    first, second = subscription(outbox), subscription(outbox)
    outbox.message(first, b"tail")
    outbox.message(first, b"tail", ("BID",))
    outbox.message(second, b"tail", ("BID",))
    outbox.message(second, b"tail")
    assert outbox.missed == {first: None, second: None}


def test_while_silent_nothing_goes_out() -> None:
    outbox = Outbox(is_silent=True)
    outbox.answer(b"receipt")
    outbox.message(subscription(outbox), b"tail")
    assert outbox.take() == []
