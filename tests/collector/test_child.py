"""One child process: its states, why it died, when it comes back, and when it counts as stuck."""

import errno
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

import pytest

from collector import child as module
from collector import telling
from collector.child import (
    BOOT_FAILURES,
    BOOT_LIMIT_S,
    BOOT_PATIENCE_S,
    DEATH_FORGOTTEN_AFTER_S,
    FROZEN_AFTER_S,
    HUNG_AFTER_S,
    QUICK_RESTARTS,
    RENEW_LIMIT_S,
    RESTART_CAP_S,
    STARVED_AFTER_S,
    Child,
)
from collector.child import ChildState as State
from collector.telling import RESTARTS_TOLD, TOLD_AGAIN_AFTER_S
from tests.collector.waiting import nothing_left_over, wait_until

CONTEXT = multiprocessing.get_context("forkserver")
NOW = 1000.0
BUSY = (max, range(10**15))


def sleep_on(seconds: float) -> None:
    """Target of a process that hears SIGTERM, whatever the fork server had blocked when it was started."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    time.sleep(seconds)


SLEEPING = (sleep_on, 3600.0)


def spawner(target: Callable[..., object], *arguments: object) -> Callable[[float], BaseProcess]:
    def spawn(silent_for_s: float) -> BaseProcess:
        process = CONTEXT.Process(target=target, args=arguments)
        process.start()
        return process

    return spawn


def child_of(target: Callable[..., object], *arguments: object) -> Child:
    return Child("worker 1", spawner(target, *arguments), Random(1))


def death_of(child: Child, now: float = NOW) -> str:
    """Wait for its end, and give the reason."""
    wait_until(lambda: child.reap(now))
    return child.reason


def run_state(child: Child) -> str:
    return Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def sleeper() -> Iterator[Child]:
    """RUNNING since NOW, asleep."""
    child = child_of(*SLEEPING)
    child.start(NOW)
    child.heard(NOW)
    wait_until(lambda: run_state(child) == "S")
    yield child
    if child.pid is not None:
        child.kill()
        death_of(child)


def test_it_is_dead_before_it_is_started() -> None:
    child = child_of(*SLEEPING)
    assert (child.state, child.reason, child.pid, child.sentinel) == (State.DEAD, "not started", None, None)
    assert not child.reap(NOW)
    child.terminate()
    child.kill("never")
    assert child.state is State.DEAD


def test_it_is_running_once_it_reported_and_dead_once_it_was_stopped() -> None:
    child = child_of(*SLEEPING)
    states = []
    child.start(NOW)
    states.append(child.state)
    child.heard(NOW + 1)
    states.append(child.state)
    child.terminate()
    states.append(child.state)
    assert states == [State.STARTING, State.RUNNING, State.STOPPING]
    assert death_of(child) == "killed by SIGTERM"
    assert (child.state, child.exit_code, child.restart_at, child.pid) == (State.DEAD, -signal.SIGTERM, None, None)


def test_its_end_is_told_once(sleeper: Child) -> None:
    sleeper.kill()
    death_of(sleeper)
    assert not sleeper.reap(NOW)


def test_its_end_makes_the_sentinel_readable(sleeper: Child) -> None:
    assert sleeper.sentinel is not None
    sleeper.kill()
    assert multiprocessing.connection.wait([sleeper.sentinel], 20.0)


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ((os._exit, 3), "ended with exit code 3"),
        ((time.sleep, 0), "ended with exit code 0"),
        ((signal.raise_signal, signal.SIGKILL), "killed by SIGKILL"),
        ((signal.raise_signal, signal.SIGSEGV), "killed by SIGSEGV"),
        ((signal.raise_signal, signal.SIGRTMAX - 1), f"killed by signal {signal.SIGRTMAX - 1}"),
    ],
)
def test_a_death_has_its_reason(ending: tuple[Callable[..., object], int], reason: str) -> None:
    child = child_of(*ending)
    child.start(NOW)
    assert death_of(child) == reason
    assert child.state is State.DEAD


def test_a_child_that_was_killed_for_a_reason_dies_of_that_reason(sleeper: Child) -> None:
    sleeper.kill("hung: no report for 2.0 s")
    assert death_of(sleeper) == "hung: no report for 2.0 s"
    sleeper.start(NOW)
    sleeper.kill()
    assert death_of(sleeper) == "killed by SIGKILL"


def test_a_stopped_process_can_be_killed(sleeper: Child) -> None:
    assert sleeper.pid is not None
    os.kill(sleeper.pid, signal.SIGSTOP)
    sleeper.terminate()
    assert not sleeper.reap(NOW)
    sleeper.kill("did not stop when asked")
    assert death_of(sleeper) == "did not stop when asked"
    assert sleeper.restart_at is None


# ---- coming back


def delays(deaths: int, lifetime_s: float) -> list[float]:
    """After each death: how long until it comes back."""
    child = child_of(os._exit, 1)
    now, found = NOW, []
    for _ in range(deaths):
        child.start(now)
        child.heard(now)
        now += lifetime_s
        death_of(child, now)
        assert child.restart_at is not None
        found.append(child.restart_at - now)
        now = child.restart_at
    return found


@pytest.fixture
def longest_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each delay is the longest that chance allows."""
    monkeypatch.setattr(
        module, "backoff", lambda attempt, *, first_s, cap_s, random: min(cap_s, first_s * 2.0 ** (attempt + 1))
    )


