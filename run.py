#!/usr/bin/env python3
"""MOEX WebSocket Monitor: arguments -> settings -> supervisor; its exit code."""

import os
import sys
from _signal import SIG_BLOCK, SIGHUP, SIGINT, SIGTERM, pthread_sigmask  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket
    from typing import TextIO

    from shared.settings import LogSettings, Settings, SimulatorSettings

EXIT_STOPPED_AS_ASKED = 0
EXIT_USAGE = 2
EXIT_FAILURE = 70
SAY_LIMIT_S = 0.5


def main() -> int:
    """Run the program until it is asked to stop; the exit code says why it ended."""
    # Every child imports this file before its own program: what is imported up there would be in all of them.
    from pathlib import Path

    from shared import settings
    from shared.errors import ConfigError

    try:
        chosen = settings.load(sys.argv[1:], os.environ, Path(__file__).resolve().parent)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    return run(chosen)


def run(settings: "Settings") -> int:
    """Run with these settings, then print the final statistics and write the summary, whatever the way out."""
    import logging
    import time
    from datetime import datetime
    from functools import partial
    from pathlib import Path

    import display.app
    from collector import summary
    from collector.supervisor import Programs, Supervisor
    from display.now import Now
    from display.views import final_statistics
    from shared import logs
    from shared.errors import BootError

    log = logging.getLogger("run")
    draw = partial(display.app.main, log_settings=settings.log)
    supervisor = Supervisor(settings, Programs(display=draw, simulator=partial(simulate, log_settings=settings.log)))
    logs.configure(
        "supervisor",
        settings.log,
        screen=supervisor.display_mode == "screen",
        secrets=[settings.credentials.passcode.reveal()],
    )
    exit_code = EXIT_STOPPED_AS_ASKED
    try:
        supervisor.run()
    except BootError as error:
        say(str(error), sys.stderr)
        exit_code = EXIT_FAILURE
    except Exception:
        log.exception("the supervisor failed")
        say("own failure, see the log", sys.stderr)
        exit_code = EXIT_FAILURE
    now = Now(time.monotonic(), datetime.now())
    if settings.summary is not None:
        try:
            summary.write(Path(settings.summary), summary.summary(supervisor.market, now.monotonic))
        except OSError as error:
            say(f"the summary cannot be written: {settings.summary}: {error.strerror}", sys.stderr)
            exit_code = EXIT_FAILURE
    say("\n".join(final_statistics(supervisor.market, now)), sys.stdout)
    return exit_code


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


if __name__ == "__main__":
    # What asks to stop from here on is kept until the supervisor is ready to obey it. Not by the module `signal`, nor
    # after `typing` was imported: each takes milliseconds to load, in which Ctrl+C would end in a traceback.
    pthread_sigmask(SIG_BLOCK, {SIGINT, SIGTERM, SIGHUP})
    sys.exit(main())
