"""Palette: what a piece of text is, and how the terminal at hand shows that. Pure: sequences come from `screen`."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple


class Role(Enum):
    """What a piece of text is."""

    PLAIN = "plain"
    TITLE = "title"
    SIMULATED = "simulated"
    HEADING = "heading"
    BID = "bid"
    ASK = "ask"
    LAST = "last"
    ACTIVE = "active"
    FRESH = "fresh"
    AGING = "aging"
    STALE = "stale"
    QUIET = "quiet"
    GOOD = "good"
    WARNING = "warning"
    TROUBLE = "trouble"


class Palette(NamedTuple):
    """`sequences` switch a role on (a missing one is shown as plain text), `normal` switches all off.

    `measure` gives the number of terminal columns of a text without sequences, which may hold any printable character.
    """

    sequences: Mapping[Role, str]
    normal: str
    measure: Callable[[str], int]

    def paint(self, role: Role, text: str) -> str:
        sequence = self.sequences.get(role)
        return f"{sequence}{text}{self.normal}" if sequence and text else text

    def columns(self, text: str) -> int:
        """Columns of `text`; printable ASCII, the usual case, is not worth a measurement."""
        return len(text) if text.isascii() else self.measure(text)


COLOURLESS = Palette({}, "", len)
"""For texts of one column a character, where there is no terminal to ask."""
