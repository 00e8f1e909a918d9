"""How old the hub's knowledge is at any moment, as a display sees it: a process in place of the display notes it down.

Started by the fault `watch` of `planted`; the notes are in the folder of the faults.
"""

import os
import time
from collections.abc import Collection
from itertools import pairwise
from multiprocessing.connection import Connection, wait
from operator import le
from pathlib import Path

import msgspec

from collector.sharding import plan_shards
from display.feed import Feed, parent_sentinels
from shared.processes import become_child
from shared.settings import DisplaySettings
from shared.wire import Counters
from tests.drills.planted import FOLDER

NOTES = "notes.jsonl"
LOOK_INTERVAL_S = 0.1

Stamps = dict[str, float]


class Note(msgspec.Struct):
    """The picture of one moment, in milliseconds of the wall clock; `stamps` are the exchange's times of tickers."""

    at_ms: float
    stamps: Stamps
    counters: Counters


def watch(connection: Connection, settings: DisplaySettings, terminal_path: str | None) -> None:
    """Target of the display process: note each picture, until SIGTERM or the end of the hub."""
    become_child(on_terminate=lambda: os._exit(0))
    feed, parent = Feed(connection), parent_sentinels()
    with Path(os.environ[FOLDER], NOTES).open("ab") as file:
        while not feed.is_over:
            feed.ask()
            wait([connection, *parent])
            if feed.receive() and (market := feed.market) is not None:
                stamps = {name: q.exchange_ms for name, q in market.quotes.items() if q.exchange_ms is not None}
                note = Note(time.time() * 1000, stamps, market.totals.counters)
                file.write(msgspec.json.encode(note) + b"\n")
                file.flush()
            time.sleep(LOOK_INTERVAL_S)


def notes_in(folder: Path) -> list[Note]:
    decoder = msgspec.json.Decoder(Note)
    return [decoder.decode(line) for line in (folder / NOTES).read_bytes().splitlines()]


def tickers_of_workers(tickers: list[str], connections: int, each: int, workers: int, seed: int) -> list[set[str]]:
    """Which tickers each worker has under the selection `unique`: what is planned is the same for the same seed."""
    plan = plan_shards(
        tickers, connections=connections, tickers_per_connection=each, workers=workers, selection="unique", seed=seed
    )
    return [{t for s in plan.shards if s.worker == worker for t in s.tickers} for worker in range(workers)]


def longest_lag_s(notes: list[Note], tickers: Collection[str], spans: Collection[tuple[float, float]] = ()) -> float:
    """The oldest that the newest of `tickers` ever was. Moments within `spans` (ms from, to) are left out."""
    lags = [
        (note.at_ms - max(at for name, at in note.stamps.items() if name in tickers)) / 1000
        for note in notes
        if not any(start <= note.at_ms <= end for start, end in spans)
    ]
    return max(lags)


def never_goes_back(notes: list[Note]) -> bool:
    """Whether all counters only grow."""
    counters = [msgspec.structs.astuple(note.counters) for note in notes]
    return all(all(map(le, earlier, later)) for earlier, later in pairwise(counters))


def between(notes: list[Note], since_ms: float, until_ms: float) -> list[Note]:
    return [note for note in notes if since_ms <= note.at_ms <= until_ms]
