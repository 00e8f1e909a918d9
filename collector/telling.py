"""Which lives of a child are told, and how the deaths that are not are counted. Pure."""

from collector.budget import Budget

RESTARTS_TOLD = 10
"""So many lives after the first are told from their start to their death, with the traceback of their failure."""
TOLD_AGAIN_AFTER_S = 600.0
"""Once those are used up, one more is told for each such time, and any life from when it has lasted so long."""


class Telling:
    """Of one child. What its methods return is to be told; None: nothing. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self.is_told = True
        """Of the present life; once it has ended, of the next one."""
        self._words = Budget(RESTARTS_TOLD, 1 / TOLD_AGAIN_AFTER_S)
        self._untold = 0

    @property
    def silent_for_s(self) -> float:
        """How long the next life is to tell nothing from its start."""
        return 0.0 if self.is_told else TOLD_AGAIN_AFTER_S

    def of_death(self, reason: str, now: float) -> str | None:
        text = self._with_count(reason) if self.is_told else None
        self._untold += text is None
        self.is_told = self._words.spend(now)
        return (
            text
            if text is None or self.is_told
            else f"{text}; restarted, told again in {TOLD_AGAIN_AFTER_S / 60:g} min"
        )

    def of_wanted_death(self, reason: str) -> str:
        """It was asked to end: it is not known to be ill."""
        self.is_told = True
        return self._with_count(reason)

    def of_long_life(self, lived_s: float) -> str | None:
        """That it is back for good, after deaths that were not told."""
        if self._untold == 0 or lived_s < TOLD_AGAIN_AFTER_S:
            return None
        self.is_told = True
        return self._with_count(f"has run for {TOLD_AGAIN_AFTER_S / 60:g} min")

    def _with_count(self, text: str) -> str:
        untold, self._untold = self._untold, 0
        more = "1 more death" if untold == 1 else f"{untold} more deaths"
        return f"{text}; {more} since the last one told" if untold else text
