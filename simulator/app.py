"""What the exchange's process runs, whether it is a child of the supervisor or started alone."""

import asyncio
import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterable
from socket import socket

from shared import logs
from shared.processes import LEVEL_SIGNALS
from shared.settings import SimulatorSettings
from simulator.faults import Faults
from simulator.server import BuiltInExchange

log = logging.getLogger(__name__)


def main(listener: socket, settings: SimulatorSettings) -> None:
    """Serve on a listening socket until SIGTERM comes or the parent is gone. The target of a child process.

    SIGINT is ignored: Ctrl+C is the supervisor's. LEVEL_SIGNALS change the level of its log. The socket is closed here,
    the parent's copy of it is not.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    serve_until_signal(listener, settings, Faults(), [signal.SIGTERM])


def serve_until_signal(
    listener: socket,
    settings: SimulatorSettings,
    faults: Faults,
    signals: Iterable[signal.Signals],
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until one of `signals` comes, or the parent process is gone where there is one. Blocks; main thread only.

    `on_ready` is called once, as soon as those signals are obeyed.
    """
    asyncio.run(_serve(listener, settings, faults, signals, on_ready))


async def _serve(
    listener: socket,
    settings: SimulatorSettings,
    faults: Faults,
    signals: Iterable[signal.Signals],
    on_ready: Callable[[], None],
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop.add_reader(parent.sentinel, stop.set)
        for level, signal_of_level in LEVEL_SIGNALS.items():
            loop.add_signal_handler(signal_of_level, logs.set_level, level)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LEVEL_SIGNALS.values())
    on_ready()
    await BuiltInExchange(settings, faults).run(listener, stop)
    log.info("built-in exchange stopped")
