"""Serves the metrics where that was asked for, as soon as the port can be had. Used by the supervisor's main thread.

Nobody else pays for the library.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from collector.hub import Hub
from shared.settings import MetricsSettings

if TYPE_CHECKING:
    from collector.metrics import MetricsServer

RETRY_S = 10.0

log = logging.getLogger(__name__)


class MetricsServing:
    """`now` is monotonic seconds."""

    def __init__(self, settings: MetricsSettings, hub: Hub) -> None:
        self._settings = settings
        self._hub = hub
        self._server: MetricsServer | None = None
        self._due = 0.0 if settings.port else None
        self._is_refused = False

    def look(self, now: float, processes: Callable[[], Mapping[str, int]]) -> None:
        """Try, when that is due, and tell of the `processes` of now, by their names."""
        if self._due is not None and now >= self._due:
            self._due = None if self._is_served() else now + RETRY_S
        if self._server is not None:
            self._server.figures.processes = processes()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()

    def _is_served(self) -> bool:
        from collector.metrics import MetricsServer

        address, port, was_refused = self._settings.address, self._settings.port, self._is_refused
        try:
            self._server = MetricsServer(self._settings, self._hub)
        except OSError as error:
            self._is_refused = True
            if not was_refused:
                text = f"not served, {address} port {port}: {(error.strerror or str(error)).lower()}"
                log.warning("metrics: %s; tried again every %g s", text, RETRY_S)
                self._hub.tell("metrics", text)
            return False
        log.info("metrics: served at %s", self._server.url)
        if was_refused:
            self._hub.tell("metrics", "served")
        return True
