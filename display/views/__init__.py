"""Everything that a person reads, as text. Pure: (market, board, width, height, now, palette) -> lines."""

from display.now import Now
from display.views.frame import screen_lines, starting_lines
from display.views.palette import COLOURLESS, Palette, Role
from display.views.statistics import final_statistics

__all__ = ["COLOURLESS", "Now", "Palette", "Role", "final_statistics", "screen_lines", "starting_lines"]
