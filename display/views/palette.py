"""Palette: what a piece of text is, and which marks and widths the terminal at hand has. Pure."""

from collections.abc import Callable
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
    separator="|",
)


class Palette(NamedTuple):
    """`measure` gives the number of terminal columns of a text, which may hold any printable character."""

    measure: Callable[[str], int]
    glyphs: Glyphs = UNICODE

    def columns(self, text: str) -> int:
        """Columns of `text`; printable ASCII, the usual case, is not worth a measurement."""
        return len(text) if text.isascii() else self.measure(text)


COLOURLESS = Palette(len)
"""For texts of one column a character, where there is no terminal to ask."""
