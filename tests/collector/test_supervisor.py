"""The parent: what it starts, what it replaces, what it gives up on, and that nothing is left of it."""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from collector import calls, child, instrument_loading, session_watch, spawning, telling, terminal
from collector import supervisor as module
from collector.assignment import Assignment
from collector.child import Child, ChildState
from collector.instruments import Instruments
from collector.socket_file import SocketFile
from collector.spawning import Programs, Spawning
from collector.supervisor import Rereading, Supervisor
from collector.trading_calendar import Calendar, Hours
from collector.worker import REPORT_INTERVAL_S
from shared.errors import AlreadyRunning, BootError, ConfigError, IssError
from shared.market import Market
from shared.processes import STOP_SIGNALS, become_child, run_state
from shared.settings import (
    CollectorSettings,
    DisplaySettings,
    InstrumentSettings,
    LogSettings,
    ServiceSettings,
    Settings,
    SimulatorSettings,
)
from shared.wire import ConnectionState, ConnectionStatus, Counters, Request, WorkerReport, encode
from tests.collector.waiting import LIMIT_S, nothing_left_over, wait_until

TICKERS = ("SBER", "GAZP", "T")
SETTINGS = Settings(
    instruments=InstrumentSettings(selection="unique"),
    collector=CollectorSettings(workers=2, connections=2, tickers_per_connection=1),
    display=DisplaySettings(mode="none"),
    service=ServiceSettings(socket="none"),
)


# ---- what runs in the children


