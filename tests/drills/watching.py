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

LOOK_INTERVAL_S = 0.1

Stamps = Mapping[str, float]
"""By ticker, the exchange's time of its newest message, in milliseconds since 1970."""


class Note(NamedTuple):
    """What was known at one moment: sent not before `asked_ms`, shown at `at_ms` of the wall clock."""

    asked_ms: float
    sent: Stamps
    at_ms: float
    shown: Stamps
    counters: Counters


@contextmanager
def watched(running: Drill) -> Iterator[list[Note]]:
    """Notes as they are taken: a viewer of the program's own socket looks ten times a second."""
    notes: list[Note] = []

    def watch(is_over: Event) -> None:
        with closing(reach([running.program.socket_file], is_brief=False)) as feed:
            while not is_over.wait(LOOK_INTERVAL_S):
                asked_ms = now_ms()
                sent = {name: float(quote.sent_ms) for name, quote in running.gateway.ledger().quotes.items()}
                feed.ask()
                while not (is_whole := feed.receive()) and not feed.is_over and wait([feed.fileno()], ANSWER_LIMIT_S):
                    pass  # a part of it is here
                if is_whole and (market := feed.market) is not None:
                    shown = {name: q.exchange_ms for name, q in market.quotes.items() if q.exchange_ms is not None}
                    notes.append(Note(asked_ms, sent, now_ms(), shown, market.totals.counters))

    with meanwhile(watch):
        yield notes


def now_ms() -> float:
    return time.time() * 1000


def longest_lag_s(
    notes: Sequence[Note], tickers: Collection[str], spans: Collection[tuple[float, float]] = ()
) -> float:
    """The longest that something sent of `tickers` was not shown. Moments in `spans` (ms from, to) are left out.

    Counted to the end of each picture, so that one that comes late counts as one that is old.
    """
    longest_s, known, told = 0.0, 0, notes[0].asked_ms
    for number, note in enumerate(notes):
        if not any(start <= note.at_ms <= end for start, end in spans):
            longest_s = max(longest_s, (note.at_ms - told) / 1000)
        while known <= number and _shows(note.shown, notes[known].sent, tickers):
            told = notes[known].asked_ms
            known += 1
    return longest_s


def longest_silence_s(notes: Sequence[Note], tickers: Collection[str]) -> float:
    """The oldest that the newest of `tickers` ever was."""
    return max((note.at_ms - max(note.shown.get(ticker, 0.0) for ticker in tickers)) / 1000 for note in notes)


def _shows(shown: Stamps, sent: Stamps, tickers: Collection[str]) -> bool:
    return all(shown.get(ticker, 0.0) >= sent[ticker] for ticker in tickers if ticker in sent)


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
