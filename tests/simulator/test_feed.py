"""Who gets what of the market."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.destinations import Topic, Wanted
from simulator.feed import CANDLES_EVERY_S, Feed
from simulator.instruments import all_instruments
from simulator.market import Market
from simulator.outbox import Outbox, Subscription

TEN = datetime(2026, 1, 22, 7, 0, 0, tzinfo=UTC).timestamp()  # 10:00 in Moscow


@pytest.fixture
def feed() -> Feed:
    return Feed(Market(1, TEN, instruments=all_instruments()[:3]))


def subscribed(feed: Feed, outbox: Outbox, topic: Topic, **wanted: Any) -> Subscription:
    subscription = Subscription(f"{topic.stream}-{topic.secid}", Wanted(topic, **wanted), outbox)
    feed.subscribe(subscription, TEN)
    return subscription


def contents(outbox: Outbox) -> list[dict[str, Any]]:
    return [json.loads(frame.rstrip(b"\0").partition(b"\n\n")[2]) for frame in outbox.take()]


def merged(contents_: list[dict[str, Any]]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for content in contents_:
        if content["properties"]["type"] == "snapshot":
            state = {}
        state.update(zip(content["columns"], content["data"][0], strict=True))
    return state


def test_the_first_message_is_a_snapshot_with_all_headers_in_order(feed: Feed) -> None:
    outbox = Outbox()
    subscribed(feed, outbox, Topic("orderbooks", "SBER"))
    (frame,) = outbox.take()
    head, _, body = frame.partition(b"\n\n")
    seqnum = json.loads(body.rstrip(b"\0"))["properties"]["seqnum"]
    assert head.decode().split("\n") == [
        "MESSAGE",
        "destination:MXSE.orderbooks",
        "subscription:orderbooks-SBER",
        f"message-id:{seqnum}",
        "content-type:application/json",
    ]
    assert frame.endswith(b"}\0")


def test_order_books_are_snapshots_each_time_and_securities_are_updates(feed: Feed) -> None:
    books, securities = Outbox(), Outbox()
    subscribed(feed, books, Topic("orderbooks", "SBER"))
    subscribed(feed, securities, Topic("securities", "SBER"))
    feed.advance(100, TEN)
    assert {each["properties"]["type"] for each in contents(books)} == {"snapshot"}
    kinds = [each["properties"]["type"] for each in contents(securities)]
    assert kinds[0] == "snapshot"
    assert set(kinds[1:]) == {"updates"}


def test_nobody_gets_what_he_did_not_ask_for(feed: Feed) -> None:
    outbox = Outbox()
    subscribed(feed, outbox, Topic("securities", "GAZP"))
    feed.advance(200, TEN)
    assert {each["data"][0][0] for each in contents(outbox)} == {"MXSE.TQBR.GAZP"}


def test_sequence_numbers_grow_over_the_whole_exchange(feed: Feed) -> None:
    outbox = Outbox()
    for secid in ("SBER", "GAZP", "LKOH"):
        subscribed(feed, outbox, Topic("orderbooks", secid))
        subscribed(feed, outbox, Topic("securities", secid))
    feed.advance(300, TEN)
    numbers = [each["properties"]["seqnum"] for each in contents(outbox)]
    assert numbers == sorted(set(numbers))


def test_a_merged_security_is_what_the_market_says_and_agrees_with_the_book(feed: Feed) -> None:
    books, securities = Outbox(), Outbox()
    subscribed(feed, books, Topic("orderbooks", "SBER"))
    subscribed(feed, securities, Topic("securities", "SBER"))
    feed.advance(500, TEN + 3)
    fresh = Outbox()
    subscribed(feed, fresh, Topic("securities", "SBER"))
    state = merged(contents(securities))
    assert state == merged(contents(fresh))
    levels = contents(books)[-1]["data"]
    assert state["BID"] == max(price for side, price, *_ in levels if side == "B")
    assert state["OFFER"] == min(price for side, price, *_ in levels if side == "S")


def test_all_subscribers_of_a_share_get_the_same_body(feed: Feed) -> None:
    first, second = Outbox(), Outbox()
    subscribed(feed, first, Topic("orderbooks", "SBER"))
    subscribed(feed, second, Topic("orderbooks", "SBER"))
    first.take(), second.take()
    feed.advance(50, TEN)
    assert contents(first) == contents(second) != []


def test_the_budget_is_spent_in_message_frames(feed: Feed) -> None:
    outbox = Outbox()
    for secid in ("SBER", "GAZP", "LKOH"):
        subscribed(feed, outbox, Topic("orderbooks", secid))
    outbox.take()
    assert feed.advance(40.5, TEN) == pytest.approx(0.5)
    assert len(outbox.take()) == 40
    assert feed.advance(0.5, TEN) == 0.5


def test_a_market_that_nobody_watches_ends_its_turn_too(feed: Feed) -> None:
    assert feed.advance(100, TEN) < 1


def test_after_unsubscribing_nothing_comes(feed: Feed) -> None:
    outbox = Outbox()
    for stream in ("orderbooks", "securities"):
        feed.unsubscribe(subscribed(feed, outbox, Topic(stream, "SBER")))
    feed.unsubscribe(subscribed(feed, outbox, Topic("candles", "SBER", "M1")))
    outbox.take()
    feed.advance(100, TEN)
    feed.send_candles(TEN + 60)
    assert outbox.take() == []
    assert feed.subscriptions == 0


def test_what_a_blocked_client_missed_comes_as_one_merged_update(feed: Feed) -> None:
    outbox = Outbox()
    subscription = subscribed(feed, outbox, Topic("securities", "SBER"))
    before = contents(outbox)
    outbox.is_congested = True
    feed.advance(500, TEN + 1)
    assert outbox.take() == []
    outbox.is_congested = False
    feed.catch_up(outbox.take_missed(), TEN + 2)
    late = contents(outbox)
    assert [each["properties"]["type"] for each in late] == ["updates"]
    fresh = Outbox()
    subscribed(feed, fresh, subscription.topic)
    assert merged(before + late) == merged(contents(fresh))


def test_a_blocked_client_that_was_owed_its_first_snapshot_gets_that(feed: Feed) -> None:
    outbox = Outbox(is_congested=True)
    subscribed(feed, outbox, Topic("securities", "SBER"))
    subscribed(feed, outbox, Topic("orderbooks", "SBER"))
    feed.advance(100, TEN)
    outbox.is_congested = False
    feed.catch_up(outbox.take_missed(), TEN)
    assert [(each["properties"]["type"], len(each["columns"])) for each in contents(outbox)] == [
        ("snapshot", 41),
        ("snapshot", 4),
    ]


@pytest.mark.parametrize("interval", ["M1", "M10", "H1", "D1", "W1", "m1", "m3", "Q1"])
def test_candles_of_every_interval_start_with_at_most_256_rows_in_order(feed: Feed, interval: str) -> None:
    outbox = Outbox()
    subscribed(feed, outbox, Topic("candles", "SBER", interval))
    (snapshot,) = contents(outbox)
    starts = [row[0] for row in snapshot["data"]]
    assert 0 < len(starts) <= 256
    assert starts == sorted(set(starts))
    assert snapshot["data"][-1][5] == [feed.market.shares["SBER"].last / 100, 2]


def test_quantity_and_till_limit_the_candles(feed: Feed) -> None:
    outbox = Outbox()
    subscribed(feed, outbox, Topic("candles", "SBER", "D1"), quantity=3, till="2026-01-20 12:00:00")
    (snapshot,) = contents(outbox)
    assert [row[0][:10] for row in snapshot["data"]] == ["2026-01-16", "2026-01-19", "2026-01-20"]


def test_candles_are_updated_one_row_at_a_time_every_five_seconds_and_only_after_trades(feed: Feed) -> None:
    outbox = Outbox()
    subscribed(feed, outbox, Topic("candles", "SBER", "M1"))
    outbox.take()
    assert feed.send_candles(TEN + CANDLES_EVERY_S) == 0
    feed.advance(500, TEN + 6)
    assert feed.send_candles(TEN + 7) == 1
    assert feed.send_candles(TEN + 8) == 0
    (update,) = contents(outbox)
    share = feed.market.shares["SBER"]
    assert update["properties"]["type"] == "updates"
    assert [(row[0], row[5][0]) for row in update["data"]] == [("2026-01-22 10:00:00", share.last / 100)]


def test_a_candle_that_ended_is_sent_once_more_before_the_next_one(feed: Feed) -> None:
    outbox = Outbox()
    subscribed(feed, outbox, Topic("candles", "SBER", "M1"))
    outbox.take()
    feed.advance(300, TEN + 59)
    feed.advance(300, TEN + 61)
    assert feed.send_candles(TEN + 62) == 2
    assert [each["data"][0][:2] for each in contents(outbox)] == [
        ["2026-01-22 10:00:00", "2026-01-22 10:00:59"],
        ["2026-01-22 10:01:00", "2026-01-22 10:01:01"],
    ]
