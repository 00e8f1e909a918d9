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
    UP = "up"
    DOWN = "down"
    CHANGED = "changed"
    ACTIVE = "active"
    FRESH = "fresh"
    AGING = "aging"
    STALE = "stale"
    QUIET = "quiet"
    GOOD = "good"
    WARNING = "warning"
    TROUBLE = "trouble"
    SELECTED = "selected"
    FAVOURITE = "favourite"
    BANNER = "banner"
    DIM = "dim"
    BAR_BID = "bar bid"
    BAR_ASK = "bar ask"
    SPARK = "spark"
    KEY = "key"


class Glyphs(NamedTuple):
    """Marks of one column each. `bar` and `spark` go from the least to the full character."""

    up: str
    down: str
    selected: str
    favourite: str
    fresh: str
    aging: str
    stale: str
    quiet: str
    cell_online: str
    cell_silent: str
    cell_waiting: str
    cell_connecting: str
    cell_refused: str
    cell_down: str
    bar: str
    spark: str
    ellipsis: str
    separator: str


UNICODE = Glyphs(
    up="▲",
    down="▼",
    selected="►",
    favourite="★",
    fresh="●",
    aging="◐",
    stale="○",
    quiet="·",
    cell_online="█",
    cell_silent="▒",
    cell_waiting="◌",
    cell_connecting="…",
    cell_refused="✗",
    cell_down="─",
    bar="▏▎▍▌▋▊▉█",
    spark="▁▂▃▄▅▆▇█",
    ellipsis="…",
    separator="│",
)

ASCII = Glyphs(
    up="^",
    down="v",
    selected=">",
    favourite="*",
    fresh="+",
    aging="~",
    stale="!",
    quiet=".",
    cell_online="#",
    cell_silent="o",
    cell_waiting="~",
    cell_connecting="c",
    cell_refused="x",
    cell_down="-",
    bar="#",
    spark="_.:-=+*#",
    ellipsis="...",
    separator="|",
)
"""Its `ellipsis` alone is three columns wide."""


class Palette(NamedTuple):
    """`sequences` switch a role on (a missing one is shown as plain text), `normal` switches all off.

    `measure` gives the number of terminal columns of a text without sequences, which may hold any printable character.
    `selected` holds what stands for a role, PLAIN included, on the selected row.
    """

    sequences: Mapping[Role, str]
    normal: str
    measure: Callable[[str], int]
    glyphs: Glyphs = UNICODE
    selected: Mapping[Role, str] = {}

    def paint(self, role: Role, text: str, *, is_selected: bool = False) -> str:
        sequence = (self.selected if is_selected else self.sequences).get(role)
        return f"{sequence}{text}{self.normal}" if sequence and text else text

    def columns(self, text: str) -> int:
        """Columns of `text`; printable ASCII, the usual case, is not worth a measurement."""
        return len(text) if text.isascii() else self.measure(text)


COLOURLESS = Palette({}, "", len)
"""For texts of one column a character, where there is no terminal to ask."""
