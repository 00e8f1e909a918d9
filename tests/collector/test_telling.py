"""What is told of a child that dies again and again, on a clock of the test's own."""

import pytest

from collector.telling import RESTARTS_TOLD, TOLD_AGAIN_AFTER_S, Telling

QUIET = "ended with exit code 70; restarted, told again in 10 min"


def deaths_of(telling: Telling, times: int, now: float = 0.0) -> list[str | None]:
    return [telling.of_death("ended with exit code 70", now) for _ in range(times)]


@pytest.fixture
def silent() -> Telling:
    """One death was not told."""
    telling = Telling()
    deaths_of(telling, RESTARTS_TOLD + 2)
    return telling


def test_the_first_deaths_are_told_the_last_of_them_says_what_follows_and_that_is_silence() -> None:
    telling = Telling()
    assert deaths_of(telling, RESTARTS_TOLD) == ["ended with exit code 70"] * RESTARTS_TOLD
    assert (telling.is_told, telling.silent_for_s) == (True, 0.0)
    assert deaths_of(telling, 100) == [QUIET] + [None] * 99
    assert (telling.is_told, telling.silent_for_s) == (False, TOLD_AGAIN_AFTER_S)


def test_a_death_is_told_if_the_life_before_it_was(silent: Telling) -> None:
    assert deaths_of(silent, 2, now=TOLD_AGAIN_AFTER_S) == [
        None,
        "ended with exit code 70; 2 more deaths since the last one told; restarted, told again in 10 min",
    ]


def test_a_night_of_deaths_is_told_every_ten_minutes_and_none_is_forgotten() -> None:
    telling, deaths = Telling(), 8 * 360
    said = [telling.of_death("killed by SIGKILL", 10.0 * number) for number in range(deaths)]
    told = [text for text in said if text is not None]
    counted = [int(text.split("; ")[1].split()[0]) for text in told if "more death" in text]
    assert len(told) == pytest.approx(1 + RESTARTS_TOLD + deaths * 10.0 / TOLD_AGAIN_AFTER_S, abs=1)
    assert len(told) + sum(counted) + telling._untold == deaths


def test_deaths_that_are_far_between_are_told_each() -> None:
    telling = Telling()
    said = [telling.of_death("killed by SIGKILL", TOLD_AGAIN_AFTER_S * number) for number in range(100)]
    assert said == ["killed by SIGKILL"] * 100


def test_a_long_life_is_told_once_after_deaths_that_were_not_and_so_is_its_end(silent: Telling) -> None:
    assert silent.of_long_life(0.9 * TOLD_AGAIN_AFTER_S) is None
    assert silent.of_long_life(TOLD_AGAIN_AFTER_S) == "has run for 10 min; 1 more death since the last one told"
    assert silent.of_long_life(TOLD_AGAIN_AFTER_S) is None
    assert silent.is_told
    assert deaths_of(silent, 1, now=TOLD_AGAIN_AFTER_S) == ["ended with exit code 70"]


def test_a_long_life_after_deaths_that_were_told_is_as_it_should_be() -> None:
    telling = Telling()
    deaths_of(telling, RESTARTS_TOLD)
    assert telling.of_long_life(TOLD_AGAIN_AFTER_S) is None


def test_a_death_that_was_wanted_is_told_with_the_count_of_the_others_and_the_next_life_too(silent: Telling) -> None:
    assert silent.of_wanted_death("asked") == "asked; 1 more death since the last one told"
    assert silent.is_told
    assert silent.of_wanted_death("asked") == "asked"
