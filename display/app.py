"""What the display process runs: its start, and its exit codes."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from signal import Signals

from display.characters import encoding_of, glyphs_of
from display.feed import Feed
from display.memory import memory_path
from display.plain_loop import PlainLoop
from display.signals import Recorder, reset_inherited
from display.terminal import Terminal, TerminalLost
from shared import logs
from shared.log_formats import printed
from shared.processes import EXIT_TERMINAL_LOST
from shared.settings import DisplaySettings, LogSettings

PLAIN_SIGNALS = (Signals.SIGTERM, Signals.SIGHUP)
SCREEN_SIGNALS = (*PLAIN_SIGNALS, Signals.SIGWINCH, Signals.SIGTSTP, Signals.SIGCONT)
TERMINAL_QUERY_TIMEOUT_S = "0.2"

OBJECTS_OF_A_PICTURE = 200_000
"""A picture of 1500 quotes has some 100,000 lists and dicts, which replace those of the one before: to look for garbage
among them would cost more than all the rest."""

log = logging.getLogger(__name__)


def main(
    connection: Connection, settings: DisplaySettings, terminal_path: str | None, log_settings: LogSettings
) -> None:
    """Target of the display process; returns, which is exit code 0, or raises SystemExit.

    Exit code 0: asked by SIGTERM, or the hub or the parent is gone; EXIT_TERMINAL_LOST, and the log says why.
    `terminal_path` is the device to draw on; without one, status lines go to standard output whatever the mode.
    """
    reset_inherited()
    signal.signal(Signals.SIGINT, signal.SIG_IGN)
    drawn_on = terminal_path if settings.mode == "screen" else None
    logs.configure("display", log_settings, screen=drawn_on is not None, secrets=())
    feed = Feed(connection)
    if drawn_on is not None:
        # Ctrl+\ ends the parent, and that ends this process in order, with the terminal whole.
        signal.signal(Signals.SIGQUIT, signal.SIG_IGN)
        sys.exit(run_screen(feed, settings, drawn_on, SCREEN_SIGNALS))
    as_printed = partial(printed, log_settings.format, "display", "status")
    PlainLoop(feed, settings, record(PLAIN_SIGNALS), as_printed).run()


def run_screen(
    feed: Feed,
    settings: DisplaySettings,
    terminal_path: str,
    signals: tuple[Signals, ...],
    reread: Callable[[], DisplaySettings] | None = None,
) -> int:
    """Draw on that terminal until it is over; returns the exit code. `signals` are those that are not left alone.

    `reread` reads the settings anew, which is done whenever the program at the other end did so; it raises ConfigError.
    """
    # A change of modes from the background would stop the whole process group, collectors included.
    signal.signal(Signals.SIGTTOU, signal.SIG_IGN)
    recorder = record(signals)
    gc.freeze()
    gc.set_threshold(OBJECTS_OF_A_PICTURE)
    os.environ.setdefault("BLESSED_QUERY_TIMEOUT_SECONDS", TERMINAL_QUERY_TIMEOUT_S)
    is_colourless = bool(os.environ.pop("NO_COLOR", ""))  # with it, blessed would not even move the cursor
    try:
        terminal = Terminal(terminal_path, encoding_of(os.environ))
        # blessed looks at its environment and at standard input when it is imported, and costs plain mode nothing.
        from display.screen import Screen
        from display.screen_loop import ScreenLoop

        screen = Screen(
            terminal,
            theme=settings.theme,
            is_colourless=is_colourless,
            glyphs=glyphs_of(os.environ),
            on_suspend=recorder.ask_to_stop_all,
        )
        ScreenLoop(feed, settings, recorder, screen, memory_path(os.environ), reread).run()
    except TerminalLost as error:
        log.warning("terminal lost: %s", error)
        return EXIT_TERMINAL_LOST
    return 0


def record(numbers: tuple[Signals, ...]) -> Recorder:
    """The recorder, and everything that was blocked around the start let through."""
    recorder = Recorder(numbers)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {Signals.SIGINT, *numbers})
    return recorder