def report_on(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    """A worker in good health: a report of one message, again and again, and a last one of a thousand."""
    reader, writer = os.pipe()
    become_child(on_terminate=lambda: os.write(writer, b"\0"))
    while not multiprocessing.connection.wait([reader], 0.05):
        outlet.put(encode(report(assignment, messages=1)))
    outlet.put(encode(report(assignment, messages=1000)))


def report(assignment: Assignment, messages: int) -> WorkerReport:
    statuses = [
        ConnectionStatus(
            shard.connection, assignment.worker, ConnectionState.ONLINE, "", 0.0, 2, 2, total=Counters(messages)
        )
        for shard in assignment.shards
    ]
    return WorkerReport(assignment.worker, statuses, [], is_last=messages > 1)


def exit_at_once(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    os._exit(5)


def exit_at_once_if_first(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    (exit_at_once if assignment.worker == 0 else report_on)(assignment, outlet)


def hang_if_first(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    if assignment.worker == 1:
        report_on(assignment, outlet)
    outlet.put(encode(report(assignment, messages=1)))
    time.sleep(3600)


def not_stop_when_asked(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    become_child(on_terminate=lambda: None)
    while True:
        outlet.put(encode(report(assignment, messages=1)))
        time.sleep(0.05)


def stop_late(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    report_on(assignment, outlet)
    time.sleep(1.0)


def wait_for_the_end(connection: Connection, settings: DisplaySettings, path: str | None) -> None:
    """A display that only waits for its hub to go."""
    become_child(on_terminate=lambda: sys.exit(0))
    with contextlib.suppress(EOFError):
        connection.recv_bytes()


def quit_at_once(connection: Connection, settings: DisplaySettings, path: str | None) -> None:
    connection.send_bytes(encode(Request.QUIT))
    wait_for_the_end(connection, settings, path)


def break_down(connection: Connection, settings: DisplaySettings, path: str | None) -> None:
    os._exit(1)


def answer_one(listener: socket.socket, settings: SimulatorSettings) -> None:
    """An exchange that says its process id to one client, and ends."""
    connection, _ = listener.accept()
    connection.sendall(str(os.getpid()).encode())


PROGRAMS = Programs(display=wait_for_the_end, simulator=answer_one)


# ---- a run


@pytest.fixture(autouse=True)
def signals_and_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A run takes over what belongs to the whole process."""
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def instruments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instrument_loading, "load_instruments", lambda *_: Instruments(TICKERS, "the test"))


@pytest.fixture(autouse=True)
def calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trading around the clock."""
    always = Calendar(dict.fromkeys(range(1, 8), Hours(0, 86_400)), {})
    monkeypatch.setattr(session_watch, "fetch_calendar", lambda _: always)
    monkeypatch.setattr(session_watch, "SETTLED_AFTER_S", 0.0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less time for everything, so that nobody has to wait for it."""
    monkeypatch.setattr(child, "FROZEN_AFTER_S", 0.6)
    monkeypatch.setattr(child, "HUNG_AFTER_S", 0.6)
    monkeypatch.setattr(module, "SUSPENDED_AFTER_S", 0.4)
    monkeypatch.setattr(child, "RESTART_CAP_S", 0.1)
    monkeypatch.setattr(child, "BOOT_PATIENCE_S", 0.1)


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr(spawning, "work", report_on)
    return Supervisor(SETTINGS, PROGRAMS)


def run(supervisor: Supervisor, script: Callable[[], object]) -> None:
    """Run it while another thread goes through `script`; it is asked to stop once. Raises what either raises."""
    failures: list[BaseException] = []

    def act() -> None:
        try:
            script()
        except BaseException as failure:
            failures.append(failure)
        finally:
            if supervisor._calls.stop_requested_at is None:  # a second request would cut the end short
                supervisor._calls.stop()

    thread = threading.Thread(target=act, name="script")
    thread.start()
    try:
        supervisor.run()
    finally:
        thread.join()
    if failures:
        raise failures[0]


def wait_until_online(supervisor: Supervisor) -> None:
    wait_until(lambda: supervisor.market.online == 2 and is_running(supervisor))


def is_running(supervisor: Supervisor) -> bool:
    return all(one.state is ChildState.RUNNING for one in supervisor._workers.values())


def pids(supervisor: Supervisor) -> dict[str, int]:
    return {one.name: one.pid for one in supervisor._children() if one.pid is not None}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def events(supervisor: Supervisor) -> list[tuple[str, str]]:
    return [(event.source, event.text) for event in supervisor.market.events]


def with_display(supervisor_settings: Settings = SETTINGS) -> Settings:
    return msgspec.structs.replace(supervisor_settings, display=DisplaySettings(mode="plain"))


# ---- from the start to the end


def test_all_workers_run_and_the_market_knows_what_was_planned(healthy: Supervisor) -> None:
    run(healthy, lambda: wait_until_online(healthy))
    totals = healthy.market.totals
    assert (totals.tickers_planned, totals.instruments_source, totals.worker_restarts) == (2, "the test", 0)
    assert totals.subscriptions_planned == 4
    assert ("instruments", "3 tickers from the test") in events(healthy)


def test_which_connection_carries_which_ticker_is_in_the_market(healthy: Supervisor) -> None:
    run(healthy, lambda: wait_until_online(healthy))
    carriers = healthy.market.carriers
    assert sorted(carriers.values()) == [[0], [1]]
    assert set(carriers) < set(TICKERS)


def test_the_session_is_told_once_as_an_event_and_in_the_log(
    healthy: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        run(healthy, lambda: wait_until(lambda: ("session", "the exchange is open") in events(healthy)))
    assert [source for source, _ in events(healthy)].count("session") == 1
    assert [record.message for record in caplog.records].count("the exchange is open") == 1
    assert healthy.market.totals.is_exchange_open is True


def test_a_calendar_that_never_comes_delays_neither_the_start_nor_the_stop(
    healthy: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hang(_: str) -> Calendar:
        over.wait()
        raise IssError("timed out")

    monkeypatch.setattr(session_watch, "fetch_calendar", hang)
    with nothing_left_over():
        run(healthy, lambda: wait_until_online(healthy))
        assert not over.is_set()
        over.set()
    assert healthy.market.totals.is_exchange_open is None


def test_what_workers_send_at_their_end_is_still_counted(healthy: Supervisor) -> None:
    run(healthy, lambda: wait_until_online(healthy))
    assert 2000 < healthy.market.totals.counters.messages < 3000
    assert healthy.market.online == 2


def test_nothing_is_left_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    Supervisor(msgspec.structs.replace(SETTINGS, duration_s=0.1), PROGRAMS).run()  # starts the fork server
    left: dict[str, int] = {}

    def run_once() -> None:
        supervisor = Supervisor(with_display(), PROGRAMS)

        def script() -> None:
            wait_until_online(supervisor)
            left.update(pids(supervisor))

        run(supervisor, script)
        assert pids(supervisor) == {}

    with nothing_left_over():
        run_once()
    assert set(left) == {"worker 1", "worker 2", "display"}
    assert not any(is_alive(pid) for pid in left.values())


def test_it_ends_by_itself_after_its_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    supervisor = Supervisor(msgspec.structs.replace(SETTINGS, duration_s=0.6), PROGRAMS)
    began = time.monotonic()
    supervisor.run()
    assert time.monotonic() - began >= 0.6
    assert pids(supervisor) == {}


def test_asking_twice_shortens_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", not_stop_when_asked)
    monkeypatch.setattr(module, "WORKERS_STOP_LIMIT_S", 3600.0)
    monkeypatch.setattr(calls, "SECOND_REQUEST_AFTER_S", 0.0)
    supervisor = Supervisor(SETTINGS, PROGRAMS)

    def script() -> None:
        wait_until_online(supervisor)
        supervisor._calls.stop()
        supervisor._calls.stop()

    began = time.monotonic()
    run(supervisor, script)
    assert time.monotonic() - began < 5 * LIMIT_S
    assert {one.reason for one in supervisor._workers.values()} == {"did not stop when asked"}


def test_a_worker_that_does_not_stop_when_asked_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", not_stop_when_asked)
    monkeypatch.setattr(module, "WORKERS_STOP_LIMIT_S", 0.1)
    supervisor = Supervisor(SETTINGS, PROGRAMS)
    run(supervisor, lambda: wait_until_online(supervisor))
    assert {one.reason for one in supervisor._workers.values()} == {"did not stop when asked"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_stop_signal_ends_it_in_an_orderly_way(healthy: Supervisor, number: int) -> None:
    def script() -> None:
        wait_until_online(healthy)
        os.kill(os.getpid(), number)
        wait_until(lambda: healthy._calls.stop_requested_at is not None)

    run(healthy, script)
    assert {one.exit_code for one in healthy._workers.values()} == {0}


def test_a_signal_that_nohup_had_ignored_stays_ignored(healthy: Supervisor) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def script() -> None:
        wait_until_online(healthy)
        os.kill(os.getpid(), signal.SIGHUP)
        before = healthy.market.totals.counters.messages
        wait_until(lambda: healthy.market.totals.counters.messages > before + 5)
        assert healthy._calls.stop_requested_at is None

    run(healthy, script)


def test_asking_after_the_end_is_harmless(healthy: Supervisor) -> None:
    run(healthy, lambda: wait_until_online(healthy))
    healthy._calls.stop()
    assert pids(healthy) == {}


# ---- settings that are read anew


def rereading(*answers: Settings | ConfigError) -> Rereading:
    """Each request gets the next answer."""
    left = list(answers)

    def answer() -> Settings:
        if isinstance(one := left.pop(0), ConfigError):
            raise one
        return one

    return Rereading(answer, lambda _: PROGRAMS)


@pytest.fixture
def without_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    monkeypatch.setattr(terminal, "is_there", lambda: False)


def told(supervisor: Supervisor) -> list[str]:
    return [text for source, text in events(supervisor) if source == "settings"]


@pytest.mark.usefixtures("without_terminal")
def test_what_can_change_while_it_runs_does_and_the_display_alone_is_replaced() -> None:
    old = with_display()
    new = msgspec.structs.replace(old, display=DisplaySettings(mode="plain", status_interval_s=3.0))
    supervisor = Supervisor(old, PROGRAMS, rereading=rereading(new))

    def script() -> None:
        wait_until_online(supervisor)
        before = pids(supervisor)
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: pids(supervisor).get("display", before["display"]) != before["display"])
        assert pids(supervisor) | {"display": 0} == before | {"display": 0}

    run(supervisor, script)
    assert told(supervisor) == ["read anew: changed [display] status_interval_s"]
    assert supervisor._settings.display.status_interval_s == 3.0
    assert ("display", "its settings have changed") in events(supervisor)
    assert supervisor.market.totals.worker_restarts == 0


@pytest.mark.usefixtures("without_terminal")
def test_wrong_settings_are_refused_with_one_line_and_right_ones_are_taken_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    new = msgspec.structs.replace(SETTINGS, collector=CollectorSettings(workers=1, connections=1))
    supervisor = Supervisor(SETTINGS, PROGRAMS, rereading=rereading(ConfigError("config.toml: bad"), new))

    def script() -> None:
        wait_until_online(supervisor)
        before = pids(supervisor)
        for count in (1, 2):
            os.kill(os.getpid(), signal.SIGHUP)
            wait_until(lambda count=count: len(told(supervisor)) == count)  # type: ignore[misc]
        assert pids(supervisor) == before

    with caplog.at_level("INFO"):
        run(supervisor, script)
    assert told(supervisor) == [
        "they stay as they are: config.toml: bad",
        "read anew: only a restart changes [collector] workers, [collector] connections,"
        " [collector] tickers_per_connection",
    ]
    assert caplog.messages.count("the settings stay as they are: config.toml: bad") == 1
    assert supervisor.market.totals.rereadings == 2  # whoever watches has a file of its own to read


@pytest.mark.usefixtures("without_terminal")
def test_a_level_reaches_workers_that_run_and_those_that_start_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", say_level)
    supervisor = Supervisor(
        SETTINGS, PROGRAMS, rereading=rereading(msgspec.structs.replace(SETTINGS, log=LogSettings(level="debug")))
    )

    def script() -> None:
        wait_until_online(supervisor)
        assert {one.reason for one in supervisor.market.connections.values()} == {"info"}
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: {one.reason for one in supervisor.market.connections.values()} == {"debug"})
        assert supervisor.market.totals.worker_restarts == 0
        os.kill(pids(supervisor)["worker 1"], signal.SIGKILL)
        wait_until(lambda: supervisor.market.totals.worker_restarts == 1 and supervisor.market.online == 2)
        assert {one.reason for one in supervisor.market.connections.values()} == {"debug"}

    run(supervisor, script)


def say_level(assignment: Assignment, outlet: "Queue[bytes]") -> None:
    """A worker that reports its log level as the reason of its connections."""
    reader, writer = os.pipe()
    level: list[str] = [assignment.settings.log.level]
    become_child(on_terminate=lambda: os.write(writer, b"\0"), on_level=level.append)
    while not multiprocessing.connection.wait([reader], 0.05):
        made = report(assignment, messages=1)
        for status in made.connections:
            status.reason = level[-1]
        outlet.put(encode(made))


@pytest.mark.parametrize(
    ("is_drawn", "is_there", "is_reread"),
    [(False, False, True), (False, True, False), (True, False, False), (True, True, False)],
)
def test_sighup_ends_what_has_a_terminal_and_has_all_else_read_its_settings(
    monkeypatch: pytest.MonkeyPatch, is_drawn: bool, is_there: bool, is_reread: bool
) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    monkeypatch.setattr(terminal, "is_there", lambda: is_there)
    monkeypatch.setattr(terminal, "of_standard_output", lambda: RememberedTerminal() if is_drawn else None)
    settings = msgspec.structs.replace(SETTINGS, display=DisplaySettings(mode="auto"))
    supervisor = Supervisor(settings, PROGRAMS, rereading=rereading(settings))

    def script() -> None:
        wait_until_online(supervisor)
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: bool(told(supervisor)) or supervisor._calls.stop_requested_at is not None)
        assert (supervisor._calls.stop_requested_at is None) is is_reread

    run(supervisor, script)


# ---- what dies comes back


def test_a_killed_worker_comes_back_and_the_other_is_left_alone(healthy: Supervisor) -> None:
    def script() -> None:
        wait_until_online(healthy)
        before = pids(healthy)
        os.kill(before["worker 1"], signal.SIGKILL)
        wait_until(lambda: pids(healthy).get("worker 1", before["worker 1"]) != before["worker 1"])
        wait_until_online(healthy)
        assert pids(healthy)["worker 2"] == before["worker 2"]

    run(healthy, script)
    assert healthy.market.totals.worker_restarts == 1
    assert ("worker 1", "killed by SIGKILL") in events(healthy)


def test_the_connections_of_a_dead_worker_are_down_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", exit_at_once_if_first)
    supervisor = Supervisor(SETTINGS, PROGRAMS)

    def script() -> None:
        wait_until(lambda: supervisor.market.online == 1)
        wait_until(lambda: supervisor.market.connections[0].state is ConnectionState.DOWN)

    run(supervisor, script)
    assert supervisor.market.connections[0].reason == "worker 1 ended with exit code 5"
    assert supervisor.market.connections[1].state is ConnectionState.ONLINE


@pytest.mark.usefixtures("impatient")
def test_a_frozen_worker_is_replaced(healthy: Supervisor) -> None:
    def script() -> None:
        wait_until_online(healthy)
        before = pids(healthy)["worker 2"]
        os.kill(before, signal.SIGSTOP)
        wait_until(lambda: pids(healthy).get("worker 2", before) != before)

    run(healthy, script)
    assert ("worker 2", "frozen: the process is stopped") in events(healthy)


@pytest.mark.usefixtures("impatient")
def test_a_hanging_worker_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", hang_if_first)
    supervisor = Supervisor(SETTINGS, PROGRAMS)
    run(supervisor, lambda: wait_until(lambda: supervisor.market.totals.worker_restarts > 0))
    reason = next(text for source, text in events(supervisor) if source == "worker 1")
    assert reason.startswith("hung: no report for ")


@pytest.mark.parametrize("silence_s", [0.7, 0.9, 1.2, 1.6, 1.9, 60.0])
def test_a_supervisor_that_was_itself_stopped_does_not_take_its_workers_for_hung(
    healthy: Supervisor, silence_s: float
) -> None:
    """Nothing was heard for that long, but nothing was listened to either."""
    sleeper = Child("worker 1", lambda _: started(time.sleep, 3600), Random(1))
    looked_at = time.monotonic() - silence_s
    reported_at = looked_at - REPORT_INTERVAL_S
    sleeper.start(reported_at)
    sleeper.heard(reported_at)
    healthy._workers[0] = sleeper
    wait_until(lambda: run_state(sleeper.pid) == "S")
    try:
        healthy._look(looked_at)
        assert (sleeper.state, sleeper._verdict) == (ChildState.RUNNING, None)
    finally:
        sleeper.kill()
        wait_until(lambda: sleeper.reap(time.monotonic()))
        healthy._close()


def started(target: Callable[..., object], *arguments: object) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("forkserver").Process(target=target, args=arguments)
    process.start()
    return process


# ---- what cannot be healed


@pytest.mark.usefixtures("impatient")
def test_when_no_worker_can_be_started_it_gives_up_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", exit_at_once)
    with pytest.raises(BootError, match="no worker can be started: ended with exit code 5"):
        Supervisor(SETTINGS, PROGRAMS).run()


def test_a_start_that_fails_is_no_restart_that_is_counted(healthy: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [OSError(11, "no room"), EOFError()]

    def started(*arguments: Any) -> multiprocessing.process.BaseProcess:
        if failures and healthy.market.online == 2:
            raise failures.pop()
        return start(*arguments)

    start = Spawning._started
    monkeypatch.setattr(Spawning, "_started", staticmethod(started))

    def script() -> None:
        wait_until_online(healthy)
        before = pids(healthy)["worker 1"]
        monkeypatch.setattr(Market, "worker_lost", lambda *_: None)  # still two online, for `spawn`
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: pids(healthy).get("worker 1", before) != before and is_running(healthy))

    run(healthy, script)
    assert failures == []
    assert healthy.market.totals.worker_restarts == 1


@pytest.mark.usefixtures("impatient")
def test_one_worker_that_dies_at_every_start_lets_the_other_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", exit_at_once_if_first)
    supervisor = Supervisor(SETTINGS, PROGRAMS)

    def script() -> None:
        wait_until(lambda: supervisor.market.totals.worker_restarts > 3)
        before = supervisor.market.totals.counters.messages
        wait_until(lambda: supervisor.market.totals.counters.messages > before)
        assert supervisor._workers[0].boot_failures >= child.BOOT_FAILURES

    run(supervisor, script)


@pytest.mark.usefixtures("impatient")
def test_the_first_deaths_of_a_worker_are_events_and_the_others_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", exit_at_once_if_first)
    monkeypatch.setattr(telling, "RESTARTS_TOLD", 1)
    supervisor = Supervisor(SETTINGS, PROGRAMS)
    run(supervisor, lambda: wait_until(lambda: supervisor.market.totals.worker_restarts >= 3))
    said = [text for source, text in events(supervisor) if source == "worker 1"]
    assert said == ["ended with exit code 5", "ended with exit code 5; restarted, told again in 10 min"]


def test_a_failure_of_our_own_while_loading_ends_it_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Instruments:
        raise TypeError("board TQTF: nothing anywhere")

    monkeypatch.setattr(instrument_loading, "load_instruments", fail)
    with nothing_left_over(), pytest.raises(BootError, match="board TQTF: nothing anywhere"):
        Supervisor(SETTINGS, PROGRAMS).run()


# ---- the display


def test_without_a_display_none_is_started(healthy: Supervisor) -> None:
    def script() -> None:
        wait_until_online(healthy)
        assert set(pids(healthy)) == {"worker 1", "worker 2"}

    run(healthy, script)
    assert healthy.display_mode == "none"


def test_several_signals_at_once_are_one_request(healthy: Supervisor) -> None:
    def script() -> None:
        wait_until_online(healthy)
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), number)
        wait_until(lambda: healthy._calls.stop_requested_at is not None)

    run(healthy, script)
    assert {one.exit_code for one in healthy._workers.values()} == {0}


def test_quit_in_the_display_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    supervisor = Supervisor(with_display(), PROGRAMS._replace(display=quit_at_once))
    supervisor.run()
    assert supervisor._calls.stop_requested_at is not None


def test_a_dead_display_comes_back_and_the_workers_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    supervisor = Supervisor(with_display(), PROGRAMS)

    def script() -> None:
        wait_until_online(supervisor)
        before = pids(supervisor)
        os.kill(before["display"], signal.SIGKILL)
        wait_until(lambda: pids(supervisor).get("display", before["display"]) != before["display"])
        assert pids(supervisor) | {"display": 0} == before | {"display": 0}

    run(supervisor, script)
    assert ("display", "killed by SIGKILL") in events(supervisor)
    assert supervisor.market.totals.worker_restarts == 0


class RememberedTerminal:
    path = "/dev/null"

    def __init__(self) -> None:
        self.restored = 0

    def restore(self) -> None:
        self.restored += 1


@pytest.mark.parametrize(("display", "is_restored"), [(break_down, True), (wait_for_the_end, False)])
def test_the_terminal_is_restored_after_a_display_that_broke_down_and_only_then(
    monkeypatch: pytest.MonkeyPatch, display: Callable[..., None], is_restored: bool
) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    remembered = RememberedTerminal()
    monkeypatch.setattr(terminal, "of_standard_output", lambda: remembered)
    settings = msgspec.structs.replace(SETTINGS, display=DisplaySettings(mode="auto"))
    supervisor = Supervisor(settings, PROGRAMS._replace(display=display))
    run(supervisor, lambda: wait_until_online(supervisor))
    assert supervisor.display_mode == "screen"
    assert (remembered.restored > 0) is is_restored


def test_a_display_that_breaks_down_while_workers_stop_does_not_make_the_loop_spin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spawning, "work", stop_late)
    supervisor = Supervisor(with_display(), PROGRAMS)
    waits: list[float] = []

    def counting(objects: Sequence[Any], timeout_s: float) -> list[Any]:
        waits.append(timeout_s)
        return multiprocessing.connection.wait(objects, timeout_s)

    def script() -> None:
        wait_until_online(supervisor)
        supervisor._calls.stop()
        wait_until(lambda: supervisor._workers[0].state is ChildState.STOPPING)
        monkeypatch.setattr(calls, "wait", counting)
        os.kill(pids(supervisor)["display"], signal.SIGKILL)
        wait_until(lambda: "worker 1" not in pids(supervisor))

    run(supervisor, script)
    assert len(waits) < 40


# ---- the built-in exchange


def answered_by(port: int) -> int:
    """The process that serves the port."""
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as client:
        return int(client.recv(100))


def test_the_built_in_exchange_keeps_its_port_over_all_its_incarnations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    supervisor = Supervisor(msgspec.structs.replace(SETTINGS, simulate=True), PROGRAMS)
    exchange = supervisor._settings.exchange
    port = int(exchange.url.removeprefix("ws://127.0.0.1:").partition("/")[0])
    assert exchange.iss_url == f"http://127.0.0.1:{port}/iss"

    def script() -> None:
        assert answered_by(port) != answered_by(port)

    run(supervisor, script)
    assert supervisor.market.totals.is_simulated
    assert ("simulator", "ended with exit code 0") in events(supervisor)


# ---- whoever looks from outside


def with_socket(path: Path) -> Settings:
    return msgspec.structs.replace(SETTINGS, duration_s=0.1, service=ServiceSettings(socket=str(path)))


def test_the_socket_for_viewers_is_there_while_it_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    supervisor = Supervisor(msgspec.structs.replace(with_socket(tmp_path / "s"), duration_s=None), PROGRAMS)
    run(supervisor, lambda: wait_until((tmp_path / "s").is_socket))
    assert not (tmp_path / "s").exists()


def test_a_start_on_the_socket_of_another_program_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with SocketFile(tmp_path / "s").listen(is_folder_ours=False):
        supervisor = Supervisor(with_socket(tmp_path / "s"), PROGRAMS)
        with nothing_left_over(), pytest.raises(AlreadyRunning, match=f"pid {os.getpid()} has the socket"):
            supervisor.run()
    assert supervisor._children() == []
    assert (tmp_path / "s").is_socket()


def test_where_there_can_be_no_socket_for_viewers_it_is_told_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spawning, "work", report_on)
    supervisor = Supervisor(with_socket(tmp_path / "gone" / "s"), PROGRAMS)
    supervisor.run()
    assert [source for source, _ in events(supervisor)].count("viewers") == 1
    assert caplog.text.count("attach and health cannot see this program") == 1
