"""One child process of the supervisor: started, watched, stopped, and why it died.

STARTING until its first report, RUNNING while it advances, STOPPING once it was asked to end, DEAD afterwards. Used by
the supervisor's main thread alone.
"""

import contextlib
import logging
import os
import signal
from collections.abc import Callable
from enum import StrEnum
from multiprocessing.process import BaseProcess
from random import Random

from collector.telling import Telling
from shared.processes import run_state
from shared.timing import backoff

RESTART_FIRST_S = 0.1
RESTART_CAP_S = 30.0
QUICK_RESTARTS = 3
"""Deaths that may be chance: the child comes back at once from each of them, and ever later from those that follow."""
DEATH_FORGOTTEN_AFTER_S = 5.0
"""Life that makes up for one death. One that is killed time and again, but does its work between, is not kept away."""
BOOT_FAILURES = 3
BOOT_PATIENCE_S = 300.0
"""So many deaths before the first report, one after the other, over so long a time make a boot failure: what hinders a
start may pass, such as a full disk or no memory left."""

FROZEN_AFTER_S = 1.5
"""A child that is stopped although it should long have reported is stuck; its report is due twice a second."""
HUNG_AFTER_S = 4.0
"""One that sleeps may wait for a thread of its own that gets no processor, on a machine that is very busy."""
STARVED_AFTER_S = 8.0
"""A child that is on its way but gets no processor, or cannot be looked at, is given longer."""
BOOT_LIMIT_S = 20.0
RENEW_LIMIT_S = 5.0
UNKNOWN_EXIT_CODE = 255
"""What multiprocessing tells when the fork server died before it could say."""

log = logging.getLogger(__name__)


class ChildState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    DEAD = "dead"


