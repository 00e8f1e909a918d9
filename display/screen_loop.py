"""The loop of screen mode: draws what the hub tells, and hears the keyboard and the signals."""

import logging
import re
import time
from collections.abc import Callable, Collection
from datetime import datetime
from multiprocessing.connection import wait
from pathlib import Path
from signal import Signals

from display import memory
from display.board import Board
from display.commands import Effect, press
from display.feed import Feed, parent_sentinels
from display.now import Now
from display.screen import Screen
from display.signals import Recorder
from display.terminal import KEYBOARD, TerminalLost
from display.views import Line, screen_lines, starting_lines
from shared.errors import ConfigError
from shared.settings import DisplaySettings
from shared.timing import Deadline

CATCH_UP_S = 0.05
"""How soon to try again while the terminal has not taken the last frame."""

STOPS = {Signals.SIGTERM, Signals.SIGINT, Signals.SIGQUIT}
"""Of these a display hears the first alone, whoever attached hears them all: there is no parent to obey them."""

ATTENTION_S = 1.0
"""Whoever has pressed a key is looking, and gets a new picture within this time however seldom one is drawn."""

PATIENCE = 1.5
"""Refresh intervals after which the ages are drawn anew although the hub has sent nothing."""

_folders = re.compile(r"(?<!\S)/\S*/")
"""Of a file that is named in a line that has little room."""

log = logging.getLogger(__name__)


class ScreenLoop:
    """A picture is asked for once in a refresh interval and drawn when it comes, so that it is as new as can be.

    What the person chose is kept at `memory_path` for the next start, None keeps it nowhere. `reread`, which may raise
    ConfigError, reads the settings anew whenever the program has done so; without it they stay as they are.
    """

    def __init__(
        self,
        feed: Feed,
        settings: DisplaySettings,
        recorder: Recorder,
        screen: Screen,
        memory_path: Path | None = None,
        reread: Callable[[], DisplaySettings] | None = None,
    ) -> None:
        self._feed = feed
        self._recorder = recorder
        self._screen = screen
        self._memory_path = memory_path
        self._reread = reread
        self._rereadings: int | None = None
        self._board = Board(settings, memory.load(memory_path))
        self._ask_at = Deadline(0.0)
        self._draw_at = Deadline(0.0)
        self._parent = parent_sentinels()
        self._is_over = False

    def run(self) -> None:
        """Blocks until SIGTERM, or until the hub or the parent is gone. The terminal is whole afterwards.

        Raises TerminalLost.
        """
        try:
            while not self._is_over:
                self._do_what_is_due()
                self._hear(wait(self._sources(), min(self._ask_at.remaining(), self._draw_at.remaining())))
        finally:
            self._screen.leave()

    def _sources(self) -> list[int]:
        keyboard = [KEYBOARD] if self._screen.is_open else []
        return [self._feed.fileno(), self._recorder.fileno(), *self._parent, *keyboard]

    def _do_what_is_due(self) -> None:
        if not self._screen.is_open and self._screen.is_allowed:
            self._screen.enter()
            self._type(self._screen.pressed())  # those that came while the terminal was asked what it is
            self._draw_at = Deadline(0.0)
        if self._ask_at.is_over():
            self._ask_at = Deadline(self._board.refresh_s)
            self._feed.ask()
        if self._draw_at.is_over():
            self._draw()

    def _hear(self, ready: Collection[object]) -> None:
        self._obey(self._recorder.take())
        if self._feed.receive() and self._feed.market is not None:
            self._keep_up_with_settings(self._feed.market.totals.rereadings)
            self._board.advance(self._feed.market, time.monotonic())
            self._draw()
        if KEYBOARD in ready and self._screen.is_open:
            self._type(self._screen.pressed())
        self._is_over = self._is_over or self._feed.is_over or any(sentinel in ready for sentinel in self._parent)

    def _obey(self, signals: set[Signals]) -> None:
        if Signals.SIGHUP in signals:
            raise TerminalLost("hung up")
        if signals & STOPS:
            self._is_over = True
        elif Signals.SIGTSTP in signals:
            self._screen.leave()
            self._recorder.stop_self()
        elif Signals.SIGCONT in signals:
            self._screen.suspect()
        if Signals.SIGWINCH in signals:
            self._board.widths.clear()
            self._screen.forget()
            self._draw_at = Deadline(0.0)

    def _keep_up_with_settings(self, rereadings: int) -> None:
        """Read them anew if the program has done so since the picture before."""
        before, self._rereadings = self._rereadings, rereadings
        if self._reread is None or before is None or before == rereadings:
            return
        try:
            settings = self._reread()
        except ConfigError as error:
            log.warning("the settings stay as they are: %s", error)
            self._board.notice = f"old settings stay: {_folders.sub('', str(error))}"
            return
        self._board.obey(settings, time.monotonic())
        self._screen.use_theme(settings.theme)
        self._ask_at = Deadline(min(self._ask_at.remaining(), self._board.refresh_s))

    def _type(self, keys: list[str]) -> None:
        """Do what the keys ask for, and show it at once."""
        effects = {press(self._board, key, time.monotonic()) for key in keys}
        if Effect.COPY in effects and self._board.selected is not None:
            self._screen.copy(self._board.selected)
        if Effect.REMEMBER in effects:
            memory.save(self._memory_path, self._board.remembered)
        if Effect.QUIT in effects:
            self._feed.quit()
        if keys:
            self._ask_at = Deadline(min(self._ask_at.remaining(), self._board.refresh_s, ATTENTION_S))
            self._draw()

    def _draw(self) -> None:
        """Bring the screen up to date; while the terminal is behind, or not ours, try again later."""
        if self._screen.is_open and self._screen.is_ready():
            self._screen.draw(self._lines())
        is_late = self._screen.is_open and self._screen.is_behind
        self._draw_at = Deadline(CATCH_UP_S if is_late else self._board.refresh_s * PATIENCE)

    def _lines(self) -> list[Line]:
        width, height = self._screen.size
        palette, market = self._screen.palette, self._feed.market
        if market is None:
            return starting_lines(width, height, palette)
        return screen_lines(market, self._board, width, height, Now(time.monotonic(), datetime.now()), palette)
