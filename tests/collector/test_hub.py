"""The hub: what workers send lands in one market, and whoever watches gets pictures of it."""

import multiprocessing
import multiprocessing.resource_tracker
import os
import struct
import threading
import time
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.reduction import ForkingPickler
from typing import Self

import pytest

from collector import hub as module
from collector.hub import Hub
from shared.book import book_of
from shared.market import Market
from shared.quotes import Quote, Stamp
from shared.wire import (
    ConnectionState,
    ConnectionStatus,
    Counters,
    Picture,
    QuoteBatch,
    Request,
    Totals,
    WorkerReport,
    decode_picture,
    encode,
)
from tests.collector.waiting import LIMIT_S, nothing_left_over, wait_until

CONTEXT = multiprocessing.get_context("forkserver")


@pytest.fixture
def market() -> Market:
    return Market(Totals(started_at=time.monotonic(), connections=2, tickers_per_connection=1, gateway="test"))


@pytest.fixture
def hub(market: Market) -> Hub:
    return Hub(market)


def batch(worker: int, ticker: str, price: float = 1.0) -> QuoteBatch:
    book = book_of([(price, 1)], [], 2)
    return QuoteBatch(worker, [Quote(ticker, 1, book, time.monotonic(), Stamp(time.time() * 1000, 1))])


def report(worker: int, messages: int = 1) -> WorkerReport:
    status = ConnectionStatus(worker, worker, ConnectionState.ONLINE, "", 0.0, 1, total=Counters(messages=messages))
    return WorkerReport(worker, [status], [])


class Pipe:
    """The worker's end of a queue that the hub drains. What is put is on its way at once, without a feeder thread."""

    def __init__(self, hub: Hub, worker: int) -> None:
        self._hub, self._worker = hub, worker
        self._queue: Queue[bytes] = CONTEXT.Queue(16)
        hub.add_worker(worker, self._queue)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._hub.finish_worker(self._worker)
        del self._queue

    def put(self, data: object) -> None:
        self._queue._sem.acquire()  # type: ignore[attr-defined]
        self._queue._writer.send_bytes(ForkingPickler.dumps(data))  # type: ignore[attr-defined]

    def write(self, data: bytes) -> None:
        """A part of what `put` would write."""
        os.write(self._queue._writer.fileno(), data)  # type: ignore[attr-defined]

    def write_all(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._queue._writer.fileno(), data) :]  # type: ignore[attr-defined]

    def close(self) -> None:
        """What the kernel does when the worker dies."""
        self._queue._writer.close()  # type: ignore[attr-defined]


# ---- workers


def test_what_two_workers_send_lands_in_one_market(hub: Hub, market: Market) -> None:
    with Pipe(hub, 0) as first, Pipe(hub, 1) as second:
        first.put(encode(batch(0, "SBER")))
        second.put(encode(batch(1, "GAZP")))
        first.put(encode(report(0, messages=3)))
        second.put(encode(report(1, messages=4)))
        wait_until(lambda: market.totals.counters.messages == 7)
    assert set(market.quotes) == {"SBER", "GAZP"}
    assert set(market.connections) == {0, 1}
    assert market.totals.latency_p50_ms is None


def test_the_age_of_a_queue_is_how_long_a_batch_was_on_its_way(hub: Hub, market: Market) -> None:
    with Pipe(hub, 0) as queue:
        sent_at = time.monotonic() - 5.0
        queue.put(encode(QuoteBatch(0, [], sent_at)))
        wait_until(lambda: market.revision == 1)
        market.sample(time.monotonic())
        assert market.totals.queue_age_s is not None
        assert 5.0 <= market.totals.queue_age_s <= time.monotonic() - sent_at


def test_a_report_is_a_sign_of_life_and_a_batch_is_none(hub: Hub, market: Market) -> None:
    with Pipe(hub, 0) as queue:
        queue.put(encode(batch(0, "SBER")))
        wait_until(lambda: len(market.quotes) == 1)
        assert hub.reported_at(0) is None
        before = time.monotonic()
        queue.put(encode(report(0)))
        wait_until(lambda: hub.reported_at(0) is not None)
        assert before <= (hub.reported_at(0) or 0) <= time.monotonic()


def test_a_new_incarnation_has_not_reported_yet(hub: Hub) -> None:
    with Pipe(hub, 0) as queue:
        queue.put(encode(report(0)))
        wait_until(lambda: hub.reported_at(0) is not None)
    with Pipe(hub, 0):
        assert hub.reported_at(0) is None


