"""A worker passes on what its connections bring, reports by the same loop, and stops in an orderly way."""

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.queues import Queue
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import msgspec
import pytest

from collector import gathering
from collector import worker as module
from collector.assignment import Assignment
from collector.budget import Budget
from collector.sharding import Shard
from collector.worker import STOP, Worker
from shared.processes import EXIT_OWN_FAILURE, ChildProcess
from shared.quotes import Quote
from shared.settings import CollectorSettings, ExchangeSettings, LogSettings, Settings
from shared.wire import ConnectionState, ConnectionStatus, Counters, Event, QuoteBatch, WorkerReport, decode_upward
from tests.collector.waiting import LIMIT_S, wait_until
from tests.fakes.behaviour import Behaviour
from tests.fakes.gateway import FakeGateway

CONTEXT = multiprocessing.get_context("forkserver")
TICKERS = (("SBER", "GAZP"), ("SBER", "T"))
"""Of two connections; they share one."""

Profile = Literal["economy", "latency"]
QUICK = ExchangeSettings(connect_stagger_s=0.01, subscribe_pause_s=0.0, retry_first_s=0.05, retry_cap_s=0.05)


class Hub:
    """What arrives, folded as the hub would fold it."""

    def __init__(self) -> None:
        self.quotes: dict[str, Quote] = {}
        self.counters = Counters()
        self.statuses: dict[int, ConnectionStatus] = {}
        self.events: list[Event] = []
        self.batches: list[QuoteBatch] = []
        self.reports: list[WorkerReport] = []

    def take(self, data: bytes) -> None:
        message = decode_upward(data)
        if isinstance(message, QuoteBatch):
            self.batches.append(message)
            for change in message.quotes:
                if change.ticker in self.quotes:
                    self.quotes[change.ticker].merge(change)
                else:
                    self.quotes[change.ticker] = change
        else:
            self.reports.append(message)
            self.events += message.events
            for status in message.connections:
                self.counters.add(status.total)
                self.statuses[status.number] = status

    @property
    def states(self) -> set[ConnectionState]:
        return {status.state for status in self.statuses.values()}


class RunningWorker:
    """A Worker in a thread, its end of the queue, and what came out of it."""

    def __init__(self, assignment: Assignment, queue_limit: int) -> None:
        self.hub = Hub()
        self.queue: queue.Queue[bytes] = queue.Queue(queue_limit)
        self._reader, self._writer = os.pipe()
        self.worker = Worker(assignment, cast("Queue[bytes]", self.queue), self._reader, self._writer)
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def drain(self) -> None:
        while not self.queue.empty():
            self.hub.take(self.queue.get())

    def wait_until(self, condition: Callable[[Hub], bool]) -> None:
        def is_so() -> bool:
            self.drain()
            return condition(self.hub)

        wait_until(is_so)

    def stop(self) -> None:
        os.write(self._writer, STOP)
        self.wait_until(lambda _: not self._thread.is_alive())
        self.drain()

    def close(self) -> None:
        if self._thread.is_alive():
            self.stop()
        for descriptor in (self._reader, self._writer, self.worker._wakeup, self.worker._waker):
            os.close(descriptor)


@pytest.fixture(autouse=True)
def frequent_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPORT_INTERVAL_S", 0.02)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as running:
        yield running
        assert running.violations == []


def assignment_for(
    gateway: FakeGateway,
    tickers: Sequence[Sequence[str]] = TICKERS,
    profile: Profile = "economy",
    flush_interval_ms: int = 10,
    **exchange: Any,
) -> Assignment:
    shards = tuple(Shard(number + 10, 2, tuple(hand)) for number, hand in enumerate(tickers))
    settings = Settings(
        exchange=msgspec.structs.replace(QUICK, url=gateway.url, **exchange),
        collector=CollectorSettings(profile=profile, flush_interval_ms=flush_interval_ms),
    )
    return Assignment(2, shards, settings, is_screen_drawn=False, silent_for_s=0.0)


@contextmanager
def running(assignment: Assignment, queue_limit: int = 0) -> Iterator[RunningWorker]:
    made = RunningWorker(assignment, queue_limit)
    try:
        yield made
    finally:
        made.close()


def is_confirmed(hub: Hub) -> bool:
    return len(hub.statuses) == 2 and all(status.confirmed == status.planned for status in hub.statuses.values())


