"""Who tries next after an outage, on a clock of the test's own."""

from random import Random

import pytest

from collector.probing import CALL_SPREAD_S, EARNED_AFTER_S, LONGEST_CALM_S, SHORTEST_CALM_S, Probing, Standing
from shared.wire import ConnectionState as State


@pytest.fixture
def probing() -> Probing:
    return Probing(Random(1))


def waiting(tried_at: float, retry_at: float) -> Standing:
    """An attempt that failed at once."""
    return Standing(State.WAITING, tried_at, tried_at, retry_at)


def standing(state: State, since: float = 0.0) -> Standing:
    return Standing(state, since, since, None)


def test_while_all_wait_the_next_in_turn_tries_after_a_calm_of_bounded_length(probing: Probing) -> None:
    outage = {0: waiting(90, 150), 1: waiting(100, 140), 2: waiting(95, 145)}
    assert probing.hurried(outage, 100 + SHORTEST_CALM_S - 0.1) == {}
    assert probing.hurried(outage, 100 + LONGEST_CALM_S) == {1: 0.0}


def test_the_calm_begins_anew_with_each_attempt(probing: Probing) -> None:
    assert probing.hurried({0: waiting(0, 50), 1: waiting(0, 60)}, 20) == {0: 0.0}
    assert probing.hurried({0: standing(State.OPENING, 20), 1: waiting(0, 60)}, 20 + SHORTEST_CALM_S - 0.1) == {}
    assert probing.hurried({0: waiting(35, 90), 1: waiting(0, 60)}, 35 + SHORTEST_CALM_S - 0.1) == {}
    assert probing.hurried({0: waiting(35, 90), 1: waiting(0, 60)}, 35 + LONGEST_CALM_S) == {1: 0.0}


@pytest.mark.parametrize("state", [State.OPENING, State.GREETING])
def test_an_attempt_that_hangs_holds_the_next_one_up_no_longer_than_one_that_failed(
    probing: Probing, state: State
) -> None:
    hanging = Standing(state, 22, 20, None)
    assert probing.hurried({0: hanging, 1: waiting(0, 60)}, 20 + SHORTEST_CALM_S - 0.1) == {}
    assert probing.hurried({0: hanging, 1: waiting(0, 60)}, 20 + LONGEST_CALM_S) == {1: 0.0}


def test_who_hung_for_long_tries_again_as_soon_as_it_has_failed(probing: Probing) -> None:
    failed = Standing(State.WAITING, 20 + LONGEST_CALM_S, 20, 90)
    assert probing.hurried({0: failed}, 20 + LONGEST_CALM_S) == {0: 0.0}


def test_connections_that_are_online_do_not_keep_the_others_waiting(probing: Probing) -> None:
    probing.hurried({0: standing(State.ONLINE), 1: waiting(0, 60)}, 1)
    assert probing.hurried({0: standing(State.ONLINE), 1: waiting(5, 60)}, 5 + LONGEST_CALM_S) == {1: 0.0}


@pytest.mark.parametrize("state", [State.SUBSCRIBING, State.ONLINE])
def test_the_first_that_is_let_in_calls_the_others_at_moments_of_their_own(probing: Probing, state: State) -> None:
    assert probing.hurried({0: standing(State.GREETING), 1: waiting(0, 60), 2: waiting(0, 50)}, 5) == {}
    called = probing.hurried({0: standing(state, 5), 1: waiting(0, 60), 2: waiting(0, 50)}, 5.5)
    assert called.keys() == {1, 2}
    assert len(set(called.values())) == 2
    assert max(called.values()) <= CALL_SPREAD_S
    assert probing.hurried({0: standing(State.ONLINE, 5), 1: waiting(0, 60), 2: waiting(0, 50)}, 6) == {}


def test_who_is_lost_again_is_called_once_more_only_after_a_while_online(probing: Probing) -> None:
    def arrival_while_1_waits(at: float) -> dict[int, float]:
        probing.hurried({0: standing(State.OPENING, at), 1: waiting(at, at + 60)}, at)
        return probing.hurried({0: standing(State.ONLINE, at), 1: waiting(at, at + 60)}, at + 0.5)

    def online_for(since: float, seconds: float) -> None:
        probing.hurried({0: standing(State.ONLINE, since), 1: standing(State.ONLINE, since)}, since + seconds)

    assert arrival_while_1_waits(0).keys() == {1}
    online_for(1, EARNED_AFTER_S - 0.1)
    assert arrival_while_1_waits(40) == {}
    online_for(41, EARNED_AFTER_S)
    assert arrival_while_1_waits(80).keys() == {1}


def test_nobody_is_hurried_who_does_not_wait_after_a_failure(probing: Probing) -> None:
    standings = {0: standing(State.WAITING), 1: standing(State.REFUSED), 2: standing(State.ONLINE, 99)}
    assert probing.hurried(standings, 100) == {}
    assert probing.hurried(standings, 200) == {}
