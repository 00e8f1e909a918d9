"""Deadlines and retry delays. Monotonic seconds throughout; the clock and the chance are arguments."""

import time
from collections.abc import Callable
from random import Random


class Deadline:
    """One end for several waits. Seconds are counted on `clock` from construction."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.at = clock() + seconds

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self._clock())

    def is_over(self) -> bool:
        return self._clock() >= self.at


def backoff(attempt: int, *, first_s: float, cap_s: float, random: Random) -> float:
    """Seconds to wait before retry number `attempt` (0 is the first retry).

    Uniform between `first_s` and a bound that doubles with each attempt up to `cap_s`: many clients that
    lost the same server spread out, and none of them retries faster than `first_s`.
    """
    bound = min(cap_s, first_s * 2.0 ** min(attempt + 1, 60))
    return random.uniform(min(first_s, bound), bound)
