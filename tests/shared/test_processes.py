"""A child process ignores what is the supervisor's affair, obeys SIGTERM, and never outlives its parent."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from threading import Thread
from typing import Literal

import pytest

from shared import logs
from shared.processes import (
    EXIT_OWN_FAILURE,
    LEVEL_SIGNALS,
    ChildProcess,
    become_child,
    show_name,
    signals_blocked,
    usage_of,
)
from shared.settings import LogSettings

CONTEXT = multiprocessing.get_context("forkserver")
LIMIT_S = 30.0
HANDLED_BY_A_PARENT = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


def answer(end: Connection) -> None:
    """Target of a process: become a child, and answer each message by `(pid, blocked signals)` until SIGTERM."""
    become_child(on_terminate=lambda: end.send("terminated"), on_level=end.send)
    while end.recv() != "end":
        end.send((os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, ())))


def answer_with_inherited_signals(end: Connection) -> None:
    """As `answer`, in a process that inherited a handler and a wakeup descriptor from a parent that used them."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in HANDLED_BY_A_PARENT:
        signal.signal(number, lambda *_: end.send("inherited"))
    answer(end)
    os.set_blocking(reader, False)
    try:
        end.send(os.read(reader, 100))
    except BlockingIOError:
        end.send(b"")


def start_a_child_and_wait(end: Connection, start_method: str) -> None:
    """Target of a process that is a parent itself; it hands its own end to the child."""
    multiprocessing.set_start_method(start_method, force=True)
    process = multiprocessing.Process(target=answer, args=(end,))
    process.start()
    time.sleep(3600)


class Child:
    """A process with `answer` in it."""

    def __init__(self, target: object = answer, context: SpawnContext | ForkServerContext = CONTEXT) -> None:
        self.end, theirs = context.Pipe()
        self.process = context.Process(target=target, args=(theirs,))  # type: ignore[arg-type]
        with signals_blocked():
            self.process.start()
        theirs.close()

    def ask(self) -> object:
        self.end.send("?")
        return self.receive()

    def receive(self) -> object:
        assert self.end.poll(LIMIT_S)
        return self.end.recv()

    def signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child()
    yield made
    made.process.kill()
    made.process.join()
    made.end.close()


def is_alive(pid: int) -> bool:
    """A process that only waits to be reaped is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_process_has_used_is_read_from_the_system() -> None:
    before = usage_of(os.getpid())
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    after = usage_of(os.getpid())
    assert before is not None
    assert after is not None
    assert before.cpu_s + 0.05 <= after.cpu_s <= time.process_time() + 1
    assert 5_000_000 < after.memory_bytes < 5_000_000_000


def test_a_process_that_is_not_there_has_no_usage() -> None:
    assert usage_of(2**30) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_are_the_parents_affair(child: Child, number: int) -> None:
    child.ask()
    child.signal(number)
    assert isinstance(child.ask(), tuple)


def test_sigterm_calls_back_and_ends_nothing_by_itself(child: Child) -> None:
    child.ask()
    child.signal(signal.SIGTERM)
    assert child.receive() == "terminated"
    assert isinstance(child.ask(), tuple)


@pytest.mark.parametrize(("level", "number"), sorted(LEVEL_SIGNALS.items()))
def test_a_signal_tells_the_level_of_the_log_and_ends_nothing(child: Child, level: str, number: int) -> None:
    child.ask()
    child.signal(number)
    assert child.receive() == level
    assert isinstance(child.ask(), tuple)


def test_signals_that_were_blocked_around_the_start_get_through_afterwards(child: Child) -> None:
    assert child.ask() == (child.process.pid, set())


@pytest.mark.parametrize(("told", "number"), [("terminated", signal.SIGTERM), *sorted(LEVEL_SIGNALS.items())[:1]])
def test_a_signal_from_before_it_was_ready_is_not_lost_and_ends_nothing(told: str, number: int) -> None:
    resource_tracker.ensure_running()  # it unblocks signals when it starts
    child = Child(context=multiprocessing.get_context("spawn"))  # inherits what is blocked here, not in a fork server
    child.signal(number)
    assert child.receive() == told
    child.end.send("end")
    child.process.join(LIMIT_S)
    assert child.process.exitcode == 0
    child.end.close()


def test_inherited_handlers_and_wakeup_descriptors_do_nothing_any_more() -> None:
    child = Child(answer_with_inherited_signals)
    child.ask()
    child.signal(signal.SIGINT)
    child.signal(signal.SIGTERM)
    assert child.receive() == "terminated"
    child.end.send("end")
    assert child.receive() == b""
    child.process.join(LIMIT_S)
    child.end.close()


@pytest.mark.parametrize("start_method", ["forkserver", "spawn"])
def test_it_ends_when_its_parent_is_killed(start_method: str) -> None:
    end, theirs = CONTEXT.Pipe()
    parent = CONTEXT.Process(target=start_a_child_and_wait, args=(theirs, start_method))
    parent.start()
    theirs.close()
    end.send("?")
    assert end.poll(LIMIT_S)
    pid, _ = end.recv()
    assert pid != parent.pid
    assert is_alive(pid)
    parent.kill()
    parent.join()
    give_up_at = time.monotonic() + LIMIT_S
    while is_alive(pid):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    end.close()


def test_watching_the_parent_costs_one_thread(child: Child) -> None:
    child.ask()
    assert child.process.pid is not None
    assert len(list(Path(f"/proc/{child.process.pid}/task").iterdir())) == 2


# ---- as the program starts it


def say_names(end: Connection) -> None:
    """Target of a process: tell what `ps` calls it, and its next thread."""
    names = [Path("/proc/self/comm").read_text()]
    thread = Thread(target=lambda: names.append(Path("/proc/thread-self/comm").read_text()))
    thread.start()
    thread.join()
    end.send(names)


def test_a_process_bears_its_name_where_a_person_looks_for_it() -> None:
    end, theirs = CONTEXT.Pipe()
    process = ChildProcess(target=say_names, name="worker-12", args=(theirs,))
    process.start()
    theirs.close()
    assert end.poll(LIMIT_S)
    assert end.recv() == ["moex-worker-12\n"] * 2
    process.join(LIMIT_S)
    end.close()


def test_a_name_that_cannot_be_shown_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    monkeypatch.setattr("shared.processes.OWN_NAME", nowhere / "comm")
    show_name("moex-monitor")
    assert not nowhere.exists()


def fail(log: LogSettings) -> None:
    """Target of a process."""
    logs.configure("worker-12", log, screen=True, secrets=())
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("silent_for_s", "level", "is_told"),
    [(0.0, "info", True), (1e-9, "info", True), (3600.0, "info", False), (3600.0, "debug", True)],
)
def test_a_failure_has_its_exit_code_and_the_log_its_traceback_unless_it_comes_too_early(
    tmp_path: Path, silent_for_s: float, level: Literal["debug", "info"], is_told: bool
) -> None:
    process = ChildProcess(target=fail, args=(LogSettings(file=str(tmp_path / "log"), level=level),))
    process.silent_for_s = silent_for_s
    process.start()
    process.join(LIMIT_S)
    assert process.exitcode == EXIT_OWN_FAILURE
    log = (tmp_path / "log").read_text()
    assert ("worker-12 MainThread: the process failed\n    Traceback" in log) is is_told