@pytest.mark.parametrize("data", [b"\xc1junk", b"", encode(Request.NEXT), {"not": "bytes"}])
def test_what_cannot_be_read_is_logged_and_the_next_message_is_taken(
    hub: Hub, market: Market, data: object, caplog: pytest.LogCaptureFixture
) -> None:
    with Pipe(hub, 2) as queue:
        queue.put(data)
        queue.put(encode(report(2)))
        wait_until(lambda: market.totals.counters.messages == 1)
    assert "worker 3 sent what cannot be used" in caplog.text


def test_a_watcher_is_told_when_each_worker_reported(hub: Hub, market: Market) -> None:
    with Pipe(hub, 1) as queue:
        queue.put(encode(report(1)))
        wait_until(lambda: hub.reported_at(1) is not None)
    assert market.totals.reported_at == {1: hub.reported_at(1)}
    with Pipe(hub, 1):
        assert market.totals.reported_at == {}


def test_finishing_takes_what_was_left(hub: Hub, market: Market) -> None:
    with Pipe(hub, 0) as queue:
        for _ in range(10):
            queue.put(encode(report(0)))
    assert market.totals.counters.messages == 10


def test_finishing_a_worker_that_never_was_is_harmless(hub: Hub) -> None:
    hub.finish_worker(7)
    assert hub.reported_at(7) is None


def test_a_queue_whose_worker_is_gone_leaves_no_thread_and_no_descriptor(hub: Hub) -> None:
    multiprocessing.resource_tracker.ensure_running()
    with nothing_left_over(), Pipe(hub, 0):
        pass


def test_a_worker_killed_in_the_middle_of_a_message_holds_nothing_up(hub: Hub, market: Market) -> None:
    """The pipe says that 1000 bytes follow, and then ends."""
    with nothing_left_over(), Pipe(hub, 0) as broken:
        broken.write(struct.pack("!i", 1000) + b"abc")
        with Pipe(hub, 1) as other:
            other.put(encode(report(1)))
            wait_until(lambda: market.totals.counters.messages == 1)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_wherever_in_a_message_a_worker_is_killed_its_drain_ends(hub: Hub, market: Market, share: float) -> None:
    """A message longer than the pipe holds: its reader is in the middle of it already."""
    content = bytes(ForkingPickler.dumps(b"x" * 300_000))
    message = struct.pack("!i", len(content)) + content
    with nothing_left_over(), Pipe(hub, 0) as broken, Pipe(hub, 1) as other:
        broken.put(encode(report(0)))
        broken.write_all(message[: int(len(message) * share)])
        other.put(encode(report(1)))
        wait_until(lambda: market.totals.counters.messages == 2)
        broken.close()
        wait_until(lambda: not any(thread.name == "drain-1" for thread in threading.enumerate()))
        other.put(encode(report(1)))
        wait_until(lambda: market.totals.counters.messages == 3)


def test_a_drain_that_hangs_in_a_message_is_given_up_and_not_listened_to_any_more(hub: Hub, market: Market) -> None:
    """Somebody else holds the writing end: the rest may still come, long after the worker was replaced."""
    queue = Pipe(hub, 0)
    data = bytes(ForkingPickler.dumps(encode(report(0))))
    queue.write(struct.pack("!i", len(data)))
    hub.finish_worker(0)
    queue.write(data)
    queue.close()
    wait_until(lambda: not any(thread.name == "drain-1" for thread in threading.enumerate()))
    assert market.totals.counters.messages == 0
    assert hub.reported_at(0) is None


# ---- watchers


class Watcher:
    """The other end of what the hub feeds."""

    def __init__(self, hub: Hub) -> None:
        self.quits = 0
        self.end, theirs = CONTEXT.Pipe(duplex=True)
        hub.add_watcher(theirs, self._quit)

    def _quit(self) -> None:
        self.quits += 1

    def next(self) -> Picture:
        self.end.send_bytes(encode(Request.NEXT))
        assert self.end.poll(LIMIT_S)
        return decode_picture(self.end.recv_bytes())


@pytest.fixture
def watcher(hub: Hub) -> Iterator[Watcher]:
    with nothing_left_over():
        made = Watcher(hub)
        yield made
        made.end.close()
        wait_until(lambda: not any(thread.name == "watcher" for thread in threading.enumerate()))


def change(hub: Hub, ticker: str) -> None:
    hub.update(lambda market: market.apply(batch(0, ticker), time.time() * 1000))


