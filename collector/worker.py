"""What a worker process runs: its connections, and the loop that passes on what they bring.

The hub learns that a worker is alive from the reports of that same loop, so they cannot go on while it is stuck.
"""

import logging
import os
import select
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from multiprocessing.queues import Queue
from random import Random

from collector.assignment import Assignment
from collector.budget import Budget
from collector.connection import Connection
from collector.gathering import Gathering
from collector.issplus import subscriptions
from collector.lifecycle import STARTING
from collector.outbox import Outbox
from collector.probing import Probing
from collector.sharding import Shard
from shared import logs, processes
from shared.timing import Deadline
from shared.wire import ConnectionState, ConnectionStatus, Event, QuoteBatch, Upward, WorkerReport, encode

REPORT_INTERVAL_S = 0.5
SETTLE_S = 0.005
"""Connections that were woken together bring their news within this time: one batch instead of five."""

NEWS, STOP = b"n", b"s"
LEVELS = {"debug": b"D", "info": b"I", "warning": b"W", "error": b"E"}
"""What wakes the loop to log from that level on."""

STOP_LIMIT_S = 1.5
TOLD = {
    ConnectionState.ONLINE: logging.INFO,
    ConnectionState.WAITING: logging.WARNING,
    ConnectionState.REFUSED: logging.WARNING,
}
UNTOLD = (ConnectionState.WAITING, STARTING)
LINES_A_SECOND = 2.0
"""What all workers together log of their connections, once each has used up its `Worker._words`."""

REFUSALS_TOLD = 5
"""Tickers that one line names."""

log = logging.getLogger(__name__)