@pytest.mark.usefixtures("longest_delays")
def test_it_comes_back_at_once_at_first_and_ever_later_when_it_dies_again_and_again() -> None:
    found = delays(14, lifetime_s=0.0)
    assert found[:QUICK_RESTARTS] == pytest.approx([0.2] * QUICK_RESTARTS)
    assert found[QUICK_RESTARTS:] == pytest.approx([0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0, 30.0])


@pytest.mark.usefixtures("longest_delays")
def test_one_that_does_its_work_for_a_while_comes_back_at_once_every_time() -> None:
    assert delays(50, lifetime_s=DEATH_FORGOTTEN_AFTER_S) == pytest.approx([0.2] * 50)


@pytest.mark.usefixtures("longest_delays")
def test_one_that_works_for_a_moment_only_is_kept_away_in_the_end() -> None:
    found = delays(20, lifetime_s=1.0)
    assert found == sorted(found)
    assert found[-1] == 30.0


@pytest.mark.usefixtures("longest_delays")
@pytest.mark.parametrize("seed", range(20))
def test_one_of_six_that_is_killed_every_2_s_by_chance_is_not_kept_away(seed: int) -> None:
    random, child, now, longest_s = Random(seed), child_of(*SLEEPING), NOW, 0.0
    child._deaths = 0.0
    for _ in range(100):
        now += 2.0
        if child.restart_at is not None and now >= child.restart_at:
            child._started_at, child.restart_at = child.restart_at, None
        if child.restart_at is None and random.randrange(6) == 0:
            child.state = State.RUNNING
            child._die("killed by SIGKILL", now)
            assert child.restart_at is not None
            longest_s = max(longest_s, child.restart_at - now)
    assert longest_s <= 1.6


def test_deaths_before_the_first_report_for_long_make_a_boot_failure() -> None:
    child, now = child_of(os._exit, 1), NOW
    while not child.is_boot_failure(now):
        assert now < NOW + BOOT_PATIENCE_S
        child.start(now)
        now += 30.0
        death_of(child, now)
    assert now == NOW + BOOT_PATIENCE_S
    assert child.boot_failures >= BOOT_FAILURES


def test_a_few_deaths_are_no_boot_failure_however_long_ago_the_first_was() -> None:
    child = child_of(os._exit, 1)
    for number in range(BOOT_FAILURES):
        assert not child.is_boot_failure(NOW + 2 * BOOT_PATIENCE_S)
        child.start(NOW)
        death_of(child)
        assert child.boot_failures == number + 1
    assert not child.is_boot_failure(NOW + 0.9 * BOOT_PATIENCE_S)
    assert child.is_boot_failure(NOW + BOOT_PATIENCE_S)


def test_a_report_takes_the_boot_failures_back_and_later_deaths_are_none() -> None:
    child = child_of(os._exit, 1)
    for _ in range(BOOT_FAILURES):
        child.start(NOW)
        death_of(child)
        child.start(NOW)
        child.heard(NOW)
        death_of(child)
    assert child.boot_failures == 0
    assert not child.is_boot_failure(NOW + 2 * BOOT_PATIENCE_S)


# ---- stuck


def test_a_child_that_reports_is_not_stuck(sleeper: Child) -> None:
    for seconds in range(100):
        sleeper.heard(NOW + seconds)
        assert sleeper.stuck_reason(NOW + seconds + 0.9 * FROZEN_AFTER_S) is None


def test_a_sleeping_child_that_reports_no_more_is_hung(sleeper: Child) -> None:
    assert sleeper.stuck_reason(NOW + HUNG_AFTER_S + 0.1) == "hung: no report for 4.1 s"


def test_a_child_that_sleeps_for_a_moment_may_wait_for_a_thread_of_its_own(sleeper: Child) -> None:
    assert sleeper.stuck_reason(NOW + HUNG_AFTER_S - 0.1) is None


def test_an_older_report_does_not_turn_back_the_clock(sleeper: Child) -> None:
    sleeper.heard(NOW + 10)
    sleeper.heard(NOW)
    assert sleeper.stuck_reason(NOW + 11) is None


