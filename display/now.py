"""Now: the two clocks of one moment. Pure: whoever makes one has read the clocks."""

from datetime import datetime, timedelta
from typing import NamedTuple

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S


class Now(NamedTuple):
    """`monotonic` in seconds is for reckoning, `wall` is local time and only for what a person reads."""

    monotonic: float
    wall: datetime

    def age_s(self, at: float) -> float:
        """Seconds since the monotonic moment `at`, never negative."""
        return max(0.0, self.monotonic - at)

    def clock_at(self, at: float) -> str:
        """Local time of day `HH:MM:SS` at the monotonic moment `at`."""
        return f"{self.wall - timedelta(seconds=self.age_s(at)):%H:%M:%S}"


def age_text(age_s: float) -> str:
    """An age in at most five characters: `2.1s`, `45s`, `12m`, `3h05m`, `2d03h`, `120d`."""
    if age_s < 9.95:
        return f"{age_s:.1f}s"
    if age_s < MINUTE_S:
        return f"{int(age_s)}s"
    if age_s < HOUR_S:
        return f"{int(age_s) // MINUTE_S}m"
    return _long_text(int(age_s))


def uptime_text(uptime_s: float) -> str:
    """Whole seconds in the first hour (`98s`), then `1h02m`, `2d03h`."""
    return f"{int(uptime_s)}s" if uptime_s < HOUR_S else _long_text(int(uptime_s))


def _long_text(seconds: int) -> str:
    if seconds < DAY_S:
        return f"{seconds // HOUR_S}h{seconds % HOUR_S // MINUTE_S:02}m"
    days, rest = divmod(seconds, DAY_S)
    return f"{days}d{rest // HOUR_S:02}h" if days < 10 else f"{days}d"
