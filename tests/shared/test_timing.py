from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.timing import Deadline, backoff


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_deadline_counts_down_from_its_making() -> None:
    clock = Clock(100.0)
    deadline = Deadline(5.0, clock)
    assert (deadline.at, deadline.remaining(), deadline.is_over()) == (105.0, 5.0, False)
    clock.now = 103.0
    assert (deadline.remaining(), deadline.is_over()) == (2.0, False)


def test_a_deadline_is_over_at_its_end_and_never_has_negative_time() -> None:
    clock = Clock(100.0)
    deadline = Deadline(5.0, clock)
    clock.now = 105.0
    assert (deadline.remaining(), deadline.is_over()) == (0.0, True)
    clock.now = 1000.0
    assert (deadline.remaining(), deadline.is_over()) == (0.0, True)


def test_a_deadline_of_no_time_is_over_at_once() -> None:
    assert Deadline(0.0).is_over()


@given(st.integers(0, 10_000), st.floats(0.01, 60), st.floats(1, 10), st.integers(0, 99))
def test_a_retry_never_comes_before_the_first_delay_nor_after_the_cap(
    attempt: int, first_s: float, factor: float, seed: int
) -> None:
    cap_s = first_s * factor
    assert first_s <= backoff(attempt, first_s=first_s, cap_s=cap_s, random=Random(seed)) <= cap_s * (1 + 1e-9)


def test_the_delays_grow_with_the_attempts_up_to_the_cap() -> None:
    def longest(attempt: int) -> float:
        return max(backoff(attempt, first_s=1.0, cap_s=60.0, random=Random(seed)) for seed in range(500))

    assert 1.9 < longest(0) <= 2.0
    assert 3.7 < longest(1) <= 4.0
    assert 58.0 < longest(10) <= 60.0


def test_many_clients_that_lost_the_same_server_spread_out() -> None:
    delays = {round(backoff(5, first_s=1.0, cap_s=60.0, random=Random(seed))) for seed in range(500)}
    assert len(delays) > 50


def test_a_cap_below_the_first_delay_wins() -> None:
    assert backoff(3, first_s=10.0, cap_s=2.0, random=Random(1)) == 2.0