def test_the_first_picture_is_whole_and_the_next_holds_only_what_changed(hub: Hub, watcher: Watcher) -> None:
    change(hub, "SBER")
    change(hub, "GAZP")
    hub.tell("test", "first")
    first = watcher.next()
    change(hub, "GAZP")
    hub.tell("test", "second")
    second = watcher.next()
    assert {quote.ticker for quote in first.quotes} == {"SBER", "GAZP"}
    assert {quote.ticker for quote in second.quotes} == {"GAZP"}
    assert [[event.text for event in picture.events] for picture in (first, second)] == [["first"], ["second"]]


def test_the_plan_is_in_the_first_picture_of_each_watcher_and_not_in_the_next(hub: Hub, watcher: Watcher) -> None:
    hub.update(lambda market: market.plan([], 2, "the test", [("SBER", "GAZP"), ("SBER",)]))
    assert watcher.next().plan == [["SBER", "GAZP"], ["SBER"]]
    change(hub, "SBER")
    assert watcher.next().plan is None
    other = Watcher(hub)
    assert other.next().plan == [["SBER", "GAZP"], ["SBER"]]
    other.end.close()


def test_the_first_picture_of_an_empty_market_comes_at_once(
    hub: Hub, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PICTURE_INTERVAL_S", 3600.0)
    assert watcher.next().quotes == []


def test_without_changes_a_picture_comes_all_the_same_after_a_while(
    hub: Hub, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PICTURE_INTERVAL_S", 0.05)
    change(hub, "SBER")
    assert len(watcher.next().quotes) == 1
    assert watcher.next().quotes == []


def test_a_change_ends_the_wait_for_the_next_picture(
    hub: Hub, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PICTURE_INTERVAL_S", 3600.0)
    watcher.next()
    timer = threading.Timer(0.05, change, (hub, "SBER"))
    timer.start()
    assert [quote.ticker for quote in watcher.next().quotes] == ["SBER"]
    timer.join()


def test_nothing_is_sent_without_being_asked_for(hub: Hub, watcher: Watcher) -> None:
    watcher.next()
    for _ in range(100):
        change(hub, "SBER")
    assert not watcher.end.poll(0.1)


def test_quit_calls_back_and_pictures_go_on(hub: Hub, watcher: Watcher) -> None:
    watcher.end.send_bytes(encode(Request.QUIT))
    wait_until(lambda: watcher.quits == 1)
    assert watcher.next().quotes == []


def test_a_request_without_end_is_not_read(hub: Hub, watcher: Watcher) -> None:
    watcher.end.send_bytes(b"x" * (module.REQUEST_LIMIT + 1))
    with pytest.raises((EOFError, OSError)):
        watcher.end.recv_bytes()


def test_a_watcher_that_sends_junk_is_let_go(hub: Hub, watcher: Watcher, caplog: pytest.LogCaptureFixture) -> None:
    watcher.end.send_bytes(b"\xc1junk")
    with pytest.raises(EOFError):
        watcher.end.recv_bytes()
    wait_until(lambda: "a watcher cannot be fed" in caplog.text)


def test_a_watcher_that_never_reads_holds_nothing_up(
    hub: Hub, market: Market, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pipe is full: the sending of a picture blocks."""
    monkeypatch.setattr(module, "PICTURE_INTERVAL_S", 0.05)
    for number in range(3000):
        change(hub, f"T{number}")
    watcher.end.send_bytes(encode(Request.NEXT))
    watcher.end.send_bytes(encode(Request.NEXT))
    with Pipe(hub, 0) as queue:
        queue.put(encode(report(0)))
        wait_until(lambda: market.totals.counters.messages == 1)
        other = Watcher(hub)
        assert len(other.next().quotes) == 3000
        other.end.close()


def test_a_watcher_that_dies_is_forgotten(hub: Hub, market: Market) -> None:
    with nothing_left_over():
        watcher = Watcher(hub)
        watcher.next()
        watcher.end.close()
    hub.tell("test", "still here")
    assert len(market.events) == 1


# ---- the program itself


def test_the_market_is_read_while_nobody_changes_it(hub: Hub, market: Market) -> None:
    assert hub.read(lambda market: market.totals.gateway) == "test"
    changing = threading.Thread(target=hub.tell, args=("test", "meanwhile"))

    def look(market: Market) -> int:
        changing.start()
        changing.join(0.1)
        return len(market.events)

    assert hub.read(look) == 0
    changing.join()
    assert len(market.events) == 1


def test_what_is_told_becomes_an_event(hub: Hub, market: Market) -> None:
    hub.tell("worker 3", "killed by SIGKILL")
    [event] = market.events
    assert (event.source, event.text) == ("worker 3", "killed by SIGKILL")
    assert abs(event.time - time.time()) < 60
