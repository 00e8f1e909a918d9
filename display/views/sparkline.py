"""A row of numbers as a row of little bars. Pure."""

from collections.abc import Sequence


def sparkline(values: Sequence[float | None], levels: str, *, base: float | None = None) -> str:
    """One character a value; a blank where it is None.

    The lowest of `levels` stands for the least of the values, or for `base`, the highest for the greatest; where all
    are the same, they are on the lowest when they are at the base, else in the middle.
    """
    known = [value for value in values if value is not None]
    low = min(known, default=0.0) if base is None else base
    high = max(known, default=0.0)
    return "".join(" " if value is None else levels[_level(value, low, high, len(levels), base)] for value in values)


def _level(value: float, low: float, high: float, count: int, base: float | None) -> int:
    if high > low:
        return round((min(max(value, low), high) - low) / (high - low) * (count - 1))
    return count // 2 if base is None else 0
