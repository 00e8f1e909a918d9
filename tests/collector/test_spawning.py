"""Every process gets what is meant for it, as the settings are when it starts."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from random import Random
from threading import Event

import msgspec
import pytest

from collector import spawning as module
from collector.assignment import Assignment
from collector.child import Child, ChildState
from collector.hub import Hub
from collector.sharding import Shard
from collector.spawning import Programs, Spawning
from shared.market import Market
from shared.processes import LEVEL_SIGNALS
from shared.settings import DisplaySettings, LogSettings, Settings, SimulatorSettings
from shared.wire import ConnectionState, ConnectionStatus, Request, Totals, WorkerReport, encode
from tests.collector.waiting import LIMIT_S

SHARDS = (Shard(3, 1, ("SBER",)),)
SETTINGS = Settings(display=DisplaySettings(mode="auto", rows=7), simulator=SimulatorSettings(rate=123))
DEBUG = msgspec.structs.replace(SETTINGS, log=LogSettings(level="debug"))


# ---- what runs in the children


def report_assignment(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    """One report, whose reason is the level and whether a screen is drawn."""
    reason = f"{assignment.settings.log.level} {assignment.is_screen_drawn}"
    connection = assignment.shards[0].connection
    status = ConnectionStatus(connection, assignment.worker, ConnectionState.ONLINE, reason, 0.0, 1, 1)
    outlet.put(encode(WorkerReport(assignment.worker, [status], [])))


def quit_if_right(connection: Connection, settings: DisplaySettings, path: str | None) -> None:
    if (settings.mode, settings.rows, path) == ("screen", 7, "/dev/pts/x"):
        connection.send_bytes(encode(Request.QUIT))


def break_down(connection: Connection, settings: DisplaySettings, path: str | None) -> None:
    os._exit(9)


def answer_with_rate(listener: socket.socket, settings: SimulatorSettings) -> None:
    with listener.accept()[0] as client:
        client.sendall(str(settings.rate).encode())


PROGRAMS = Programs(display=quit_if_right, simulator=answer_with_rate)


# ---- what they are given


@pytest.fixture
def hub() -> Hub:
    return Hub(Market(Totals(0.0, 4, 1, "gateway.test")))


@pytest.fixture
def spawning(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Spawning:
    monkeypatch.setattr(module, "work", report_assignment)
    return Spawning(hub, SETTINGS, PROGRAMS)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def end_of(process: BaseProcess) -> int | None:
    """Its exit code, once it has ended by itself."""
    with closing(process):
        process.join(LIMIT_S)
        return process.exitcode


def told_by_worker(hub: Hub, spawning: Spawning) -> str:
    assert end_of(spawning.worker(1, SHARDS, silent_for_s=0, is_screen_drawn=True)) == 0
    hub.finish_worker(1)
    return hub.read(lambda market: market.connections[3].reason)


def test_a_worker_gets_its_shards_and_the_present_settings_and_the_hub_reads_its_queue(
    hub: Hub, spawning: Spawning
) -> None:
    assert told_by_worker(hub, spawning) == "info True"
    spawning.renew(DEBUG, PROGRAMS)
    assert told_by_worker(hub, spawning) == "debug True"


def test_a_display_gets_its_mode_and_terminal_and_may_quit(spawning: Spawning) -> None:
    has_quit = Event()
    assert end_of(spawning.display("screen", "/dev/pts/x", has_quit.set, silent_for_s=0)) == 0
    assert has_quit.wait(LIMIT_S)


def test_a_program_that_was_renewed_runs_from_then_on(spawning: Spawning) -> None:
    spawning.renew(SETTINGS, PROGRAMS._replace(display=break_down))
    assert end_of(spawning.display("plain", None, lambda: None, silent_for_s=0)) == 9


def test_the_built_in_exchange_gets_the_listener_and_its_settings(spawning: Spawning, listener: socket.socket) -> None:
    process = spawning.simulator(listener, silent_for_s=0)
    with socket.create_connection(listener.getsockname(), LIMIT_S) as client:
        assert client.recv(100) == b"123"
    assert end_of(process) == 0


# ---- a level that changes


def _never(silent_for_s: float) -> BaseProcess:
    raise AssertionError("nobody starts it")


class Told(Child):
    """Remembers the signals that it is sent."""

    def __init__(self, name: str, state: ChildState = ChildState.RUNNING) -> None:
        super().__init__(name, _never, Random(1))
        self.state = state
        self.signals: list[int] = []

    def send(self, number: int) -> None:
        self.signals.append(number)


def test_a_running_worker_is_told_another_level_once(hub: Hub, spawning: Spawning) -> None:
    told_by_worker(hub, spawning)
    worker = Told("worker 2")
    spawning.tell_level(worker)
    assert worker.signals == []
    spawning.renew(DEBUG, PROGRAMS)
    spawning.tell_level(worker)
    spawning.tell_level(worker)
    assert worker.signals == [LEVEL_SIGNALS["debug"]]


def test_a_worker_that_starts_is_told_once_it_runs(hub: Hub, spawning: Spawning) -> None:
    told_by_worker(hub, spawning)
    spawning.renew(DEBUG, PROGRAMS)
    worker = Told("worker 2", ChildState.STARTING)
    spawning.tell_level(worker)
    assert worker.signals == []
    worker.state = ChildState.RUNNING
    spawning.tell_level(worker)
    assert worker.signals == [LEVEL_SIGNALS["debug"]]


def test_the_built_in_exchange_is_told_too_and_the_display_is_not(spawning: Spawning, listener: socket.socket) -> None:
    process = spawning.simulator(listener, 0.0)
    spawning.renew(DEBUG, PROGRAMS)
    simulator, display = Told("simulator"), Told("display")
    for child in (simulator, display):
        spawning.tell_level(child)
    assert (simulator.signals, display.signals) == ([LEVEL_SIGNALS["debug"]], [])
    socket.create_connection(listener.getsockname(), LIMIT_S).close()
    assert end_of(process) == 0