def test_a_stopped_child_is_frozen(sleeper: Child) -> None:
    assert sleeper.pid is not None
    os.kill(sleeper.pid, signal.SIGSTOP)
    wait_until(lambda: run_state(sleeper) == "T")
    assert sleeper.stuck_reason(NOW + FROZEN_AFTER_S + 0.1) == "frozen: the process is stopped"


def test_a_busy_child_is_given_longer() -> None:
    child = child_of(*BUSY)
    child.start(NOW)
    child.heard(NOW)
    wait_until(lambda: run_state(child) == "R")
    assert child.stuck_reason(NOW + STARVED_AFTER_S - 0.1) is None
    assert child.stuck_reason(NOW + STARVED_AFTER_S + 0.1) == "hung: no report for 8.1 s"
    child.kill()
    death_of(child)


def test_a_child_that_starts_is_given_its_time() -> None:
    child = child_of(*SLEEPING)
    child.start(NOW)
    assert child.stuck_reason(NOW + BOOT_LIMIT_S - 0.1) is None
    assert child.stuck_reason(NOW + BOOT_LIMIT_S + 0.1) == "no report within 20 s of its start"
    child.kill()
    death_of(child)


def test_a_child_that_was_asked_to_stop_is_not_stuck(sleeper: Child) -> None:
    sleeper.terminate()
    assert sleeper.stuck_reason(NOW + 3600) is None


def test_one_that_is_renewed_comes_back_at_once_and_counts_no_death(sleeper: Child) -> None:
    first = sleeper.pid
    for _ in range(2):  # the second request changes nothing
        sleeper.renew("its settings have changed", NOW)
    assert sleeper.state is State.STOPPING
    assert sleeper.stuck_reason(NOW + RENEW_LIMIT_S) is None
    assert death_of(sleeper, NOW + 1) == "its settings have changed"
    assert (sleeper.restart_at, sleeper._deaths) == (NOW + 1, 0)
    sleeper.start(NOW + 1)
    assert sleeper.pid not in (None, first)
    assert sleeper.reason.endswith(" started, start 2")


def test_one_that_is_to_be_renewed_and_does_not_stop_is_stuck(sleeper: Child) -> None:
    assert sleeper.pid is not None
    os.kill(sleeper.pid, signal.SIGSTOP)
    sleeper.renew("its settings have changed", NOW)
    reason = sleeper.stuck_reason(NOW + RENEW_LIMIT_S + 0.1)
    assert reason == "its settings have changed, did not stop when asked"
    sleeper.kill(reason)
    assert death_of(sleeper, NOW + 6) == reason
    assert sleeper.restart_at == NOW + 6


def test_one_that_is_to_be_renewed_and_then_stopped_does_not_come_back(sleeper: Child) -> None:
    sleeper.renew("its settings have changed", NOW)
    sleeper.terminate()
    death_of(sleeper)
    assert sleeper.restart_at is None


def test_a_signal_reaches_the_process_and_nobody_after_its_end(sleeper: Child) -> None:
    sleeper.send(signal.SIGKILL)
    assert death_of(sleeper) == "killed by SIGKILL"
    sleeper.send(signal.SIGKILL)


def test_a_supervisor_that_slept_forgives(sleeper: Child) -> None:
    sleeper.forgive(NOW + 100)
    assert sleeper.stuck_reason(NOW + 100 + 0.9 * HUNG_AFTER_S) is None
    assert sleeper.stuck_reason(NOW + 100 + 1.1 * HUNG_AFTER_S) is not None


def test_a_child_without_reports_is_looked_at_and_stuck_only_when_it_is_stopped(sleeper: Child) -> None:
    assert sleeper.pid is not None
    sleeper.look(NOW + 10)
    assert sleeper.stuck_reason(NOW + 11) is None
    os.kill(sleeper.pid, signal.SIGSTOP)
    wait_until(lambda: run_state(sleeper) == "T")
    sleeper.look(NOW + 20)
    assert sleeper.stuck_reason(NOW + 20) == "frozen: the process is stopped"


# ---- nothing is left


def test_a_dead_child_leaves_neither_a_process_nor_a_descriptor() -> None:
    warm = child_of(time.sleep, 0)
    warm.start(NOW)  # starts the fork server
    death_of(warm)
    with nothing_left_over():
        child = child_of(*SLEEPING)
        child.start(NOW)
        pid = child.pid
        assert pid is not None
        child.kill()
        death_of(child)
    wait_until(lambda: not is_running(pid))


def test_children_do_not_outlive_the_fork_server_that_would_tell_of_their_death() -> None:
    child = child_of(*SLEEPING)
    child.start(NOW)
    pid = child.pid
    assert pid is not None
    status = Path(f"/proc/{pid}/status").read_text()
    fork_server = int(status.partition("PPid:")[2].split()[0])
    os.kill(fork_server, signal.SIGKILL)
    death_of(child)
    wait_until(lambda: not is_running(pid))


