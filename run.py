#!/usr/bin/env python3
"""MOEX WebSocket Monitor: arguments -> settings -> supervisor; its exit code."""

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socket import socket
    from typing import TextIO

    from shared.settings import Settings, SimulatorSettings

EXIT_STOPPED_AS_ASKED = 0
EXIT_USAGE = 2
EXIT_FAILURE = 70


def main() -> int:
    """Run the program until it is asked to stop; the exit code says why it ended."""
    # What asks to stop from here on is kept until the supervisor is ready to obey it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
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
    from pathlib import Path

    import display.app
    from collector import summary
    from collector.supervisor import Programs, Supervisor
    from display.now import Now
    from display.views import final_statistics
    from shared import logs
    from shared.errors import BootError

    log = logging.getLogger("run")
    supervisor = Supervisor(settings, Programs(display=display.app.main, simulator=simulate))
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


def simulate(listener: "socket", settings: "SimulatorSettings") -> None:
    """The target of the built-in exchange's process, which alone has a use for it."""
    import simulator.app

    simulator.app.main(listener, settings)


def say(text: str, stream: "TextIO") -> None:
    """Print, unless nobody can hear it any more: a closed terminal, a pipe whose reader is gone, a full disk."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else Python would try again at its end


if __name__ == "__main__":
    sys.exit(main())
