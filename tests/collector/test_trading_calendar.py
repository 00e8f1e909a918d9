import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.trading_calendar import NO_TRADING, Calendar, CalendarState, Hours, calendar_in, state_at
from shared.errors import IssError
from simulator.market import Market
from simulator.rest import page

MOSCOW = timezone(timedelta(hours=3))
WORKING = Hours(9 * 3600 + 50 * 60, 18 * 3600 + 40 * 60)
WEEK = {day: WORKING if day <= 5 else NO_TRADING for day in range(1, 8)}
USUAL = Calendar(WEEK, {})


def moscow(text: str) -> float:
    """`2026-01-22 09:50`, a Thursday."""
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW).timestamp()


def state(text: str, calendar: Calendar = USUAL) -> tuple[bool | None, str | None]:
    found = state_at(calendar, moscow(text))
    at = found.changes_at
    return found.is_open, None if at is None else f"{datetime.fromtimestamp(at, MOSCOW):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("at", "is_open", "changes_at"),
    [
        ("2026-01-22 00:00", False, "2026-01-22 09:50"),
        ("2026-01-22 09:49:59", False, "2026-01-22 09:50"),
        ("2026-01-22 09:50", True, "2026-01-22 18:40"),
        ("2026-01-22 18:39:59", True, "2026-01-22 18:40"),
        ("2026-01-22 18:40", False, "2026-01-23 09:50"),
        ("2026-01-23 19:00", False, "2026-01-26 09:50"),
        ("2026-01-25 12:00", False, "2026-01-26 09:50"),
    ],
)
def test_a_working_day_is_open_from_its_start_to_its_stop_in_moscow(at: str, is_open: bool, changes_at: str) -> None:
    assert state(at) == (is_open, changes_at)


def test_a_date_of_its_own_goes_before_the_day_of_the_week() -> None:
    holiday, weekend = date(2026, 1, 23), date(2026, 1, 24)
    calendar = Calendar(WEEK, {holiday: NO_TRADING, weekend: Hours(10 * 3600, 19 * 3600)})
    assert state("2026-01-23 12:00", calendar) == (False, "2026-01-24 10:00")
    assert state("2026-01-24 12:00", calendar) == (True, "2026-01-24 19:00")


def test_trading_around_the_clock_has_no_end() -> None:
    always = Calendar(dict.fromkeys(range(1, 8), Hours(0, 86_400)), {})
    assert state("2026-01-22 23:59:59", always) == (True, None)


def test_trading_over_midnight_is_one_piece() -> None:
    calendar = Calendar({4: Hours(36_000, 86_400), 5: Hours(0, 3600), 6: NO_TRADING}, {})
    assert state("2026-01-22 23:59:59", calendar) == (True, "2026-01-23 01:00")


def test_what_is_in_no_table_is_unknown() -> None:
    calendar = Calendar({4: WORKING}, {})
    assert state("2026-01-23 12:00", calendar) == (None, None)
    assert state("2026-01-22 19:00", calendar) == (False, None)
    assert state("2026-01-22 12:00", calendar) == (True, "2026-01-22 18:40")


def test_a_change_beyond_any_holidays_is_not_told() -> None:
    assert state("2026-01-22 12:00", Calendar(dict.fromkeys(range(1, 8), NO_TRADING), {})) == (False, None)


hours = st.tuples(st.integers(0, 86_400), st.integers(0, 86_400)).map(lambda pair: Hours(*sorted(pair)))


@given(st.dictionaries(st.integers(1, 7), hours), st.floats(1.7e9, 1.8e9))
def test_until_the_next_change_nothing_changes_and_then_it_does(week: dict[int, Hours], at: float) -> None:
    calendar = Calendar(week, {})
    is_open, changes_at = state_at(calendar, at)
    if changes_at is not None:
        assert changes_at > at
        assert state_at(calendar, (at + changes_at) / 2) == (is_open, changes_at)
        assert state_at(calendar, changes_at).is_open is (not is_open)


# The page of ISS


def table(*rows: dict[str, Any]) -> dict[str, Any]:
    columns = list(rows[0]) if rows else []
    return {"columns": columns, "data": [list(row.values()) for row in rows]}


def day(key: object, is_work_day: object = 1, start: object = "09:50:00", stop: object = "18:40:00") -> dict[str, Any]:
    return {"stop_time": stop, "week_day": key, "date": key, "start_time": start, "is_work_day": is_work_day}


def body(week: tuple[dict[str, Any], ...] = (), dates: tuple[dict[str, Any], ...] = ()) -> bytes:
    return json.dumps({"engine": {}, "dailytable": table(*dates), "timetable": table(*week)}).encode()


def test_both_tables_are_read_by_the_names_of_their_columns() -> None:
    found = calendar_in(body((day(1), day(6, 0, None, None)), (day("2026-02-23", 0), day("2026-02-28"))))
    assert found == Calendar({1: WORKING, 6: NO_TRADING}, {date(2026, 2, 23): NO_TRADING, date(2026, 2, 28): WORKING})


def test_the_table_of_dates_may_be_missing() -> None:
    assert calendar_in(json.dumps({"timetable": table(day(1))}).encode()) == Calendar({1: WORKING}, {})


def test_the_last_second_of_a_day_belongs_to_it() -> None:
    found = calendar_in(body((day(1, 1, "00:00:00", "23:59:59"),)))
    assert found.week == {1: Hours(0, 86_400)}


@pytest.mark.parametrize(
    "row",
    [
        day(0),
        day(8),
        day(None),
        day([]),
        day("1"),
        day(2, None),
        day(2, 2),
        day(2, 1, None),
        day(2, 1, "24:00:00"),
        day(2, 1, "9:50:00"),
        day(2, 1, "09:50:00\n"),
        day(2, 1, "19:00:00"),
        day(2, 1, "18:40:00"),
        day(2, 1, 35_400),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out(row: dict[str, Any]) -> None:
    dated = row | {"date": "2026-02-23" if row["week_day"] == 2 else row["date"]}
    assert calendar_in(body((day(1), row), (day("2026-02-28"), dated))) == Calendar(
        {1: WORKING}, {date(2026, 2, 28): WORKING}
    )


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"<html>", b"[]", b"{}", b'{"timetable": null}', b'{"timetable": {"columns": 1}}'),
        b'{"timetable": {"columns": ["\xff"]}}',
        b'{"timetable": {"data": ' + b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:40]),
)
def test_what_is_no_calendar_is_refused(content: bytes) -> None:
    with pytest.raises(IssError, match="no trading calendar"):
        calendar_in(content)


@pytest.mark.parametrize("content", [body(), body((day(9),)), b'{"timetable": {"columns": [], "data": [[1], []]}}'])
def test_a_calendar_that_says_nothing_is_refused(content: bytes) -> None:
    with pytest.raises(IssError, match="the trading calendar is empty"):
        calendar_in(content)


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("at", ["2026-01-22 12:00", "2026-01-24 23:59:59.5", "2026-01-25 00:00"])
def test_the_calendar_of_the_built_in_exchange_says_what_its_market_does(is_open: bool, at: str) -> None:
    market = Market(1, datetime(2026, 1, 22, tzinfo=UTC).timestamp(), is_open=is_open)
    content = page("/iss/engines/stock.json?iss.meta=off&iss.only=timetable,dailytable", market, moscow(at))
    assert content is not None
    assert state_at(calendar_in(content), moscow(at)) == CalendarState(is_open, None)
