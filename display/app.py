"""What the display process runs: its start, and its exit codes."""

import logging
import os
import signal
import sys
from multiprocessing.connection import Connection
from signal import Signals

from display.feed import Feed
from display.plain_loop import PlainLoop
from display.signals import Recorder, reset_inherited
from display.terminal import Terminal, TerminalLost
from shared.processes import EXIT_TERMINAL_LOST
from shared.settings import DisplaySettings

EXIT_OWN_FAILURE = 70

PLAIN_SIGNALS = (Signals.SIGTERM, Signals.SIGHUP)
SCREEN_SIGNALS = (*PLAIN_SIGNALS, Signals.SIGWINCH, Signals.SIGTSTP, Signals.SIGCONT)
TERMINAL_QUERY_TIMEOUT_S = "0.2"

log = logging.getLogger(__name__)


def main(connection: Connection, settings: DisplaySettings, terminal_path: str | None) -> None:
    """Target of the display process; returns, which is exit code 0, or raises SystemExit.

    Exit code 0: asked by SIGTERM, or the hub or the parent is gone. EXIT_TERMINAL_LOST, EXIT_OWN_FAILURE: see there.
    `terminal_path` is the device to draw on; without one, status lines go to standard output whatever the mode.
    """
    reset_inherited()
    signal.signal(Signals.SIGINT, signal.SIG_IGN)
    feed = Feed(connection)
    try:
        if settings.mode == "screen" and terminal_path is not None:
            sys.exit(_run_screen(feed, settings, terminal_path))
        PlainLoop(feed, settings, _record(PLAIN_SIGNALS)).run()
    except Exception:
        log.exception("the display failed")
        sys.exit(EXIT_OWN_FAILURE)


def _run_screen(feed: Feed, settings: DisplaySettings, terminal_path: str) -> int:
    """The exit code."""
    # A change of modes from the background would stop the whole process group, collectors included.
    signal.signal(Signals.SIGTTOU, signal.SIG_IGN)
    recorder = _record(SCREEN_SIGNALS)
    os.environ.setdefault("BLESSED_QUERY_TIMEOUT_SECONDS", TERMINAL_QUERY_TIMEOUT_S)
    # With NO_COLOR set, blessed would not even move the cursor.
    has_colours = not os.environ.pop("NO_COLOR", "")
    try:
        terminal = Terminal(terminal_path)
        # blessed looks at its environment and at standard input when it is imported, and costs plain mode nothing.
        from display.screen import Screen
        from display.screen_loop import ScreenLoop

        ScreenLoop(feed, settings, recorder, Screen(terminal, has_colours=has_colours)).run()
    except TerminalLost as error:
        log.warning("terminal lost: %s", error)
        return EXIT_TERMINAL_LOST
    return 0


def _record(numbers: tuple[Signals, ...]) -> Recorder:
    """The recorder, and everything that the parent blocked around the start let through."""
    recorder = Recorder(numbers)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {Signals.SIGINT, *numbers})
    return recorder
