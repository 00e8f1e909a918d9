"""When the exchange trades: the calendar of ISS, and what it says of a moment. Pure: the moment is an argument."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

import msgspec

from shared.decoding import decoded
from shared.errors import IssError

MOSCOW = timezone(timedelta(hours=3))
"""Moscow time is UTC+3 all year."""

DAY_S = 86_400
DAYS_LOOKED_AHEAD = 21
"""Longer than any holidays: a change that lies beyond is not told."""

_time = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)", re.ASCII)


class Hours(NamedTuple):
    """When a day's trading starts and stops, in seconds since its midnight in Moscow."""

    start: int
    stop: int


NO_TRADING = Hours(0, 0)


class Calendar(NamedTuple):
    """The usual hours by day of the week (1 is Monday), and those of dates that differ; all others are unknown."""

    week: Mapping[int, Hours]
    dates: Mapping[date, Hours]

    def hours(self, day: date) -> Hours | None:
        return self.dates.get(day, self.week.get(day.isoweekday()))


class CalendarState(NamedTuple):
    """Whether the exchange trades, and when that changes next, in seconds since 1970; None is unknown."""

    is_open: bool | None
    changes_at: float | None


UNKNOWN = CalendarState(None, None)


def state_at(calendar: Calendar, at: float) -> CalendarState:
    """What the calendar says of a moment in seconds since 1970.

    A day's trading is one piece, from its first session to its last: the calendar does not know the pauses between.
    """
    is_open = _is_open(calendar, at)
    if is_open is None:
        return UNKNOWN
    for edge in _edges(calendar, at):
        if edge > at and (then := _is_open(calendar, edge)) is not is_open:
            return CalendarState(is_open, None if then is None else edge)
    return CalendarState(is_open, None)


def _is_open(calendar: Calendar, at: float) -> bool | None:
    day = _moscow_day(at)
    hours = calendar.hours(day)
    return None if hours is None else hours.start <= at - _midnight(day) < hours.stop


def _edges(calendar: Calendar, at: float) -> Iterator[float]:
    """The moments of these days at which something may change, in order."""
    today = _moscow_day(at)
    for days in range(DAYS_LOOKED_AHEAD):
        day = today + timedelta(days=days)
        for second in (0, *(calendar.hours(day) or ())):
            yield _midnight(day) + second


def _moscow_day(at: float) -> date:
    return datetime.fromtimestamp(at, MOSCOW).date()


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=MOSCOW).timestamp()


# ---- the page of ISS


class _Table(msgspec.Struct):
    columns: list[str] = msgspec.field(default_factory=list)
    data: list[list[Any]] = msgspec.field(default_factory=list)


class _Page(msgspec.Struct):
    timetable: _Table
    dailytable: _Table = msgspec.field(default_factory=_Table)


_page_decoder = msgspec.json.Decoder(_Page)


def calendar_in(page: bytes) -> Calendar:
    """The calendar of an engine's page of ISS. Rows that cannot be read are left out. Raises IssError when it is no
    such page, or when nothing in it can be read."""
    try:
        tables = decoded(_page_decoder, page)
    except msgspec.DecodeError as error:
        raise IssError("the answer is no trading calendar") from error
    week = {
        row["week_day"]: hours
        for row in _rows(tables.timetable)
        if row.get("week_day") in range(1, 8) and (hours := _hours(row)) is not None
    }
    dates = {
        day: hours
        for row in _rows(tables.dailytable)
        if (day := _date(row.get("date"))) is not None and (hours := _hours(row)) is not None
    }
    if not week and not dates:
        raise IssError("the trading calendar is empty")
    return Calendar(week, dates)


def _rows(table: _Table) -> Iterable[dict[str, Any]]:
    return (dict(zip(table.columns, row, strict=False)) for row in table.data)


def _hours(row: Mapping[str, Any]) -> Hours | None:
    if row.get("is_work_day") == 0:
        return NO_TRADING
    start, stop = _second(row.get("start_time")), _second(row.get("stop_time"))
    if row.get("is_work_day") != 1 or start is None or stop is None or start >= stop:
        return None
    return Hours(start, DAY_S if stop == DAY_S - 1 else stop)  # the last second of a day belongs to it


def _second(text: object) -> int | None:
    """`HH:MM:SS` in seconds since midnight; None when it is no such text."""
    found = _time.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
