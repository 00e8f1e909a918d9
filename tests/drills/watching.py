"""How old what a viewer sees is at any moment: somebody looks at the program, and into the exchange's ledger."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from multiprocessing.connection import wait
from operator import le
from threading import Event
from typing import NamedTuple

import msgspec

from collector.sharding import plan_shards
from display.service import ANSWER_LIMIT_S, reach
from shared.wire import Counters
from tests.drills.drill import Drill, meanwhile

LOOK_INTERVAL_S = 0.05

Stamps = Mapping[str, float]
"""By ticker, the exchange's time of its newest message, in milliseconds since 1970."""


class Note(NamedTuple):
    """What was known at one moment: `shown` at `at_ms` of the wall clock; `sent` since the note before, in its order,
    as far as it was known at `asked_ms`."""

    asked_ms: float
    sent: Sequence[tuple[str, int]]
    at_ms: float
    shown: Stamps
    counters: Counters


@contextmanager
def watched(running: Drill) -> Iterator[list[Note]]:
    """Notes as they are taken: a viewer of the program's own socket looks as often as it gets pictures."""
    notes: list[Note] = []
    running.gateway.stamps()

    def watch(is_over: Event) -> None:
        sent: list[tuple[str, int]] = []
        with closing(reach([running.program.socket_file], is_brief=False)) as feed:
            while not is_over.wait(LOOK_INTERVAL_S):
                asked_ms = now_ms()
                sent += running.gateway.stamps()
                feed.ask()
                while not (is_whole := feed.receive()) and not feed.is_over and wait([feed.fileno()], ANSWER_LIMIT_S):
                    pass  # a part of it is here
                if is_whole and (market := feed.market) is not None:
                    shown = {name: q.exchange_ms for name, q in market.quotes.items() if q.exchange_ms is not None}
                    notes.append(Note(asked_ms, sent, now_ms(), shown, market.totals.counters))
                    sent = []

    with meanwhile(watch):
        yield notes


def now_ms() -> float:
    return time.time() * 1000


def longest_lag_s(
    notes: Sequence[Note], tickers: Collection[str], spans: Collection[tuple[float, float]] = ()
) -> float:
    """The longest that something sent of `tickers` was not shown. Moments in `spans` (ms from, to) are left out.

    Counted to the end of each picture, so that one that comes late counts as one that is old; what was sent after it
    was asked for, and is not known, as sent at once.
    """
    longest_s, missing, shown = 0.0, list(notes[0].sent), notes[0].shown
    for note in notes[1:]:
        missing = [(t, ms) for t, ms in [*missing, *note.sent] if t in tickers and ms > shown.get(t, 0.0)]
        if not any(start <= note.at_ms <= end for start, end in spans):
            since_ms = missing[0][1] if missing else note.asked_ms
            longest_s = max(longest_s, (note.at_ms - since_ms) / 1000)
        shown = note.shown
    return longest_s


def longest_silence_s(notes: Sequence[Note], tickers: Collection[str]) -> float:
    """The oldest that the newest of `tickers` ever was."""
    return max((note.at_ms - max(note.shown.get(ticker, 0.0) for ticker in tickers)) / 1000 for note in notes)


def never_goes_back(notes: Sequence[Note]) -> bool:
    """Whether all counters only grow."""
    counters = [msgspec.structs.astuple(note.counters) for note in notes]
    return all(all(map(le, earlier, later)) for earlier, later in pairwise(counters))


def tickers_of_workers(tickers: list[str], connections: int, each: int, workers: int, seed: int) -> list[set[str]]:
    """Which tickers each worker has under the selection `unique`: what is planned is the same for the same seed."""
    plan = plan_shards(
        tickers, connections=connections, tickers_per_connection=each, workers=workers, selection="unique", seed=seed
    )
    return [{t for s in plan.shards if s.worker == worker for t in s.tickers} for worker in range(workers)]
