"""So many at once, and then so many a second. Pure."""


class Budget:
    """Starts full, with `most` to be spent, or after `empty_for_s` with one. `now` is monotonic seconds."""

    def __init__(self, most: float, per_second: float, empty_for_s: float = 0.0) -> None:
        self._most = most
        self._per_second = per_second
        self._left = 1 - empty_for_s * per_second if empty_for_s else most
        self._at: float | None = None

    def spend(self, now: float) -> bool:
        """Take one, if there is one."""
        if self._at is not None:
            self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
