from datetime import datetime

import pytest

from display.now import Now, age_text, uptime_text

NOW = Now(1000.0, datetime(2026, 1, 22, 0, 0, 1))


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (0.0, "0.0s"),
        (2.14, "2.1s"),
        (9.94, "9.9s"),
        (9.96, "9s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600 * 3 + 300, "3h05m"),
        (86400 * 2 + 3 * 3600, "2d03h"),
        (86400 * 120, "120d"),
    ],
)
def test_an_age_is_told_in_at_most_five_characters(age_s: float, text: str) -> None:
    assert age_text(age_s) == text
    assert len(text) <= 5


@pytest.mark.parametrize(("uptime_s", "text"), [(98.7, "98s"), (3599, "3599s"), (3720, "1h02m"), (90000, "1d01h")])
def test_uptime_is_told_in_seconds_for_an_hour(uptime_s: float, text: str) -> None:
    assert uptime_text(uptime_s) == text


def test_a_receipt_is_told_as_the_local_time_of_day_even_across_midnight() -> None:
    assert NOW.clock_at(998.0) == "23:59:59"


def test_a_receipt_that_seems_to_be_in_the_future_has_no_age() -> None:
    assert NOW.age_s(1000.5) == 0.0
