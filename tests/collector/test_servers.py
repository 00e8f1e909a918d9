"""The servers of multiprocessing are there before anything else, replaced when they are stopped, and say nothing."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing import forkserver, get_context, resource_tracker
from pathlib import Path

import pytest

from collector import servers as module
from collector.servers import Servers
from shared.processes import run_state
from tests.collector.waiting import nothing_left_over, wait_until

CHECKOUT = Path(__file__).parents[2]
KILLED_WITH_A_SEMAPHORE = """
import os, signal
from multiprocessing import get_context, resource_tracker
from pathlib import Path
from collector.servers import Servers

if __name__ == "__main__":
    servers = Servers()
    servers.start([], Path("."))
    lock = get_context("forkserver").Lock()
    if {is_tracker_killed}:
        tracker = resource_tracker._resource_tracker._pid
        os.kill(tracker, signal.SIGKILL)
        while resource_tracker._resource_tracker._pid == tracker:
            pass
        del lock
    else:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("MALLOC_ARENA_MAX", "")  # so that it is as before afterwards
    monkeypatch.delenv("MALLOC_ARENA_MAX")
    monkeypatch.setattr(module, "LOOK_INTERVAL_S", 0.02)
    made = Servers()
    made.start([], CHECKOUT)
    yield made
    made.close()


def tracker() -> int:
    pid = resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]
    assert isinstance(pid, int)
    return pid


def fork_server() -> int:
    pid = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    assert isinstance(pid, int)
    return pid


def test_their_processes_are_known_by_name(servers: Servers) -> None:
    assert servers.processes() == {"fork server": fork_server(), "resource tracker": tracker()}


def test_looking_after_them_leaves_no_thread_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    forkserver.ensure_running()
    with nothing_left_over():
        made = Servers()
        made.start([], CHECKOUT)
        made.close()
        made.close()


@pytest.mark.parametrize("server", ["fork server", "resource tracker"])
def test_none_is_left_behind_stopped(servers: Servers, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    servers._is_over.set()
    servers._watch.join()
    again = Servers()
    monkeypatch.setattr(module, "LOOK_INTERVAL_S", 3600.0)
    again.start([], CHECKOUT)
    pid = fork_server() if server == "fork server" else tracker()
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: run_state(pid) == "T")
    monkeypatch.setattr("warnings.warn", lambda *_: None)  # which the tests make an error of
    again.close()
    wait_until(lambda: run_state(pid) in (None, "Z"))
    assert [name for name, left in again.processes().items() if run_state(left) == "T"] == []


def test_closing_what_was_never_started_is_harmless(servers: Servers) -> None:
    """To those that another has started, too."""
    before, environment = servers.processes(), dict(os.environ)
    with nothing_left_over():
        never_started = Servers()
        never_started.close()
        never_started.close()
    assert servers.processes() == before
    assert {run_state(pid) for pid in before.values()} <= {"R", "S"}
    assert servers._watch.is_alive()
    assert dict(os.environ) == environment


@pytest.mark.usefixtures("servers")
def test_children_find_the_folder_of_what_is_preloaded() -> None:
    assert os.environ["PYTHONPATH"].split(os.pathsep)[0] == str(CHECKOUT)


@pytest.mark.usefixtures("servers")
def test_all_threads_of_a_child_share_one_arena_of_memory() -> None:
    assert b"MALLOC_ARENA_MAX=1" in Path(f"/proc/{fork_server()}/environ").read_bytes().split(b"\0")


@pytest.mark.usefixtures("servers")
def test_whoever_waits_for_a_stopped_fork_server_is_told_and_the_next_attempt_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOOK_INTERVAL_S", 1.0)  # it is not to be replaced before anybody waits for it
    stopped = fork_server()
    os.kill(stopped, signal.SIGSTOP)
    process = get_context("forkserver").Process(target=time.sleep, args=(0,))
    with pytest.raises((EOFError, OSError)):
        process.start()
    wait_until(lambda: run_state(stopped) in (None, "Z"))
    other = get_context("forkserver").Process(target=time.sleep, args=(0,))
    other.start()
    other.join()
    assert other.exitcode == 0
    assert fork_server() != stopped


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_resource_tracker_that_was_stopped_is_replaced_and_nothing_is_said(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = tracker()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_: None)  # which the tests make an error of
        os.kill(before, number)
        wait_until(lambda: (resource_tracker._resource_tracker._pid or before) != before)  # type: ignore[attr-defined]
    assert run_state(tracker()) in ("R", "S")
    assert run_state(before) is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("servers")
def test_a_resource_tracker_that_ends_again_and_again_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warnings.warn", lambda *_: None)  # which the tests make an error of
    for _ in range(3):
        killed = {None, tracker()}
        os.kill(tracker(), signal.SIGKILL)
        wait_until(partial(lambda old: resource_tracker._resource_tracker._pid not in old, killed))  # type: ignore[attr-defined]
    assert caplog.messages == ["the resource tracker was stopped: it is replaced"]


@pytest.mark.usefixtures("servers")
def test_a_resource_tracker_that_cannot_be_replaced_for_want_of_descriptors_is_as_soon_as_there_are_some(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warnings.warn", lambda *_: None)  # which the tests make an error of
    dead = tracker()
    failures: list[OSError] = []

    def fail(*_: object) -> int:
        failures.append(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
        raise failures[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collector.servers.os.open", fail)
        os.kill(dead, signal.SIGKILL)
        wait_until(lambda: len(failures) >= 3)
    wait_until(lambda: run_state(resource_tracker._resource_tracker._pid) is not None)  # type: ignore[attr-defined]
    assert caplog.messages.count("the servers of multiprocessing cannot be mended yet: Too many open files") == 1


@pytest.mark.parametrize("is_tracker_killed", [False, True])
def test_whoever_is_killed_nothing_is_said_of_semaphores(tmp_path: Path, is_tracker_killed: bool) -> None:
    program = tmp_path / "program.py"
    program.write_text(KILLED_WITH_A_SEMAPHORE.format(is_tracker_killed=is_tracker_killed))
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    ended = subprocess.run([sys.executable, program], env=environment, capture_output=True, timeout=60)  # all of it
    assert ended.stdout + ended.stderr == (b"the resource tracker was stopped: it is replaced\n" * is_tracker_killed)
