"""Moscow time."""

from datetime import UTC, date, datetime

from simulator.moscow import clock_text, midnight, next_workday, previous_workday, stamp_text

MOMENT = datetime(2026, 1, 22, 6, 58, 52, tzinfo=UTC).timestamp()


def test_moscow_is_three_hours_ahead_of_utc() -> None:
    assert clock_text(MOMENT) == "09:58:52"
    assert stamp_text(MOMENT) == "2026-01-22 09:58:52"


def test_a_day_starts_at_moscow_midnight() -> None:
    assert midnight(date(2026, 1, 22)) == datetime(2026, 1, 21, 21, tzinfo=UTC).timestamp()


def test_weekends_are_no_workdays() -> None:
    friday, monday = date(2026, 1, 23), date(2026, 1, 26)
    assert next_workday(friday) == monday
    assert previous_workday(monday) == friday
