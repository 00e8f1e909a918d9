"""The screen: the only module that imports blessed.

blessed knows the terminal's keys and colours, and how wide characters are; when and what is written is decided here.
"""

import codecs
import math
import os
import termios
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

import blessed

from display.canvas import CLEAR, Canvas, Cells
from display.sequences import Typing
from display.terminal import KEYBOARD, Terminal, TerminalLost
from display.themes import NORMAL, theme_of
from display.views import Line, Palette
from display.views.palette import UNICODE, Glyphs
from shared.printable import printable

BEGIN_FRAME, END_FRAME = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronized output: a terminal that knows it shows the frame as a whole, any other ignores it."""

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h"
"""The alternate screen, no cursor, no wrapping (what a terminal takes for wider than we do spoils one line only), and
marks round what is pasted."""

LEAVE = END_FRAME + NORMAL + "\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"

CTRL_Z = "\x1a"
ESCAPE_DELAY_S = 0.05
"""How long the key Escape waits for what would make it the beginning of another key."""

MEASURED_TEXTS = 10_000

BURST = 256
"""Bytes of a pasted text that are read at a time: blessed looks through all that it has read for each key in it, and
nothing is drawn meanwhile."""


class _Blessed(blessed.Terminal):
    """blessed with a keyboard that survives bytes which are no text, and endless ones: `bytes_left` may be read."""

    def __init__(self, encoding: str) -> None:
        self._text_decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self.bytes_left = math.inf
        super().__init__()

    def kbhit(self, timeout: float | None = None) -> bool:
        return (timeout != 0 or self.bytes_left > 0) and bool(super().kbhit(timeout))

    def getch(self, decode_latin1: bool = False) -> str:
        byte = os.read(KEYBOARD, 1)
        self.bytes_left -= 1
        if not byte:
            raise EOFError
        return chr(byte[0]) if decode_latin1 else self._text_decoder.decode(byte)


class Screen:
    """The terminal as a canvas of lines, entered and left any number of times. Used by one thread.

    Every method may raise TerminalLost, except `leave`. None of them waits for the terminal longer than a moment.
    """

    def __init__(
        self,
        terminal: Terminal,
        *,
        theme: str = "dark",
        is_colourless: bool = False,
        glyphs: Glyphs = UNICODE,
        on_suspend: Callable[[], None] = lambda: None,
    ) -> None:
        """`terminal` already stands for standard input and output. It is left alone until `enter`.

        `is_colourless` is for a person who wants no colours, whatever the theme.
        `on_suspend` is called for Ctrl+Z, which is a key here: see `Terminal.take_keys`.
        """
        self._terminal = terminal
        self._theme = theme
        self._is_colourless = is_colourless
        self._glyphs = glyphs
        self._on_suspend = on_suspend
        self._shown: list[Cells] | None = None
        self._shown_size: os.terminal_size | None = None
        self._farewell = LEAVE
        self._typing = Typing()
        self.is_open = False

    @cached_property
    def _blessed(self) -> _Blessed:
        try:
            return _Blessed(self._terminal.encoding)
        except (OSError, termios.error) as error:
            raise TerminalLost(f"start: {error}") from error

    @cached_property
    def _measure(self) -> Callable[[str], int]:
        return lru_cache(MEASURED_TEXTS)(self._blessed.length)

    @cached_property
    def _canvas(self) -> Canvas:
        colours = 0 if self._is_colourless else self._blessed.number_of_colors
        return Canvas(theme_of(self._theme, colours), self._measure, self._terminal.encoding)

    @cached_property
    def palette(self) -> Palette:
        return Palette(self._measure, self._glyphs)

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

        The first time, the terminal is asked what it is; one that does not answer costs half a second, and one that
        writes the question down loses it with the alternate screen.
        """
        self._terminal.take_keys()
        self.is_open = True
        self._typing = Typing()
        self._terminal.write(ENTER)
        if not self._blessed.exit_fullscreen:
            self._farewell = LEAVE + CLEAR
        self._shown = None

    def leave(self) -> None:
        """Give the normal screen, the cursor and the keyboard back as they were. Does nothing when not entered.

        A terminal without an alternate screen is left empty.
        """
        if self.is_open:
            self.is_open = False
            self._terminal.give_back(self._farewell)

    def forget(self) -> None:
        """Draw everything anew next time: the terminal may show something else by now."""
        self._shown = None

    def use_theme(self, name: str) -> None:
        """Draw everything in that theme from now on."""
        if name != self._theme:
            self._theme = name
            vars(self).pop("_canvas", None)
            self.forget()

    def suspect(self) -> None:
        """Count as not entered: while this process was stopped, anything may have happened to the terminal."""
        self.is_open = False

    def is_ready(self) -> bool:
        """Whether the terminal has taken all that was drawn, after a last attempt at the rest."""
        self._terminal.flush()
        return not self._terminal.is_behind

    def draw(self, lines: Sequence[Line]) -> None:
        """Show `lines` from the top, in one write, sending only what changed. Only while it `is_ready`.

        What does not fit on the terminal is cut off.
        """
        size = self._terminal.size
        if size != self._shown_size:
            self._shown, self._shown_size = None, size
        blank = self._canvas.cells((), size.columns)
        cells = [self._canvas.cells(line, size.columns) for line in lines[: size.lines]]
        cells += [blank] * (size.lines - len(cells))
        before, start = ([blank] * size.lines, CLEAR) if self._shown is None else (self._shown, "")
        self._shown = cells
        if frame := start + self._canvas.difference(before, cells):
            self._terminal.write(BEGIN_FRAME + frame + END_FRAME)

    def copy(self, text: str) -> None:
        """Put the printable characters of `text` into the clipboard of the person, over SSH too (OSC 52).

        Many terminals do that, others ignore it: nobody can tell. tmux needs `set-clipboard on`. Only while it is open.
        """
        self._terminal.write(f"\x1b]52;c;{b64encode(printable(text).encode()).decode('ascii')}\x1b\\")

    def pressed(self) -> list[str]:
        """The keys pressed since the last call: the character, or blessed's name (`KEY_UP`); never Ctrl+Z.

        What the terminal itself reports is none, and what is pasted is `Pasted`. Of very many they are the first, and
        the keyboard stays readable.
        """
        pressed: list[str] = []
        self._blessed.bytes_left = BURST
        try:
            while key := self._blessed.inkey(timeout=0, esc_delay=ESCAPE_DELAY_S):
                if key == CTRL_Z:
                    self._on_suspend()
                else:
                    pressed.append(key.name or str(key))
        except (EOFError, OSError) as error:
            raise TerminalLost(f"keyboard: {str(error) or 'end of input'}") from error
        return self._typing.typed(pressed)