class Child:
    """See the module. `now` is monotonic seconds everywhere."""

    def __init__(self, name: str, spawn: Callable[[float], BaseProcess], random: Random) -> None:
        """`spawn` makes and starts a new process, which is to tell nothing of itself for so many seconds."""
        self.name = name
        self.state = ChildState.DEAD
        self.reason = "not started"
        self.death = ""
        self.restart_at: float | None = None
        self.boot_failures = 0
        self.exit_code: int | None = None
        self._spawn = spawn
        self._random = random
        self._telling = Telling()
        self._news: str | None = None
        self._process: BaseProcess | None = None
        self._handle: int | None = None
        self._verdict: str | None = None
        self._renewed_at: float | None = None
        self._starts = 0
        self._deaths = 0.0
        self._failing_since: float | None = None
        self._started_at = 0.0
        self._heard_at = 0.0

    def start(self, now: float) -> None:
        """Start a process, or try again later when the system has no room for one. Blocks until it is forked."""
        self.restart_at = self._verdict = None
        self._started_at = self._heard_at = now
        try:
            self._process = self._spawn(self._telling.silent_for_s)
        except (OSError, EOFError) as error:  # EOFError: the fork server was killed meanwhile
            reason = error.strerror if isinstance(error, OSError) else "the fork server ended"
            self._die(f"cannot be started: {reason}", now)
            return
        self._handle = _handle_of(self._process)
        self._starts += 1
        again = f", start {self._starts}" if self._starts > 1 else ""
        self._enter(ChildState.STARTING, f"process {self._process.pid} started{again}", self._telling.is_told)

    def heard(self, now: float) -> None:
        """The child's loop advanced at `now`."""
        self._heard_at = max(self._heard_at, now)
        if self.state is ChildState.STARTING:
            self.boot_failures, self._failing_since = 0, None
            self._enter(ChildState.RUNNING, "first report", self._telling.is_told)
        if (text := self._telling.of_long_life(now - self._started_at)) is not None:
            log.info("%s: %s", self.name, text)
            self._news = text

    def look(self, now: float) -> None:
        """For a child that sends no reports: it counts as advancing unless its process is stopped."""
        if self._process is not None and run_state(self.pid) != "T":
            self.heard(now)

    def forgive(self, now: float) -> None:
        """The supervisor itself was not running: what the child did meanwhile is not known."""
        self._heard_at = now

    def stuck_reason(self, now: float) -> str | None:
        """One sentence when the child should be replaced although its process lives; None while all is well."""
        if self._renewed_at is not None and now - self._renewed_at > RENEW_LIMIT_S:
            return f"{self._verdict}, did not stop when asked"
        silence_s = now - self._heard_at
        if self.state is ChildState.STARTING:
            return f"no report within {BOOT_LIMIT_S:g} s of its start" if silence_s > BOOT_LIMIT_S else None
        if self.state is not ChildState.RUNNING or silence_s < FROZEN_AFTER_S:
            return None
        letter = run_state(self.pid)
        if letter == "T":
            return "frozen: the process is stopped"
        if silence_s >= (HUNG_AFTER_S if letter == "S" else STARVED_AFTER_S):
            return f"hung: no report for {silence_s:.1f} s"
        return None

    def reap(self, now: float) -> bool:
        """Whether the process has ended since the last call; `death` says why, `restart_at` when it comes back."""
        if self._process is None or self._process.is_alive():
            return False
        exit_code = self._process.exitcode
        self._process.join()
        self._process.close()
        self._process = None
        self._end_for_certain()
        self.exit_code = exit_code
        self._die(self._verdict or _cause_of_death(exit_code), now)
        return True

    def take_news(self) -> str | None:
        """What an event is to tell of it; None: nothing that was not taken yet."""
        news, self._news = self._news, None
        return news

    def _die(self, reason: str, now: float) -> None:
        """DEAD, and unless it was asked to be, to be started again: at once, or later when it dies again and again."""
        was_stopping, was_starting = self.state is ChildState.STOPPING, self.state is not ChildState.RUNNING
        self.death = reason
        telling = self._telling
        self._news = telling.of_wanted_death(reason) if was_stopping else telling.of_death(reason, now)
        self._enter(ChildState.DEAD, self._news or reason, self._news is not None)
        if was_stopping:
            self.restart_at, self._renewed_at = (None if self._renewed_at is None else now), None
            return
        if was_starting:
            self.boot_failures += 1
            self._failing_since = self._started_at if self._failing_since is None else self._failing_since
        self._deaths = max(0.0, self._deaths - (now - self._started_at) / DEATH_FORGOTTEN_AFTER_S) + 1
        attempt = max(0, int(self._deaths) - QUICK_RESTARTS)
        delay_s = backoff(attempt, first_s=RESTART_FIRST_S, cap_s=RESTART_CAP_S, random=self._random)
        self.restart_at = now + delay_s

    def _end_for_certain(self) -> None:
        """Death is told by the fork server: when that one is killed, all children seem dead and still run."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
            self._handle = None

    def terminate(self) -> None:
        """Ask the process to end."""
        if self._process is not None:
            self._renewed_at = None
            self._enter(ChildState.STOPPING, "asked to stop", is_told=True)
            self._process.terminate()

    def renew(self, verdict: str, now: float) -> None:
        """Ask the process to end, and have another take its place; `verdict` becomes the reason of its death."""
        if self._process is not None and self.state is not ChildState.STOPPING:
            self.terminate()
            self._verdict, self._renewed_at = verdict, now

    def send(self, number: int) -> None:
        """Send a signal to the process, and to no other that has its number by now."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self, verdict: str | None = None) -> None:
        """End the process whatever state it is in; `verdict` becomes the reason of its death."""
        if self._process is not None:
            self._verdict = verdict
            self._process.kill()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def sentinel(self) -> int | None:
        """Readable once the process has ended."""
        return None if self._process is None else self._process.sentinel

    def is_boot_failure(self, now: float) -> bool:
        """Whether it has died at every start for so long that there is no hope left."""
        since = self._failing_since
        return since is not None and self.boot_failures >= BOOT_FAILURES and now - since >= BOOT_PATIENCE_S

    def _enter(self, state: ChildState, reason: str, is_told: bool) -> None:
        """A death that nobody asked for is a warning."""
        is_lost = state is ChildState.DEAD and self.state is not ChildState.STOPPING
        level = (logging.WARNING if is_lost else logging.INFO) if is_told else logging.DEBUG
        log.log(level, "%s: %s -> %s: %s", self.name, self.state, state, reason)
        self.state, self.reason = state, reason


def _handle_of(process: BaseProcess) -> int | None:
    """A descriptor that stands for this very process, whoever gets its number later; None where there is no such."""
    if process.pid is None or not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(process.pid)
    except OSError:
        return None  # it has ended already


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code == UNKNOWN_EXIT_CODE:
        return "ended together with the fork server"
    if exit_code is not None and exit_code < 0:
        try:
            return f"killed by {signal.Signals(-exit_code).name}"
        except ValueError:
            return f"killed by signal {-exit_code}"
    return f"ended with exit code {exit_code}"
