"""What has to be reached is read from the medians of what was measured."""

import pytest

from bench.scenarios import BOTH, GOALS, SCENARIOS, Goal, Result, Scenario, of, times

NAMES = {scenario.name for scenario in SCENARIOS}


def test_a_connection_subscribes_to_fifty_tickers_of_each_stream() -> None:
    assert Scenario("a", "ours").subscriptions == 1500
    assert Scenario("a", "ours", connections=300).subscriptions == 15_000
    assert Scenario("a", "ours", streams=BOTH).subscriptions == 3000


def test_a_figure_is_the_median_of_the_rounds_that_measured_it() -> None:
    results = {"a": [Result(blast_us=9), Result(blast_us=1), Result(blast_us=2), Result(steady_us=5)]}
    assert of("a", "blast_us")(results) == 2


def test_a_ratio_tells_how_many_times_the_other_one_it_is() -> None:
    results = {"a": [Result(blast_us=9)], "b": [Result(blast_us=3)]}
    assert times("a", "b", "blast_us")(results) == 3


def test_what_was_not_measured_is_no_figure() -> None:
    with pytest.raises(KeyError):
        of("a", "blast_us")({})
    with pytest.raises(ValueError, match="a has no blast_us"):
        of("a", "blast_us")({"a": [Result()]})


@pytest.mark.parametrize(("is_least", "figure", "reached"), [(False, 6, True), (False, 6.1, False), (True, 5.9, False)])
def test_a_limit_is_the_most_or_the_least_that_counts_as_reached(is_least: bool, figure: float, reached: bool) -> None:
    assert Goal("", of("a", "blast_us"), 6, is_least).is_reached(figure) is reached


def test_every_goal_can_be_read_from_what_the_scenarios_measure() -> None:
    full = Result(*[1.0] * len(Result._fields))
    measured = {
        one.name: [
            full._replace(
                blast_us=1.0 if one.blast else None,
                blast_per_s=1.0 if one.blast else None,
                steady_us=1.0 if one.rate else None,
            )
        ]
        for one in SCENARIOS
    }
    assert all(goal.figure(measured) == 1.0 for goal in GOALS)
