"""The parent process: starts every child, watches it, replaces it when it dies, and stops all of them."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from collector import terminal
from collector.calls import Calls
from collector.child import Child
from collector.hub import Hub
from collector.instrument_loading import InstrumentLoading
from collector.instruments import Instruments
from collector.metrics_serving import MetricsServing
from collector.preparation import at_simulator, listener, plan_for, planned_statuses, some_of, totals_of
from collector.rereading import change_between
from collector.servers import Servers
from collector.service import Service
from collector.session_watch import SessionWatch
from collector.spawning import Programs, Spawning
from collector.viewers import Viewers
from shared import logs
from shared.errors import BootError, ConfigError
from shared.market import Market
from shared.processes import EXIT_TERMINAL_LOST
from shared.settings import Settings
from shared.timing import Deadline

TICK_S = 0.25
SUSPENDED_AFTER_S = 0.75
"""A loop that did not come round for this long was itself stopped, and must not judge its children by that: less than
child.FROZEN_AFTER_S by more than the time between two reports."""

WORKERS_STOP_LIMIT_S = 1.8
DRAINS_STOP_LIMIT_S = 1.0
OTHERS_STOP_LIMIT_S = 0.7
PROJECT_FOLDER = Path(__file__).resolve().parent.parent

log = logging.getLogger(__name__)


class Rereading(NamedTuple):
    """How settings are read anew: `settings` raises ConfigError, `programs` makes those that obey given settings."""

    settings: Callable[[], Settings]
    programs: Callable[[Settings], Programs]


class Supervisor:
    """One run of the program. All methods are for the main thread."""

    def __init__(
        self,
        settings: Settings,
        programs: Programs,
        service: Service | None = None,
        rereading: Rereading | None = None,
    ) -> None:
        """With `rereading`, SIGHUP asks to read the settings anew where there is no terminal that could be lost."""
        self._service = service or Service({}, lambda _: "")
        self._rereading = rereading
        self._asked_for = settings
        self._terminal = terminal.of_standard_output() if settings.display.mode in ("auto", "screen") else None
        self._listener = listener() if settings.simulate else None
        self._settings = at_simulator(settings, self._listener) if self._listener else settings
        self.market = Market(totals_of(self._settings))
        self._hub = Hub(self.market)
        self._calls = Calls()
        self._spawning = Spawning(self._hub, self._settings, programs)
        self._loading = InstrumentLoading(self._settings, self._hub.tell, self._calls.wake)
        self._viewers = Viewers(self._hub.feed, settings.service.socket)
        self._session = SessionWatch(self._settings.exchange.iss_url, time.monotonic)
        self._servers = Servers()
        self._metrics = MetricsServing(self._settings.metrics, self._hub)
        self._random = Random()
        self._workers: dict[int, Child] = {}
        self._others: dict[str, Child] = {}

    @property
    def display_mode(self) -> str:
        """`screen`, `plain` or `none`: what is drawn, once the terminal was looked at."""
        mode = self._settings.display.mode
        if mode in ("auto", "screen"):
            return "screen" if self._terminal is not None else "plain"
        return mode

    def run(self) -> None:
        """Run until asked to stop, and then until every child is gone.

        Raises BootError when it cannot go on, AlreadyRunning when it must not begin.
        """
        deadline = None if self._settings.duration_s is None else Deadline(self._settings.duration_s)
        with self._calls.by_signals(is_reread_by_sighup=self._is_reread_by_sighup):
            try:
                self._start()
                looked_at = time.monotonic()
                while self._calls.stop_requested_at is None and not (deadline and deadline.is_over()):
                    self._wait(self._next_look_s())
                    looked_at = self._look(looked_at)
            finally:
                self._stop()
                self._close()

    # ---- starting

    def _start(self) -> None:
        if (text := self._viewers.open()) is not None:
            log.warning("%s", text)
            self._hub.tell("viewers", text)
            if self._terminal is not None:
                self._terminal.tell(text)
        self._servers.start(["collector.preload"], PROJECT_FOLDER)
        self._viewers.serve()
        now = time.monotonic()
        if self._listener is not None:
            spawn = partial(self._spawning.simulator, self._listener)
            self._others["simulator"] = Child("simulator", spawn, self._random)
        if self.display_mode != "none":
            path = self._terminal.path if self._terminal else None
            spawn = partial(self._spawning.display, self.display_mode, path, self._calls.stop)
            self._others["display"] = Child("display", spawn, self._random)
        for child in self._others.values():
            child.start(now)
        self._loading.start()
        self._session.start()

    def _processes(self) -> dict[str, int]:
        """Every process of the program by its name, as far as it runs."""
        children = {child.name: child.pid for child in self._children() if child.pid is not None}
        return {"supervisor": os.getpid()} | children | self._servers.processes()

    def _start_workers(self, instruments: Instruments) -> None:
        plan = plan_for(self._settings, instruments.tickers)
        now = time.monotonic()
        statuses = planned_statuses(plan, len(self._settings.exchange.streams), now)
        tickers = len({ticker for shard in plan.shards for ticker in shard.tickers})
        carried = [shard.tickers for shard in plan.shards]
        self._hub.update(lambda market: market.plan(statuses, tickers, instruments.source, carried))
        self._hub.tell("instruments", f"{len(instruments.tickers)} tickers from {instruments.source}")
        if plan.left_out:
            text = f"on no connection: {len(plan.left_out)} of {len(instruments.tickers)}: {some_of(plan.left_out)}"
            log.info("%s", text)
            self._hub.tell("instruments", text)
        for number in range(self._settings.collector.workers):
            shards = tuple(shard for shard in plan.shards if shard.worker == number)
            is_drawn = self.display_mode == "screen"
            spawn = partial(self._spawning.worker, number, shards, is_screen_drawn=is_drawn)
            self._workers[number] = child = Child(f"worker {number + 1}", spawn, self._random)
            child.start(now)

    # ---- watching

    def _wait(self, timeout_s: float) -> None:
        """Until a child ends, a signal comes, another thread calls, or the time is over."""
        sentinels = [child.sentinel for child in self._children() if child.sentinel is not None]
        self._calls.wait(sentinels, timeout_s)

    def _next_look_s(self) -> float:
        """Seconds until the next round is due: a restart is not kept waiting for it."""
        restarts = [child.restart_at for child in self._children() if child.restart_at is not None]
        return max(0.0, min([TICK_S, *(at - time.monotonic() for at in restarts)]))

    def _children(self) -> list[Child]:
        return [*self._workers.values(), *self._others.values()]

    def _look(self, looked_at: float) -> float:
        """One round; `looked_at` is when the last one was. Returns when this one was."""
        now = time.monotonic()
        if now - looked_at > SUSPENDED_AFTER_S:
            for child in self._children():
                child.forgive(now)
        if self._calls.take_reread():
            self._read_anew(now)
        if self._loading.failure is not None:
            raise BootError(self._loading.failure)
        if self._loading.instruments is not None and not self._workers:
            self._start_workers(self._loading.instruments)
        for number, child in self._workers.items():
            if (reported_at := self._hub.reported_at(number)) is not None:
                child.heard(now if self._hub.is_behind(number) else reported_at)
            self._mend_worker(number, child, now)
        for child in self._others.values():
            child.look(now)
            self._mend_other(child, now)
        if self._workers and all(child.is_boot_failure(now) for child in self._workers.values()):
            raise BootError(f"no worker can be started: {self._workers[0].death}")
        self._renew_figures(now)
        self._metrics.look(now, self._processes)
        self._service.look(now, self._hub, self._advanced_at(now), self._settings.display.status_interval_s)
        if self.display_mode == "none":
            self._service.log_status(now, self._hub, self._settings.log.status_interval_s)
        return now

    def _advanced_at(self, now: float) -> float:
        """When any worker last did its work. Before there are workers, this loop is all there is."""
        reports = [self._hub.reported_at(number) for number in self._workers]
        return max((at for at in reports if at is not None), default=0.0) if self._workers else now

    def _renew_figures(self, now: float) -> None:
        """Those that change with time alone: rates, and the trading session."""

        def renew(market: Market) -> str | None:
            market.sample(now)
            return self._session.look(market, time.time())

        if (text := self._hub.update(renew)) is not None:
            log.info("%s", text)
            self._hub.tell("session", text)

    # ---- settings that change

    @property
    def _is_reread_by_sighup(self) -> bool:
        """A program with a terminal is told by SIGHUP that it is gone; any other, that its settings have changed."""
        return self._rereading is not None and self.display_mode != "screen" and not terminal.is_there()

    def _read_anew(self, now: float) -> None:
        text = self._service.reload(now, lambda: self._obey_new_settings(now))
        self._hub.update(_count_rereading)
        self._hub.tell("settings", text)

    def _obey_new_settings(self, now: float) -> str:
        """One line for a person, which the log has too. Nothing changes when the settings are wrong."""
        assert self._rereading is not None, "nobody asked for it"
        try:
            new = self._rereading.settings()
        except ConfigError as error:
            log.error("the settings stay as they are: %s", error)
            return f"they stay as they are: {error}"
        change = change_between(self._asked_for, new)
        self._asked_for = change.settings
        display, log_settings = change.settings.display, change.settings.log
        self._settings = msgspec.structs.replace(self._settings, display=display, log=log_settings)
        self._spawning.renew(self._settings, self._rereading.programs(change.settings))
        logs.set_level(log_settings.level)
        log.info("the settings were read anew: %s", change)
        if (drawn := self._others.get("display")) is not None and change.concerns_display:
            drawn.renew("its settings have changed", now)
        return f"read anew: {change}"

    # ---- mending

    def _mend_worker(self, number: int, child: Child, now: float) -> None:
        if self._mend(child, now, lambda: self._lose_worker(number, child, now)):
            self._hub.update(_count_restart)

    def _mend_other(self, child: Child, now: float) -> None:
        self._mend(child, now, lambda: self._lose_other(child))

    def _mend(self, child: Child, now: float, lose: Callable[[], object]) -> bool:
        """`lose` is called when it has died. Whether another process was started."""
        self._spawning.tell_level(child)
        if (reason := child.stuck_reason(now)) is not None:
            child.kill(reason)
        if child.reap(now):
            lose()
        if (news := child.take_news()) is not None:
            self._hub.tell(child.name, news)
        if child.restart_at is None or now < child.restart_at:
            return False
        child.start(now)
        return child.pid is not None

    def _lose_worker(self, number: int, child: Child, now: float) -> None:
        self._hub.finish_worker(number)
        reason = f"worker {number + 1} {child.death}"
        self._hub.update(lambda market: market.worker_lost(number, reason, now))

    def _lose_other(self, child: Child) -> None:
        self._repair_terminal(child)
        if child.exit_code == EXIT_TERMINAL_LOST:
            child.restart_at = None

    def _repair_terminal(self, child: Child) -> None:
        """A display that ended in an orderly way left the terminal as it was; any other did not."""
        if self._terminal is not None and child.name == "display" and child.exit_code != 0:
            self._terminal.restore()

    # ---- stopping

    def _stop(self) -> None:
        """Workers first, so that what they received is still counted and shown; then all others."""
        self._service.stop()
        self._session.stop()
        self._metrics.stop()
        self._end(list(self._workers.values()), WORKERS_STOP_LIMIT_S)
        deadline = Deadline(DRAINS_STOP_LIMIT_S)
        for number in self._workers:
            self._hub.finish_worker(number, deadline.remaining())
        self._end(list(self._others.values()), OTHERS_STOP_LIMIT_S)
        for child in self._others.values():
            self._repair_terminal(child)
        self._hub.update(lambda market: market.sample(time.monotonic()))

    def _close(self) -> None:
        self._viewers.close()
        self._servers.close()
        self._service.close()
        self._calls.close()
        if self._listener is not None:
            self._listener.close()

    def _end(self, children: Sequence[Child], limit_s: float) -> None:
        """Ask, wait, kill, join: bounded by `limit_s`, and by a second request to stop."""
        deadline = Deadline(limit_s)
        for child in children:
            child.terminate()
        while any(child.pid for child in children) and not deadline.is_over() and not self._calls.is_in_hurry:
            self._wait(min(deadline.remaining(), TICK_S))
            self._reap(self._children())  # whoever has died and is not reaped would wake the wait again and again
        for child in children:
            child.kill("did not stop when asked")
        for child in children:
            if (sentinel := child.sentinel) is not None:
                wait([sentinel], 1.0)
        self._reap(children)

    def _reap(self, children: Sequence[Child]) -> None:
        for child in children:
            child.reap(time.monotonic())


def _count_rereading(market: Market) -> None:
    market.totals.rereadings += 1


def _count_restart(market: Market) -> None:
    market.totals.worker_restarts += 1
