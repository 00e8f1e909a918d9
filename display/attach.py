"""`run.py attach` and `run.py health`: what a person or a script sees of the running program, from another process."""

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from signal import Signals
from typing import TextIO

from display import app, export
from display.now import Now
from display.output import Output
from display.service import ServiceFeed, reach
from shared import health, logs
from shared.arguments import Viewing
from shared.errors import NoService
from shared.market import Market
from shared.processes import EXIT_OWN_FAILURE
from shared.service_socket import paths_to_try
from shared.settings import Settings

EXIT_LEFT = 0
EXIT_UNHEALTHY = 1
EXIT_USAGE = 2
EXIT_NO_SERVICE = 69

STOPS = (Signals.SIGINT, Signals.SIGTERM, Signals.SIGHUP, Signals.SIGQUIT)
SCREEN_SIGNALS = (*app.SCREEN_SIGNALS, Signals.SIGINT, Signals.SIGQUIT)
LONGEST_WAIT_S = 60.0

EXPORTS: Mapping[str, Callable[[Market, Now], str]] = {
    "table": export.as_table,
    "json": export.as_json,
    "csv": export.as_csv,
}

log = logging.getLogger(__name__)


def main(settings: Settings, viewing: Viewing, reread: Callable[[], Settings]) -> int:
    """Do what is asked for; the exit code. For the main thread, which has blocked the stop signals.

    `reread` reads the settings anew, when the program that is looked at did so, and raises ConfigError.
    While the program is not reached yet, a stop signal just ends this process.
    """
    if signal.getsignal(Signals.SIGINT) is not signal.SIG_IGN:
        signal.signal(Signals.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    try:
        if viewing.command == "health":
            return _tell_health(settings, viewing.unread)
        if viewing.is_once:
            return _print_once(settings, viewing.output)
        return _follow(settings) if viewing.is_following else _show(settings, reread)
    except NoService as error:
        return _complain(str(error), EXIT_NO_SERVICE)
    except OSError as error:
        return _complain(f"it cannot be printed: {error.strerror}", EXIT_OWN_FAILURE)


def _reach(settings: Settings, *, is_brief: bool) -> ServiceFeed:
    return reach(paths_to_try(settings.service.socket, os.environ), is_brief=is_brief)


def _now() -> Now:
    return Now(time.monotonic(), datetime.now())


# ---- without a screen


def _tell_health(settings: Settings, unread: str | None) -> int:
    try:
        market, now = _reach(settings, is_brief=True).state_of_now(), time.monotonic()
        fault = health.complaint(market, now, settings.service.health_max_age_s)
        text = f"healthy: {health.good_news(market, now)}" if fault is None else f"unhealthy: {fault}"
    except NoService as error:
        fault, text = str(error), f"unhealthy: {error}"
    hint = "" if unread is None else f" (asked without config.toml: {unread})"
    with contextlib.suppress(OSError):  # the exit code tells it too
        Output(app.record(STOPS)).write(f"{text}{hint}\n")
    return EXIT_LEFT if fault is None else EXIT_UNHEALTHY


def _print_once(settings: Settings, how: str) -> int:
    market = _reach(settings, is_brief=True).state_of_now()
    Output(app.record(STOPS)).write(EXPORTS[how](market, _now()))
    return EXIT_LEFT


def _follow(settings: Settings) -> int:
    feed = _reach(settings, is_brief=False)
    output = Output(app.record(STOPS))
    while not output.is_over:
        if feed.is_over:
            raise NoService(f"the running program (pid {feed.pid}) has ended")
        feed.ask()
        if output.wait(feed.fileno(), LONGEST_WAIT_S) and feed.receive() and feed.market is not None:
            totals, now = feed.market.totals, _now()
            output.write("".join(export.as_line(quote, totals, now) for quote in feed.news))
    return EXIT_LEFT


# ---- on the screen


def _show(settings: Settings, reread: Callable[[], Settings]) -> int:
    if (terminal_path := _terminal_path()) is None:
        return _complain("there is no terminal to show it on: use --once or --follow", EXIT_USAGE)
    feed = _reach(settings, is_brief=False)
    logs.configure("viewer", settings.log, screen=True, secrets=())
    try:
        code = app.run_screen(feed, settings.display, terminal_path, SCREEN_SIGNALS, lambda: reread().display)
    except NoService:
        raise
    except Exception:
        log.exception("the viewer failed")
        return _complain("own failure, see the log", EXIT_OWN_FAILURE)
    if feed.is_over and not feed.has_left:
        raise NoService(f"the running program (pid {feed.pid}) has ended")
    if code == EXIT_LEFT:
        _say(f"left the program (pid {feed.pid}), which runs on", sys.stdout)
    return code


def _terminal_path() -> str | None:
    try:
        return None if os.environ.get("TERM", "dumb") == "dumb" else os.ttyname(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return None


def _complain(text: str, code: int) -> int:
    _say(text, sys.stderr)
    return code


def _say(text: str, stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody can hear it any more
        print(text, file=stream, flush=True)
