"""The program as a service: when it says what to its service manager and, where nothing is drawn, to its log.

Used by the supervisor's main thread alone.
"""

import logging
import time
from collections.abc import Callable, MutableMapping

from collector.hub import Hub
from collector.notify import notifier_taken_from, watchdog_taken_from
from shared.market import Market

READY_AFTER_S = 60.0
"""Without a connection online by then it counts as started all the same: it is not this program that is missing."""

log = logging.getLogger(__name__)


class Service:
    """READY once the first connection is online, then how it stands, and signs of life while workers advance.

    Without a service manager nothing is said to it. `now` is monotonic seconds everywhere.
    """

    def __init__(self, environment: MutableMapping[str, str], status_line: Callable[[Market], str]) -> None:
        """Takes what the service manager said out of `environment`."""
        watchdog_s = watchdog_taken_from(environment)
        self._notifier = notifier_taken_from(environment)
        self._status_line = status_line
        self._life_interval_s = None if watchdog_s is None else watchdog_s / 2
        self._started_at: float | None = None
        self._is_ready = False
        self._status_due = self._life_due = self._lived_at = 0.0
        self._logged_at: float | None = None

    @property
    def is_used(self) -> bool:
        return self._notifier.is_used

    def look(self, now: float, hub: Hub, advanced_at: float, status_interval_s: float) -> None:
        """Say what is due. `advanced_at` is when any worker was last known to do its work."""
        if not self.is_used:
            return
        self._started_at = now if self._started_at is None else self._started_at
        if not self._is_ready and (now - self._started_at >= READY_AFTER_S or hub.read(lambda market: market.online)):
            self._is_ready = True
            self._status_due = now
            self._notifier.send(READY="1")
        if now >= self._status_due:
            self._status_due = now + status_interval_s
            self._notifier.send(STATUS=hub.read(self._status_line))
        if self._life_interval_s is not None and now >= self._life_due and advanced_at > self._lived_at:
            self._lived_at, self._life_due = now, now + self._life_interval_s
            self._notifier.send(WATCHDOG="1")

    def log_status(self, now: float, hub: Hub, interval_s: float) -> None:
        """For a program that draws nothing: its log tells how it stands, for the first time after one interval."""
        self._logged_at = now if self._logged_at is None else self._logged_at
        if now - self._logged_at >= interval_s:
            self._logged_at = now
            log.info("%s", hub.read(self._status_line))

    def reload(self, now: float, act: Callable[[], str]) -> str:
        """Call `act`, which returns one line for a person, and have the service manager wait for it."""
        if not self._is_ready:
            return act()
        self._notifier.send(RELOADING="1", MONOTONIC_USEC=str(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000))
        try:
            text = act()
        finally:
            self._notifier.send(READY="1")
        self._status_due = now  # at once: the interval may be another one
        return text

    def stop(self) -> None:
        self._notifier.send(STOPPING="1", STATUS="stopping")

    def close(self) -> None:
        self._notifier.close()