def no_room(silent_for_s: float) -> BaseProcess:
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")


def test_a_process_that_the_system_has_no_room_for_is_tried_again_later() -> None:
    child = Child("worker 1", no_room, Random(1))
    child.start(10.0)
    assert child.state is State.DEAD
    assert child.death == "cannot be started: Resource temporarily unavailable"
    assert child.boot_failures == 1
    assert child.restart_at is not None
    assert child.restart_at > 10.0


def test_a_fork_server_that_dies_during_a_start_is_tried_again_later() -> None:
    def spawn(silent_for_s: float) -> BaseProcess:
        raise EOFError("unexpected EOF")

    child = Child("worker 1", spawn, Random(1))
    child.start(10.0)
    assert child.death == "cannot be started: the fork server ended"
    assert child.restart_at is not None


# ---- what is told


NIGHT_S = 8 * 3600.0


def starts_until(child: Child, until: float) -> Iterator[float]:
    """Starts it whenever it is due: the time of each start."""
    now = NOW
    while now < until:
        child.start(now)
        yield now
        now = child.restart_at or until


def test_a_night_of_deaths_is_told_in_few_lines_and_events_and_all_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    child = Child("worker 1", no_room, Random(1))
    with caplog.at_level("INFO"):
        news = [child.take_news() for _ in starts_until(child, NOW + NIGHT_S)]
    told = [text for text in news if text is not None]
    assert len(news) > NIGHT_S / RESTART_CAP_S
    assert all(news[: RESTARTS_TOLD + 1])
    assert len(told) <= 1 + RESTARTS_TOLD + NIGHT_S / TOLD_AGAIN_AFTER_S
    assert len(caplog.messages) == len(told)
    counted = [int(text.partition("; ")[2].split()[0]) for text in told if "more death" in text]
    assert len(told) + sum(counted) + child._telling._untold == len(news)


def test_a_log_that_has_everything_has_every_death(caplog: pytest.LogCaptureFixture) -> None:
    child = Child("worker 1", no_room, Random(1))
    with caplog.at_level("DEBUG"):
        deaths = len(list(starts_until(child, NOW + NIGHT_S)))
    assert caplog.text.count("worker 1: dead -> dead: cannot be started") == deaths


def test_a_process_is_told_how_long_to_say_nothing() -> None:
    said: list[float] = []

    def spawn(silent_for_s: float) -> BaseProcess:
        said.append(silent_for_s)
        return no_room(silent_for_s)

    for _ in starts_until(Child("worker 1", spawn, Random(1)), NOW + TOLD_AGAIN_AFTER_S):
        pass
    assert said[: RESTARTS_TOLD + 1] == [0.0] * (RESTARTS_TOLD + 1)
    assert set(said[RESTARTS_TOLD + 1 : -1]) == {TOLD_AGAIN_AFTER_S}


@pytest.fixture
def survivor(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Child]:
    """STARTING since NOW, asleep, after three deaths of which one was told."""
    monkeypatch.setattr(telling, "RESTARTS_TOLD", 0)
    child = Child("worker 1", no_room, Random(1))
    for _ in range(3):
        child.start(NOW)
    child._spawn = spawner(*SLEEPING)
    caplog.set_level("INFO")
    child.start(NOW)
    child.take_news()
    caplog.clear()
    yield child
    if child.pid is not None:
        child.kill()
        death_of(child)


def test_one_that_is_back_for_good_after_deaths_that_were_not_told_is_told_so_once(
    survivor: Child, caplog: pytest.LogCaptureFixture
) -> None:
    for lived_s in (0.5, 0.9 * TOLD_AGAIN_AFTER_S, TOLD_AGAIN_AFTER_S, 2 * TOLD_AGAIN_AFTER_S):
        survivor.heard(NOW + lived_s)
    assert caplog.messages == ["worker 1: has run for 10 min; 2 more deaths since the last one told"]
    assert survivor.take_news() == "has run for 10 min; 2 more deaths since the last one told"
    assert survivor.take_news() is None
    survivor.kill()
    death_of(survivor)
    assert caplog.messages[1:] == ["worker 1: running -> dead: killed by SIGKILL; restarted, told again in 10 min"]
    assert caplog.records[-1].levelname == "WARNING"


def test_a_stop_is_told_however_many_deaths_were_not(survivor: Child, caplog: pytest.LogCaptureFixture) -> None:
    survivor.terminate()
    death_of(survivor)
    assert caplog.messages == [
        "worker 1: starting -> stopping: asked to stop",
        "worker 1: stopping -> dead: killed by SIGTERM; 2 more deaths since the last one told",
    ]
    assert {record.levelname for record in caplog.records} == {"INFO"}
