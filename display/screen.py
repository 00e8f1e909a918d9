"""The screen: the only module that imports blessed.

blessed knows the terminal's sequences, keys and character widths; when and what is written is decided here.
"""

import codecs
import os
import termios
from collections.abc import Sequence
from functools import cached_property

import blessed

from display.terminal import KEYBOARD, Terminal, TerminalLost
from display.views import Palette, Role

BEGIN_FRAME, END_FRAME = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronized output: a terminal that knows it shows the frame as a whole, any other ignores it."""

STYLES = {
    Role.TITLE: "bold",
    Role.SIMULATED: "bold_reverse",
    Role.HEADING: "bold",
    Role.BID: "green",
    Role.ASK: "red",
    Role.LAST: "cyan",
    Role.ACTIVE: "green",
    Role.FRESH: "green",
    Role.AGING: "yellow",
    Role.STALE: "red",
    Role.QUIET: "bright_black",
    Role.GOOD: "green",
    Role.WARNING: "yellow",
    Role.TROUBLE: "red",
}
FEW_COLOURS = 8
DIM_WITH_FEW_COLOURS = "dim"


class _Blessed(blessed.Terminal):
    """blessed with a keyboard that survives bytes which are no text."""

    def __init__(self) -> None:
        self._text_decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        super().__init__()

    def getch(self, decode_latin1: bool = False) -> str:
        byte = os.read(KEYBOARD, 1)
        if not byte:
            raise EOFError
        return chr(byte[0]) if decode_latin1 else self._text_decoder.decode(byte)


class Screen:
    """The terminal as a canvas of lines, entered and left any number of times. Used by one thread.

    Every method may raise TerminalLost, except `leave`. None of them waits for the terminal longer than a moment.
    """

    def __init__(self, terminal: Terminal, *, has_colours: bool) -> None:
        """`terminal` already stands for standard input and output. It is left alone until `enter`."""
        self._terminal = terminal
        self._has_colours = has_colours
        self._shown: list[str] | None = None
        self.is_open = False

    @cached_property
    def _blessed(self) -> _Blessed:
        try:
            term = _Blessed()
        except (OSError, termios.error) as error:
            raise TerminalLost(f"start: {error}") from error
        if not self._has_colours:
            term.number_of_colors = 0
        return term

    @cached_property
    def palette(self) -> Palette:
        term = self._blessed
        styles = dict(STYLES)
        if term.number_of_colors <= FEW_COLOURS:
            styles[Role.QUIET] = DIM_WITH_FEW_COLOURS
        sequences = {role: str(getattr(term, style)) for role, style in styles.items()}
        return Palette(sequences, term.normal, term.length)

    @property
    def is_allowed(self) -> bool:
        return self._terminal.is_ours

    @property
    def is_behind(self) -> bool:
        return self._terminal.is_behind

    @property
    def size(self) -> os.terminal_size:
        return self._terminal.size

    def enter(self) -> None:
        """Take the alternate screen and the keyboard, with the cursor hidden. Only while it `is_allowed`.

        The first time, the terminal is asked what it is; one that does not answer costs half a second.
        """
        term = self._blessed
        self._terminal.take_keys()
        self.is_open = True
        self._terminal.write(term.enter_fullscreen + term.hide_cursor)
        self._shown = None

    def leave(self) -> None:
        """Give the normal screen, the cursor and the keyboard back as they were. Does nothing when not entered."""
        if self.is_open:
            self.is_open = False
            term = self._blessed
            self._terminal.give_back(END_FRAME + term.normal + term.exit_fullscreen + term.normal_cursor)

    def forget(self) -> None:
        """Draw everything anew next time: the terminal may show something else by now."""
        self._shown = None

    def suspect(self) -> None:
        """Count as not entered: while this process was stopped, anything may have happened to the terminal."""
        self.is_open = False

    def is_ready(self) -> bool:
        """Whether the terminal has taken all that was drawn, after a last attempt at the rest."""
        self._terminal.flush()
        return not self._terminal.is_behind

    def draw(self, lines: Sequence[str]) -> None:
        """Show `lines` from the top, in one write, sending only what changed. Only while it `is_ready`."""
        if frame := self._difference(list(lines)):
            self._terminal.write(BEGIN_FRAME + frame + END_FRAME)

    def pressed(self) -> list[str]:
        """The keys pressed since the last call: the character, or blessed's name (`KEY_UP`)."""
        pressed: list[str] = []
        try:
            while key := self._blessed.inkey(timeout=0):
                pressed.append(key.name or str(key))
        except (EOFError, OSError) as error:
            raise TerminalLost(f"keyboard: {str(error) or 'end of input'}") from error
        return pressed

    def _difference(self, lines: list[str]) -> str:
        """What turns the shown lines into `lines`. A line is wiped before it is written: after a line of full width,
        the cursor still stands on its last character."""
        term = self._blessed
        shown, start = ([], term.clear) if self._shown is None else (self._shown, "")
        before = shown + [""] * (len(lines) - len(shown))
        after = lines + [""] * (len(shown) - len(lines))
        changes = [
            f"{term.move_xy(0, y)}{term.clear_eol if old else ''}{new}"
            for y, (old, new) in enumerate(zip(before, after, strict=True))
            if old != new
        ]
        self._shown = lines
        return start + "".join(changes)
