"""The way back after an outage, for all connections of one worker. Pure.

Each connection waits ever longer for its next attempt, a minute and more in the end, so that a gateway in trouble is
left alone. Once it is back nobody waits that long: at most `LONGEST_CALM_S` after the last attempt began the next one
begins, whether or not that one hangs, and the first that is let in calls the others.
"""

import math
from collections.abc import Iterable, Mapping
from random import Random
from typing import NamedTuple

from shared.wire import ConnectionState

SHORTEST_CALM_S, LONGEST_CALM_S = 8.0, 14.0
CALL_SPREAD_S = 3.0
"""Those that are called come at random moments of this time, not all at once."""

EARNED_AFTER_S = 30.0
"""Who lost the connection again before it was online for so long is not called once more: a gateway that lets everybody
in and drops them again is not stormed."""

INSIDE = frozenset({ConnectionState.SUBSCRIBING, ConnectionState.ONLINE})
ATTEMPTING = frozenset({ConnectionState.OPENING, ConnectionState.GREETING})


class Standing(NamedTuple):
    """How one connection stands.

    tried_at  when its last attempt began, None before the first
    retry_at  None unless it waits for another attempt after a failure
    """

    state: ConnectionState
    since: float
    tried_at: float | None
    retry_at: float | None


class Probing:
    """`now` is monotonic seconds."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._inside: set[int] = set()
        self._called: set[int] = set()
        self._calm_s = self._drawn_calm_s()

    def hurried(self, standings: Mapping[int, Standing], now: float) -> dict[int, float]:
        """Who should not wait any longer than so many seconds from now. To be asked every now and then."""
        waiting = {number: one.retry_at for number, one in standings.items() if one.retry_at is not None}
        has_arrival = self._note_arrivals(standings, now)
        if has_arrival:
            called = waiting.keys() - self._called
            self._called |= called
            return {number: self._random.uniform(0.0, CALL_SPREAD_S) for number in called}
        if not waiting or now - _last_attempt_at(standings.values()) < self._calm_s:
            return {}
        self._calm_s = self._drawn_calm_s()
        return {min(waiting, key=lambda number: waiting[number]): 0.0}

    def _note_arrivals(self, standings: Mapping[int, Standing], now: float) -> bool:
        inside = {number for number, one in standings.items() if one.state in INSIDE}
        has_arrival = not inside <= self._inside
        self._inside = inside
        self._called -= {
            number
            for number, one in standings.items()
            if one.state is ConnectionState.ONLINE and now - one.since >= EARNED_AFTER_S
        }
        return has_arrival

    def _drawn_calm_s(self) -> float:
        return self._random.uniform(SHORTEST_CALM_S, LONGEST_CALM_S)


def _last_attempt_at(standings: Iterable[Standing]) -> float:
    """Of those that are outside: when one is let in, that is told by its arrival."""
    outside = (one for one in standings if one.retry_at is not None or one.state in ATTEMPTING)
    return max((one.tried_at for one in outside if one.tried_at is not None), default=-math.inf)
