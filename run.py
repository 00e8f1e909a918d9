#!/usr/bin/env python3
"""MOEX WebSocket Monitor: arguments -> settings -> supervisor; its exit code."""

import os
import sys
from _signal import SIG_BLOCK, SIGHUP, SIGINT, SIGTERM, pthread_sigmask  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from typing import NoReturn, TextIO

    from collector.spawning import Programs
    from shared.arguments import Viewing
    from shared.settings import LogSettings, Settings, SimulatorSettings

EXIT_STOPPED_AS_ASKED = 0
EXIT_UNHEALTHY = 1
EXIT_USAGE = 2
EXIT_FAILURE = 70
EXIT_ALREADY_RUNNING = 73
SAY_LIMIT_S = 0.5


def main() -> int:
    """Run the program until it is asked to stop; the exit code says why it ended."""
    # Every child imports this file before its own program: what is imported up there would be in all of them.
    import resource
    from functools import partial
    from pathlib import Path

    arguments, folder = sys.argv[1:], Path(__file__).resolve().parent
    try:
        from shared import settings
        from shared.arguments import is_for_a_running_program
        from shared.errors import ConfigError
    except ModuleNotFoundError as error:
        return refuse(f"{sys.executable} has no {error.name}: start run.py by .venv/bin/python (make setup)", arguments)

    # No core dump, of the children neither: it would hold the passcode. `prlimit` gives a developer one all the same.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    load = partial(settings.load, arguments, dict(os.environ), folder)
    try:
        if is_for_a_running_program(arguments):
            return look(partial(settings.load_for_viewing, arguments, folder))
        chosen, warning = load(), settings.exposed_login(arguments, folder)
    except ConfigError as error:
        return refuse(str(error), arguments)
    return run(chosen, load, warning)


def refuse(why: str, arguments: list[str]) -> int:
    """Say why nothing can be done; the exit code. Who asks for health expects one of two, and a line on stdout."""
    if arguments[:1] == ["health"]:
        say(f"unhealthy: it cannot be asked: {why}", sys.stdout)
        return EXIT_UNHEALTHY
    say(why, sys.stderr)
    return EXIT_USAGE


def run(settings: "Settings", load: "Callable[[], Settings]", warning: str | None) -> int:
    """Run with these settings, then print the final statistics and write the summary, whatever the way out.

    `load` reads the settings anew; `warning` is something else that a person should know of them.
    """
    import logging
    import time
    from datetime import datetime
    from functools import partial
    from pathlib import Path

    from collector import summary
    from collector.service import Service
    from collector.supervisor import Rereading, Supervisor
    from display.now import Now
    from display.plain import status_line
    from display.views import final_statistics
    from shared import logs
    from shared.errors import AlreadyRunning, BootError
    from shared.log_formats import printed
    from shared.processes import show_name
    from shared.wire import Event

    show_name("moex-monitor")
    log = logging.getLogger("run")
    as_printed = partial(printed, settings.log.format, "supervisor", "run")
    service = Service(os.environ, lambda market: status_line(market, Now(time.monotonic(), datetime.now())))
    supervisor = Supervisor(settings, programs_for(settings), service, Rereading(load, programs_for))
    logs.configure(
        "supervisor",
        settings.log,
        screen=supervisor.display_mode == "screen",
        secrets=[settings.credentials.passcode.reveal()],
    )
    if warning is not None:
        log.warning("%s", warning)
        supervisor.market.tell(Event(time.time(), "login", warning))
    exit_code = EXIT_STOPPED_AS_ASKED
    try:
        supervisor.run()
    except AlreadyRunning as error:
        say(as_printed(str(error), level="error"), sys.stderr)
        return EXIT_ALREADY_RUNNING  # a summary would take the place of the other program's
    except BootError as error:
        say(as_printed(str(error), level="error"), sys.stderr)
        exit_code = EXIT_FAILURE
    except Exception:
        log.exception("the supervisor failed")
        say(as_printed("own failure, see the log", level="error"), sys.stderr)
        exit_code = EXIT_FAILURE
    now = Now(time.monotonic(), datetime.now())
    if settings.summary is not None:
        try:
            summary.write(Path(settings.summary), summary.summary(supervisor.market, now.monotonic))
        except OSError as error:
            text = f"the summary cannot be written: {settings.summary}: {error.strerror}"
            say(as_printed(text, level="error"), sys.stderr)
            exit_code = EXIT_FAILURE
    say(as_printed("\n".join(final_statistics(supervisor.market, now))), sys.stdout)
    return exit_code


def look(load: "Callable[[], tuple[Settings, Viewing]]") -> int:
    """Show, or judge, another program that runs; the exit code. `load` raises ConfigError."""
    settings, viewing = load()
    import display.attach

    return display.attach.main(settings, viewing, lambda: load()[0])


def programs_for(settings: "Settings") -> "Programs":
    """What runs in the children that are not the collector's own."""
    from functools import partial

    import display.app
    from collector.spawning import Programs

    return Programs(
        display=partial(display.app.main, log_settings=settings.log),
        simulator=partial(simulate, log_settings=settings.log),
    )


def simulate(listener: "socket", settings: "SimulatorSettings", log_settings: "LogSettings") -> None:
    """The target of the built-in exchange's process, which alone has a use for it.

    Its log never goes to a terminal, where a table may be drawn.
    """
    import simulator.app
    from shared import logs

    logs.configure("simulator", log_settings, screen=os.isatty(2), secrets=())
    simulator.app.main(listener, settings)


def say(text: str, stream: "TextIO | None") -> None:
    """Print, unless nobody can hear it any more: a closed terminal, a pipe whose reader is gone, a full disk.

    Where nobody reads, it is given up after SAY_LIMIT_S.
    """
    from threading import Thread

    if stream is not None:
        data = f"{text}\n".encode(stream.encoding, "replace")
        writer = Thread(target=write, args=(stream.fileno(), data), name="say", daemon=True)
        writer.start()
        writer.join(SAY_LIMIT_S)


def write(descriptor: int, data: bytes) -> None:
    """Past Python's own buffers: it would try at its end to write what is still in them."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass


def leave(exit_code: int) -> "NoReturn":
    """End this process, but do not take the interpreter apart: a thread that still asks for the list of instruments, or
    is stuck with a peer, would wake up in its ruins, which is a segmentation fault."""
    import atexit
    import contextlib

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # there is none, or nobody reads it any more
            stream.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    # What asks to stop from here on is kept until the supervisor is ready to obey it. Not by the module `signal`, nor
    # after `typing` was imported: each takes milliseconds to load, in which Ctrl+C would end in a traceback.
    pthread_sigmask(SIG_BLOCK, {SIGINT, SIGTERM, SIGHUP})
    leave(main())
