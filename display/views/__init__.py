"""Everything that a person reads, as text. Pure: (market, board, width, height, now, palette) -> lines."""

from display.now import Now
from display.views.frame import screen_lines, starting_lines
from display.views.palette import COLOURLESS, Palette, Role
from display.views.statistics import final_statistics
from display.views.text import Line, Span

__all__ = [
    "COLOURLESS",
    "Line",
    "Now",
    "Palette",
    "Role",
    "Span",
    "final_statistics",
    "screen_lines",
    "starting_lines",
]
