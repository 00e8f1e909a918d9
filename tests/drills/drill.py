"""What every drill has in common: the real program against the tests' exchange, and the checks that end each drill."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

from shared.figures import number
from shared.market import Market
from tests.fakes.gateway import GatewayProcess
from tests.fakes.ledger import Ledger
from tests.process.program import LIMIT_S, Program, wait_for

Record = Callable[[str, object], None]
"""pytest's record_property: what was measured goes into the report of `--junitxml`."""

STREAMS = 2
CONFIG = """
[exchange]
ping_interval_s = 5
dead_after_s = 12
retry_first_s = 0.5
retry_cap_s = 5
connect_stagger_s = 0
subscribe_pause_s = 0
[collector]
workers = 2
connections = 4
tickers_per_connection = 10
[instruments]
seed = 1
[display]
status_interval_s = 0.5
"""
"""The drills' own settings: a dead peer has to be noticed within 15 s with them."""

BACK_WITHIN_S = 60.0
TRUTH_WITHIN_S = 2.0
WARM_UP_FRAMES = 100_000

BETWEEN_LOOKS_S = 0.2
ROOM_MB = 5.0
FRESH_PROCESSES_MB = 15.0
"""By which processes that were forked stop sharing pages, in their first minutes."""


class Held(NamedTuple):
    """What the program holds at one moment, over all its processes."""

    processes: int
    threads: int
    descriptors: int
    pss_mb: float


class Drill:
    """A program that is led to an exchange, perhaps through a forwarder. Made by the fixture `drill`.

    A drill is a fault between `begin` and `end`.
    """

    def __init__(
        self,
        program: Program,
        gateway: GatewayProcess,
        connections: int,
        tickers: int,
        truth_within_s: float = TRUTH_WITHIN_S,
        record: Record = lambda name, value: None,
    ) -> None:
        self.program = program
        self.gateway = gateway
        self.connections = connections
        self.subscriptions = connections * tickers * STREAMS
        self._truth_within_s = truth_within_s
        self._record = record
        self._before: Held | None = None

    def begin(self, rate: float = 500, *, is_warm: bool = False) -> int:
        """Until it is online, under a feed of so many messages a second: what it holds now, it is to hold at the end.

        Returns how many connections the exchange has counted. Warm: as after some minutes of a feed.
        """
        connects = self.wait_until_online().connects
        wait_until_all_report(self.program)
        if is_warm:
            self.warm_up()
        if rate:
            self.gateway.start(rate=rate)
        self._before = self.held()
        return connects

    def wait_until_online(self, within_s: float = LIMIT_S) -> Ledger:
        """Until the exchange has every subscription on as many connections as there are to be."""
        return self.gateway.wait_until(
            lambda ledger: ledger.online == self.connections and ledger.subscriptions == self.subscriptions, within_s
        )

    def wait_until_back(self, connects: int, within_s: float = BACK_WITHIN_S) -> None:
        """Until the exchange has counted so many connections, and has all of now with all their subscriptions."""
        self.gateway.wait_until(lambda ledger: ledger.connects >= connects, within_s)
        self.wait_until_online(within_s)

    def drop_all(self) -> None:
        """End every connection once, and wait until all are back."""
        connects = self.gateway.ledger().connects
        self.gateway.drop()
        self.wait_until_back(connects + self.connections, within_s=30)

    def warm_up(self) -> None:
        """Have it read so much that whatever it keeps of what it has seen is full, as after some minutes of a feed."""
        self.gateway.blast(WARM_UP_FRAMES, within_s=2 * LIMIT_S)  # some seconds of processor time by itself
        sent = self.gateway.quiet().frames_sent  # to the sockets of this machine, which hold most of it
        wait_for(lambda: self.program.market().totals.counters.messages >= sent, "all of it is read")

    def held(self) -> Held:
        """As seen twice: a file that is open for a moment, or the thread of a viewer that has left, is not held."""
        seen = self._held_at_this_moment()
        for _ in range(20):
            time.sleep(BETWEEN_LOOKS_S)
            before, seen = seen, self._held_at_this_moment()
            if seen[:3] == before[:3]:
                break
        return seen

    def _held_at_this_moment(self) -> Held:
        pids = self.program.session()
        return Held(
            processes=len(pids),
            threads=sum(_entries(pid, "task") for pid in pids),
            descriptors=sum(_entries(pid, "fd") for pid in pids),
            pss_mb=sum(map(_pss_mb, pids)),
        )

    def wait_until_held(self, before: Held, more_mb: float = ROOM_MB) -> Held:
        """Until as many processes, threads and descriptors are there as before, and hardly more memory; that state."""

        def as_before() -> Held | None:
            now = self.held()
            return now if now[:3] == before[:3] and now.pss_mb < before.pss_mb + more_mb else None

        held = wait_for(as_before, f"as before: {before}, now {self.held()}")
        assert held is not None
        return held

    def cpu_s(self) -> float:
        """Processor seconds of all processes that are alive, and of the children that they have reaped."""
        ticks = 0
        for pid in self.program.session():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def end(self, reconnects: int = 0, restarts: int = 0, more_mb: float = ROOM_MB) -> dict[str, Any]:
        """The checks that end every drill; returns the summary.

        It holds what it held before, in `more_mb` more of memory at most. The feed goes quiet: within 2 s a viewer sees
        every quote as it was sent last. Then the program is ended, within 5 s: its summary shows the same, it has
        counted every fault that was injected, no more and no fewer, and it leaves nothing behind.
        """
        assert self._before is not None, "the drill did not begin"
        after = self.wait_until_held(self._before, more_mb)
        self._record("more memory, MB", after.pss_mb - self._before.pss_mb)
        sent = self.gateway.quiet()
        self._wait_until_shown(Shown(sent_by(sent), self.connections, reconnects, restarts))
        began = time.monotonic()
        assert self.program.stop() == 0
        assert time.monotonic() - began < 5 + 1  # the time that it takes to see that nothing is left included
        summary = self.program.summary()
        assert shown_in(summary) == sent_by(sent)
        assert (summary["reconnects"], summary["worker_restarts"]) == (reconnects, restarts)
        assert summary["connections"] == {"online": self.connections, "total": self.connections}
        assert "Traceback" not in self.program.output + self.program.log
        return summary

    def _wait_until_shown(self, truth: "Shown") -> None:
        """Fails with the difference when that takes longer than it may."""
        began = time.monotonic()
        while (shown := shown_by(self.program)) != truth and time.monotonic() - began < self._truth_within_s:
            time.sleep(0.02)
        self._record("true after, s", time.monotonic() - began)
        assert shown == truth