@pytest.mark.parametrize("profile", ["economy", "latency"])
def test_once_the_feed_is_quiet_the_hub_knows_what_was_sent(gateway: FakeGateway, profile: Profile) -> None:
    with running(assignment_for(gateway, profile=profile)) as worker:
        worker.wait_until(is_confirmed)
        gateway.blast(frames=2000)
        ledger = gateway.quiet()
        worker.wait_until(lambda hub: hub.counters.messages == ledger.frames_sent)
        hub = worker.hub
    assert set(hub.statuses) == {10, 11}
    assert hub.counters.updates == sum(quote.updates for quote in hub.quotes.values()) == ledger.frames_sent
    for ticker, sent in ledger.quotes.items():
        quote = hub.quotes[ticker]
        assert (quote.bid and quote.bid.value, quote.ask and quote.ask.value) == (sent.bid, sent.ask)
        assert (quote.last and quote.last.value, quote.volume) == (sent.last, sent.volume)


@pytest.mark.parametrize(("profile", "is_gathered"), [("economy", True), ("latency", False)])
def test_the_profile_says_whether_connections_that_are_online_are_read_together(
    gateway: FakeGateway, profile: Profile, is_gathered: bool
) -> None:
    with running(assignment_for(gateway, profile=profile)) as worker:
        worker.wait_until(lambda hub: hub.states == {ConnectionState.ONLINE} and is_confirmed(hub))
        wait_until(lambda: {one._is_gathered for one in worker.worker._connections} == {is_gathered})


def test_what_comes_after_a_silence_is_passed_on_however_long_the_flush_interval_is(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway, flush_interval_ms=3_600_000)) as worker:
        worker.wait_until(is_confirmed)
        wait_until(lambda: not worker.worker._gathering.is_flowing)
        gateway.blast(frames=1)
        ledger = gateway.quiet()
        worker.wait_until(lambda hub: sum(quote.updates for quote in hub.quotes.values()) == ledger.frames_sent)