def main(assignment: Assignment, queue: "Queue[bytes]") -> None:
    """What a worker process runs. Returns after SIGTERM; does not outlive the supervisor."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    processes.become_child(
        on_terminate=lambda: os.write(writer, STOP), on_level=lambda level: os.write(writer, LEVELS[level])
    )
    settings = assignment.settings
    logs.configure(
        f"worker-{assignment.worker + 1}",
        settings.log,
        screen=assignment.is_screen_drawn,
        secrets=[settings.credentials.passcode.reveal()],
    )
    Worker(assignment, queue, reader, writer).run()


class Worker:
    """The connections of one worker, their common outbox, and the way to the hub. Lives in the main thread."""

    def __init__(self, assignment: Assignment, queue: "Queue[bytes]", reader: int, writer: int) -> None:
        """`reader` and `writer` are the ends of a pipe that wakes the loop: NEWS of the outbox, a level, or STOP."""
        self._number = assignment.worker
        self._settings = assignment.settings
        self._queue = queue
        self._reader = reader
        self._wakeup, self._waker = os.pipe()
        self._outbox = Outbox(on_news=lambda: os.write(writer, NEWS))
        self._gathering = Gathering(reader, lambda: os.write(writer, NEWS), self._flush_interval_s)
        self._probing = Probing(Random())
        self._told: dict[int, tuple[ConnectionState, str]] = {}
        self._refused: set[str] = set()
        self._returns: Counter[int] = Counter()
        self._entered_at: dict[int, float] = {}
        self._untold: Counter[int] = Counter()
        self._words = Budget(
            2 * len(assignment.shards) + 4,
            LINES_A_SECOND / self._settings.collector.workers,
            assignment.silent_for_s,
        )
        self._next_report_at = self._passed_on_at = 0.0
        self._connections = [self._connection(shard) for shard in assignment.shards]

    def _connection(self, shard: Shard) -> Connection:
        settings = self._settings
        return Connection(
            shard.connection,
            self._number,
            subscriptions(shard.tickers, settings.exchange.streams, settings.instruments.board),
            settings.exchange,
            settings.credentials,
            self._outbox,
            self._wakeup,
            self._gathering if settings.collector.profile == "economy" else None,
        )

    @property
    def _flush_interval_s(self) -> float:
        return self._settings.collector.flush_interval_ms / 1000

    def run(self) -> None:
        """Read what the connections leave to this thread and pass it on until told to stop, then stop in an orderly
        way."""
        for index, connection in enumerate(self._connections):
            connection.start(index * self._settings.exchange.connect_stagger_s)
        while STOP not in (woken := self._woken()):
            _obey_level(woken)
            self._gathering.read()
            if not self._gathering.is_behind or self._is_flush_due:
                self._pass_on()
        self._stop()

    def _woken(self) -> bytes:
        """Wait until there is something to do. Returns what the pipe says of it."""
        if not self._gathering.wait(max(0.0, self._next_report_at - time.monotonic())):
            return b""
        woken = os.read(self._reader, 4096)
        if STOP not in woken and select.select([self._reader], [], [], SETTLE_S)[0]:
            woken += os.read(self._reader, 4096)
        return woken

    @property
    def _is_flush_due(self) -> bool:
        return time.monotonic() >= self._passed_on_at + self._flush_interval_s

    def _pass_on(self) -> None:
        """Send what there is; while the queue is full, the outbox and the counters go on merging instead."""
        if not self._queue.full() and (quotes := self._outbox.take()):
            self._passed_on_at = time.monotonic()
            self._send(QuoteBatch(self._number, quotes, self._passed_on_at))
        now = time.monotonic()
        if now >= self._next_report_at:
            self._next_report_at = now + REPORT_INTERVAL_S
            self._look_after_attempts(now)
            if not self._queue.full():
                self._report(is_last=False)

    def _look_after_attempts(self, now: float) -> None:
        for connection in self._connections:
            connection.check()
        standings = {index: connection.standing() for index, connection in enumerate(self._connections)}
        for index, within_s in self._probing.hurried(standings, now).items():
            self._connections[index].hurry(within_s)

    def _report(self, *, is_last: bool) -> None:
        statuses = [connection.status() for connection in self._connections]
        is_simulated = any(connection.is_simulated for connection in self._connections)
        self._send(WorkerReport(self._number, statuses, self._events(statuses), is_simulated, is_last))

    def _events(self, statuses: Sequence[ConnectionStatus]) -> list[Event]:
        """Tell a person of connections that came online, were lost or were refused; the steps between are not news,
        and neither is the same failure again: a gateway that is down all night does not fill a disk. In a storm what
        is oldest is told first, and of a connection that changes faster than it can be told, how it stands then."""
        events = []
        for status in sorted(statuses, key=lambda status: status.since):
            number = status.number
            self._returns[number] += status.total.reconnects
            if (text := self._news(status)) is not None and self._words.spend(time.monotonic()):
                self._told[number] = (status.state, status.reason)
                self._returns[number] = 0
                events.append(Event(time.time(), f"connection {number + 1}", f"{status.state}: {text}"))
                level = TOLD[status.state]
                log.log(level, "connection %d is %s: %s%s", number + 1, status.state, text, self._more(number))
            elif status.state in TOLD and self._entered_at.get(number) != status.since:
                self._untold[number] += (status.state, status.reason) != UNTOLD
            self._entered_at[number] = status.since
        return events + self._refusals(statuses)

    def _refusals(self, statuses: Sequence[ConnectionStatus]) -> list[Event]:
        """Each ticker that was refused is told once, those of one connection together."""
        events = []
        for status in statuses:
            news = {ticker: reason for ticker, reason in status.refusals.items() if ticker not in self._refused}
            if news and self._words.spend(time.monotonic()):
                self._refused |= news.keys()
                text = _refusal_text(news)
                events.append(Event(time.time(), f"connection {status.number + 1}", text))
                log.warning("connection %d: %s", status.number + 1, text)
        return events

    def _more(self, number: int) -> str:
        """What the log says of the changes that it was not told: the same failure again, or too many of them."""
        untold = self._untold.pop(number, 0)
        return f"; {untold} more {'change' if untold == 1 else 'changes'} since the last such line" if untold else ""

    def _news(self, status: ConnectionStatus) -> str | None:
        """What is to be told of a connection, None: nothing. One that was lost and is back between two reports shows
        the state that was told last."""
        if status.state not in TOLD:
            return None
        if (status.state, status.reason) != self._told.get(status.number, UNTOLD):
            return status.reason
        if status.state is ConnectionState.ONLINE and self._returns[status.number]:
            return f"{status.reason}, back after: {status.last_loss}"
        return None

    def _send(self, message: Upward) -> None:
        self._queue.put(encode(message))

    def _stop(self) -> None:
        """Say goodbye on every connection, then pass on all that was received."""
        deadline = Deadline(STOP_LIMIT_S)
        for connection in self._connections:
            connection.stop()
        os.write(self._waker, b"\0")
        for connection in self._connections:
            connection.join(deadline.remaining())
        if quotes := self._outbox.take():
            self._send(QuoteBatch(self._number, quotes, time.monotonic()))
        self._report(is_last=True)


def _refusal_text(reasons: Mapping[str, str]) -> str:
    told = "; ".join(f"{ticker}: {reason}" for ticker, reason in islice(reasons.items(), REFUSALS_TOLD))
    more = len(reasons) - REFUSALS_TOLD
    return f"refused {told}" + (f"; {more} more" if more > 0 else "")


def _obey_level(woken: bytes) -> None:
    """Of several levels the last one counts."""
    at = {woken.rfind(said): level for level, said in LEVELS.items()}
    if (last := max(at)) >= 0:
        logs.set_level(at[last])