Prices = tuple[float | None, float | None, float | None, int | None]


class Shown(NamedTuple):
    """What a viewer sees of that which a drill is about."""

    quotes: dict[str, Prices]
    online: int
    reconnects: int
    restarts: int


def shown_by(program: Program) -> Shown:
    market = program.market()
    return Shown(prices_in(market), market.online, market.totals.counters.reconnects, market.totals.worker_restarts)


def prices_in(market: Market) -> dict[str, Prices]:
    return {name: (number(q.bid), number(q.ask), number(q.last), q.volume) for name, q in market.quotes.items()}


def shown_in(summary: dict[str, Any]) -> dict[str, Prices]:
    return {name: (q["bid"], q["ask"], q["last"], q["volume"]) for name, q in summary["quotes"].items()}


def sent_by(ledger: Ledger) -> dict[str, Prices]:
    return {name: (q.bid, q.ask, q.last, q.volume) for name, q in ledger.quotes.items() if q.frames}


def wait_until_all_report(program: Program) -> None:
    """Until the program has heard of every worker that is there now."""

    def has_heard() -> bool:
        market = program.market()
        return market.totals.reported_at.keys() == {status.worker for status in market.connections.values()}

    wait_for(has_heard, "every worker reports")


def seconds_until(condition: Callable[[], object], what: str, within_s: float) -> float:
    """How long `condition` took to come true; AssertionError when it did not in time."""
    began = time.monotonic()
    wait_for(condition, what, within_s)
    return time.monotonic() - began


@contextmanager
def meanwhile(act: Callable[[Event], object]) -> Iterator[None]:
    """`act` goes on in a thread of its own until the event that it is given is set: at the end of the block."""
    is_over = Event()
    thread = Thread(target=act, args=(is_over,))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _entries(pid: int, folder: str) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/{folder}").iterdir()))
    except OSError:
        return 0


def _pss_mb(pid: int) -> float:
    """Without the files that are mapped: other programs map them too, and the share of each changes with them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        lines = []
    if not lines:
        return 0.0  # it has ended
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return (kilobytes["Pss_Anon"] + kilobytes["Pss_Shmem"]) / 1024