def test_a_worker_that_does_not_keep_up_passes_on_and_reports_all_the_same(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it reads, more seems to be left."""
    monkeypatch.setattr(gathering, "READ_SIZE", 1)
    with running(assignment_for(gateway)) as worker:
        worker.wait_until(is_confirmed)
        gateway.start(rate=3000)
        reports, batches = len(worker.hub.reports), len(worker.hub.batches)
        worker.wait_until(lambda hub: len(hub.reports) >= reports + 10 and len(hub.batches) >= batches + 10)


def test_every_batch_holds_a_ticker_once_and_every_message_names_the_worker(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway)) as worker:
        worker.wait_until(is_confirmed)
        gateway.blast(frames=500)
        worker.wait_until(lambda hub: hub.counters.messages >= 500)
        hub = worker.hub
    assert all(len({quote.ticker for quote in batch.quotes}) == len(batch.quotes) for batch in hub.batches)
    assert all(batch.sent_at is not None and batch.sent_at <= time.monotonic() for batch in hub.batches)
    assert {batch.worker for batch in hub.batches} == {report.worker for report in hub.reports} == {2}


def test_reports_come_even_when_there_is_nothing_to_tell(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway, [()])) as worker:
        worker.wait_until(lambda hub: len(hub.reports) >= 4)
        assert worker.hub.batches == []
        assert worker.hub.states == {ConnectionState.ONLINE}


def test_connections_are_opened_one_after_the_other(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway, connect_stagger_s=30.0)) as worker:
        worker.wait_until(lambda hub: bool(hub.statuses) and hub.statuses[10].state is ConnectionState.ONLINE)
        retry_at = worker.hub.statuses[11].retry_at
        assert retry_at is not None
        assert retry_at - time.monotonic() == pytest.approx(30.0, abs=LIMIT_S)
        assert gateway.ledger().connects == 1


def test_while_the_queue_is_full_it_merges_and_nothing_is_lost(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway), queue_limit=1) as worker:
        worker.wait_until(is_confirmed)
        wait_until(worker.queue.full)
        gateway.blast(frames=2000)
        ledger = gateway.quiet()
        wait_until(lambda: sum(one._counters.messages for one in worker.worker._connections) == ledger.frames_sent)
        batches = len(worker.hub.batches)
        worker.wait_until(lambda hub: hub.counters.messages == ledger.frames_sent)
        worker.wait_until(lambda hub: sum(quote.updates for quote in hub.quotes.values()) == ledger.frames_sent)
        assert len(worker.hub.batches) - batches <= 3


def test_coming_online_getting_lost_and_coming_back_are_events(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway, TICKERS[:1], retry_first_s=1.0, retry_cap_s=1.0)) as worker:
        worker.wait_until(lambda hub: hub.states == {ConnectionState.ONLINE})
        gateway.drop(how="reset")
        worker.wait_until(lambda hub: len(hub.events) == 3)
        events = worker.hub.events
    assert {event.source for event in events} == {"connection 11"}
    assert [event.text for event in events] == [
        "online: all subscriptions sent",
        "waiting: connection reset by the peer",
        "online: all subscriptions sent",
    ]
    assert worker.hub.counters.reconnects == 1


def test_a_loss_and_return_between_two_reports_is_an_event(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(assignment_for(gateway, TICKERS[:1])) as worker:
        worker.wait_until(lambda hub: len(hub.events) == 1)
        monkeypatch.setattr(module, "REPORT_INTERVAL_S", 3600.0)
        wait_until(lambda: worker.worker._next_report_at > time.monotonic() + 60)
        gateway.drop(how="reset")
        wait_until(lambda: worker.worker._connections[0]._lifecycle.reconnects == 1)
        wait_until(lambda: worker.worker._connections[0]._lifecycle.state is ConnectionState.ONLINE)
        worker.worker._next_report_at = 0.0
        gateway.blast(frames=1)  # wakes the loop
        worker.wait_until(lambda hub: hub.counters.reconnects == 1)
        reports = len(worker.hub.reports)
        monkeypatch.setattr(module, "REPORT_INTERVAL_S", 0.02)
        worker.worker._next_report_at = 0.0
        gateway.blast(frames=1)
        worker.wait_until(lambda hub: len(hub.reports) >= reports + 3)
        events = worker.hub.events
    assert [event.text for event in events] == [
        "online: all subscriptions sent",
        "online: all subscriptions sent, back after: connection reset by the peer",
    ]


def test_the_same_failure_again_is_no_news(gateway: FakeGateway) -> None:
    gateway.close_port()
    with running(assignment_for(gateway, TICKERS[:1], retry_first_s=0.1, retry_cap_s=0.1)) as worker:
        worker.wait_until(lambda hub: len(hub.reports) >= 20)
        assert [event.text for event in worker.hub.events] == ["waiting: connection refused"]


def test_a_storm_is_told_in_few_lines_and_in_the_end_how_every_connection_stands(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway)) as worker:
        worker.wait_until(is_confirmed)
        for _ in range(30):
            connects = gateway.ledger().connects
            gateway.drop(how="reset")
            gateway.wait_until(lambda ledger, n=connects: ledger.connects == n + 2 == n + ledger.online)  # type: ignore[misc]
        worker.wait_until(lambda hub: hub.counters.reconnects >= 30)
        worker.worker._words = Budget(100, per_second=0)
        worker.wait_until(lambda hub: all(text.startswith("online: ") for text in last_told(hub).values()))
        assert len(worker.hub.events) < 30


def test_that_a_connection_waited_for_its_turn_at_the_start_is_no_change(
    gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    with idle_worker(gateway) as worker, caplog.at_level("INFO"):
        worker._events([one_status(10, ConnectionState.WAITING, "starting", 0)])
        worker._events([one_status(10, ConnectionState.ONLINE, "all subscriptions sent", 1)])
    assert caplog.messages == ["connection 11 is online: all subscriptions sent"]


NIGHT_S = 8 * 3600


def one_status(number: int, state: ConnectionState, reason: str, since: float) -> ConnectionStatus:
    return ConnectionStatus(number, 2, state, reason, since, planned=2)


@contextmanager
def idle_worker(gateway: FakeGateway, silent_for_s: float = 0.0) -> Iterator[Worker]:
    """One that is never run."""
    reader, writer = os.pipe()
    assignment = msgspec.structs.replace(assignment_for(gateway), silent_for_s=silent_for_s)
    worker = Worker(assignment, cast("Queue[bytes]", queue.Queue()), reader, writer)
    yield worker
    for descriptor in (reader, writer, worker._wakeup, worker._waker):
        os.close(descriptor)


def test_after_a_night_of_the_same_failure_its_two_lines_say_how_often_it_was(
    gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    with idle_worker(gateway) as worker, caplog.at_level("INFO"):
        for now in range(0, NIGHT_S, 60):
            worker._events([one_status(10, ConnectionState.WAITING, "connection refused", now)])
            worker._events([one_status(10, ConnectionState.WAITING, "connection refused", now)])
        worker._events([one_status(10, ConnectionState.ONLINE, "all subscriptions sent", NIGHT_S)])
    assert caplog.messages == [
        "connection 11 is waiting: connection refused",
        f"connection 11 is online: all subscriptions sent; {NIGHT_S // 60 - 1} more changes since the last such line",
    ]


def test_a_connection_that_is_lost_or_refused_is_a_warning_and_one_that_is_back_is_none(
    gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    states = (ConnectionState.ONLINE, ConnectionState.WAITING, ConnectionState.REFUSED, ConnectionState.ONLINE)
    with idle_worker(gateway) as worker, caplog.at_level("INFO"):
        for now, state in enumerate(states):
            worker._events([one_status(10, state, "as it is", now)])
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "WARNING", "INFO"]


def test_refused_tickers_are_told_once_those_of_a_connection_in_one_line(
    gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    status = one_status(10, ConnectionState.SUBSCRIBING, "login accepted", 0)
    with idle_worker(gateway) as worker, caplog.at_level("INFO"):
        status.refusals = {"ZZZZ": "gateway.invalidrequest"}
        assert [event.text for event in worker._events([status])] == ["refused ZZZZ: gateway.invalidrequest"]
        status.refusals |= {f"T{number}": "closed" for number in range(7)}
        assert worker._events([status]) != []
        assert worker._events([status]) == []
    assert caplog.messages == [
        "connection 11: refused ZZZZ: gateway.invalidrequest",
        "connection 11: refused T0: closed; T1: closed; T2: closed; T3: closed; T4: closed; 2 more",
    ]


def test_a_night_of_changes_is_told_in_few_lines_and_counts_the_others(
    gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    with idle_worker(gateway) as worker, caplog.at_level("INFO"):
        worker._words = Budget(10, per_second=0)
        for now in range(100):
            state = ConnectionState.ONLINE if now % 2 else ConnectionState.WAITING
            worker._events([one_status(10, state, "as it is", now)])
        worker._words = Budget(10, per_second=0)
        worker._events([one_status(10, ConnectionState.REFUSED, "Access denied", 100)])
    assert len(caplog.messages) == 11
    assert caplog.messages[-1] == "connection 11 is refused: Access denied; 90 more changes since the last such line"


def test_one_that_takes_the_place_of_many_that_died_tells_of_its_connections_once_it_has_lived_for_a_while(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: Any = SimpleNamespace(time=lambda: 0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", clock)
    status = one_status(10, ConnectionState.ONLINE, "all subscriptions sent", 0)
    with idle_worker(gateway, silent_for_s=600.0) as worker:
        for clock.now in (1000.0, 1599.0):
            assert worker._events([status]) == []
        clock.now = 1601.0
        assert [event.text for event in worker._events([status])] == ["online: all subscriptions sent"]


def last_told(hub: Hub) -> dict[str, str]:
    return {event.source: event.text for event in hub.events}


def test_whoever_is_let_in_calls_the_others(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.lifecycle.backoff", lambda *_, **__: 3600.0)
    with running(assignment_for(gateway)) as worker:
        worker.wait_until(is_confirmed)
        gateway.drop(how="reset")
        worker.wait_until(lambda hub: hub.states == {ConnectionState.WAITING})
        worker.worker._connections[0].hurry(0.0)
        worker.wait_until(lambda hub: is_confirmed(hub) and hub.states == {ConnectionState.ONLINE})


def test_while_all_wait_one_tries_now_and_then(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.lifecycle.backoff", lambda *_, **__: 3600.0)
    monkeypatch.setattr("collector.probing.SHORTEST_CALM_S", 0.1)
    monkeypatch.setattr("collector.probing.LONGEST_CALM_S", 0.2)
    monkeypatch.setattr("collector.probing.CALL_SPREAD_S", 0.0)
    with running(assignment_for(gateway)) as worker:
        worker.wait_until(is_confirmed)
        gateway.drop(how="reset")
        worker.wait_until(lambda hub: hub.counters.reconnects == 2)


def test_a_gateway_that_never_answers_is_given_up(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(upgrade="hold"))
    with running(
        assignment_for(gateway, TICKERS[:1], open_timeout_s=0.3, retry_first_s=9.0, retry_cap_s=9.0)
    ) as worker:
        worker.wait_until(lambda hub: any("no WebSocket within 0.3 s" in event.text for event in hub.events))


@pytest.mark.parametrize(("woken", "level"), [("nD", "debug"), ("nEnnW", "warning"), ("DIn", "info"), ("n", None)])
def test_of_the_levels_that_it_is_told_it_obeys_the_last(
    woken: str, level: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    obeyed: list[str | None] = []
    monkeypatch.setattr("shared.logs.set_level", obeyed.append)
    module._obey_level(woken.encode())
    assert (obeyed or [None]) == [level]


# ---- stopping


def test_stopping_says_goodbye_everywhere_and_ends_with_a_last_report(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway)) as worker:
        worker.wait_until(is_confirmed)
        gateway.start(rate=3000)
        gateway.wait_until(lambda ledger: ledger.frames_sent > 300)
        worker.stop()
        ledger = gateway.wait_until(lambda ledger: ledger.disconnect_frames == ledger.disconnects == 2)
        reports = worker.hub.reports
    assert [report.is_last for report in reports] == [False] * (len(reports) - 1) + [True]
    assert worker.hub.counters.messages == ledger.frames_sent
    assert sum(quote.updates for quote in worker.hub.quotes.values()) == ledger.frames_sent


def test_stopping_does_not_wait_for_the_flush_interval(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway, flush_interval_ms=3_600_000)) as worker:
        worker.wait_until(is_confirmed)
        gateway.start(rate=1000)
        wait_until(lambda: worker.worker._gathering.is_flowing)
        worker.stop()
        assert worker.hub.reports[-1].is_last


def test_stopping_is_bounded_when_no_gateway_answers(gateway: FakeGateway) -> None:
    with running(assignment_for(gateway)) as worker:
        worker.wait_until(is_confirmed)
        gateway.freeze()
        worker.stop()
        assert worker.hub.reports[-1].is_last


# ---- as a process


def fail_in_a_worker(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    """A worker whose loop fails."""

    def fail(self: Worker) -> None:
        raise ZeroDivisionError

    Worker._pass_on = fail  # type: ignore[method-assign]
    ChildProcess(target=module.main, args=(assignment, outlet)).run()


def with_log(assignment: Assignment, path: Path) -> Assignment:
    settings = msgspec.structs.replace(assignment.settings, log=LogSettings(file=str(path)))
    return msgspec.structs.replace(assignment, settings=settings, is_screen_drawn=True)


def test_sigterm_ends_the_process_in_an_orderly_way(gateway: FakeGateway, tmp_path: Path) -> None:
    outlet: Queue[bytes] = CONTEXT.Queue(256)
    process = CONTEXT.Process(target=module.main, args=(with_log(assignment_for(gateway), tmp_path / "log"), outlet))
    process.start()
    hub = Hub()
    while not is_confirmed(hub):
        hub.take(outlet.get(timeout=LIMIT_S))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.terminate()
    while not hub.reports[-1].is_last:
        hub.take(outlet.get(timeout=LIMIT_S))
    process.join(LIMIT_S)
    assert process.exitcode == 0
    assert gateway.ledger().disconnect_frames == 2
    lines = (tmp_path / "log").read_text().splitlines()
    assert all(" worker-3 " in line for line in lines)
    assert any("connection 11 is online" in line for line in lines)
    outlet.close()


def test_a_worker_that_fails_says_why_in_the_log_and_nothing_on_the_screen(
    gateway: FakeGateway, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spawn = multiprocessing.get_context("spawn")  # inherits what is standard error here and now
    outlet: Queue[bytes] = spawn.Queue(256)
    assignment = with_log(assignment_for(gateway), tmp_path / "log")
    process = spawn.Process(target=fail_in_a_worker, args=(assignment, outlet))
    process.start()
    process.join(LIMIT_S)
    assert process.exitcode == EXIT_OWN_FAILURE
    assert "ZeroDivisionError" in (tmp_path / "log").read_text()
    assert capfd.readouterr().err == ""
    outlet.close()
