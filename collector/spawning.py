"""Makes the processes of the program: what each of them runs, and what it is given on its way.

Children are forked by a clean, single-threaded server, because the supervisor has threads (one for each worker's queue
and each display).
"""

import multiprocessing
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import msgspec

from collector.assignment import Assignment, work
from collector.child import Child, ChildState
from collector.hub import Hub
from collector.sharding import Shard
from shared.processes import LEVEL_SIGNALS, ChildProcess, signals_blocked
from shared.settings import DisplaySettings, Settings, SimulatorSettings

QUEUE_LIMIT = 256


class Programs(NamedTuple):
    """What runs in the children that are not of this package; `run.py` names them."""

    display: Callable[[Connection, DisplaySettings, str | None], None]
    simulator: Callable[[socket.socket, SimulatorSettings], None]


class Spawning:
    """Each method that makes a process starts it; they raise OSError or EOFError when there can be none.

    For `silent_for_s` from its start it tells nothing: neither of its connections, nor the traceback of its failure.
    For the supervisor's main thread alone.
    """

    def __init__(self, hub: Hub, settings: Settings, programs: Programs) -> None:
        self._hub = hub
        self._settings = settings
        self._programs = programs
        self._levels: dict[str, str] = {}
        self._context = multiprocessing.get_context("forkserver")

    def renew(self, settings: Settings, programs: Programs) -> None:
        """Those of processes that start from now on."""
        self._settings, self._programs = settings, programs

    def worker(
        self, number: int, shards: tuple[Shard, ...], silent_for_s: float, *, is_screen_drawn: bool
    ) -> BaseProcess:
        assignment = Assignment(number, shards, self._settings, is_screen_drawn, silent_for_s)
        queue = self._context.Queue(QUEUE_LIMIT)
        self._levels[f"worker {number + 1}"] = self._settings.log.level
        process = self._started(work, f"worker-{number + 1}", silent_for_s, assignment, queue)
        queue._writer.close()  # type: ignore[attr-defined]  # else the end of a killed worker would never show
        self._hub.add_worker(number, queue)
        return process

    def display(
        self, mode: str, terminal: str | None, on_quit: Callable[[], object], silent_for_s: float
    ) -> BaseProcess:
        """`terminal` is the path of the one to draw on; `on_quit` is called, in a thread, when the display says so."""
        ours, theirs = self._context.Pipe(duplex=True)
        settings = msgspec.structs.replace(self._settings.display, mode=mode)
        process = self._started(self._programs.display, "display", silent_for_s, theirs, settings, terminal)
        theirs.close()
        self._hub.add_watcher(ours, on_quit)
        return process

    def simulator(self, listener: socket.socket, silent_for_s: float) -> BaseProcess:
        self._levels["simulator"] = self._settings.log.level
        return self._started(self._programs.simulator, "simulator", silent_for_s, listener, self._settings.simulator)

    @staticmethod
    def _started(target: Callable[..., None], name: str, silent_for_s: float, *arguments: object) -> BaseProcess:
        process = ChildProcess(target=target, name=name, args=arguments)
        process.silent_for_s = silent_for_s
        with signals_blocked():
            process.start()
        return process

    def tell_level(self, child: Child) -> None:
        """Have a worker, or the simulator, log from the present level on, once it runs.

        A process that starts has it from its settings, and a display is replaced.
        """
        level = self._settings.log.level
        if child.state is ChildState.RUNNING and self._levels.get(child.name, level) != level:
            self._levels[child.name] = level
            if level in LEVEL_SIGNALS:
                child.send(LEVEL_SIGNALS[level])
