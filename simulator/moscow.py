"""Moscow time, in which the exchange speaks. Pure: the moment is always an argument, seconds since 1970."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MOSCOW = ZoneInfo("Europe/Moscow")
FRIDAY = 5


def moscow(at: float) -> datetime:
    return datetime.fromtimestamp(at, MOSCOW)


def clock_text(at: float) -> str:
    """`09:51:20`, as in the column TIME."""
    return moscow(at).strftime("%H:%M:%S")


def stamp_text(at: float) -> str:
    """`2026-01-22 09:58:52`, as in the columns FROM and TILL."""
    return moscow(at).strftime("%Y-%m-%d %H:%M:%S")


def midnight(day: date) -> int:
    """The first second of a Moscow day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=MOSCOW).timestamp())


def next_workday(day: date) -> date:
    """The first day after `day` that is neither Saturday nor Sunday; holidays are not known here."""
    day += timedelta(days=1)
    while day.isoweekday() > FRIDAY:
        day += timedelta(days=1)
    return day


def previous_workday(day: date) -> date:
    """The last day before `day` that is neither Saturday nor Sunday; holidays are not known here."""
    day -= timedelta(days=1)
    while day.isoweekday() > FRIDAY:
        day -= timedelta(days=1)
    return day
