"""Follows the trading session: keeps the calendar of ISS, and says when the exchange opens and closes."""

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import NamedTuple

from collector.iss import fetch_page
from collector.trading_calendar import UNKNOWN, Calendar, calendar_in, state_at
from shared.errors import IssError
from shared.market import Market
from shared.session import SessionState, session_of
from shared.timing import Deadline

FETCH_LIMIT_S = 30.0
RENEWED_EVERY_S = 4 * 3600.0
RETRY_S = 300.0
KEPT_S = 24 * 3600.0
"""What ISS said longer ago than this is no longer known."""

LOOK_INTERVAL_S = 1.0
SETTLED_AFTER_S = 10.0
"""A state is told once it has lasted this long: at the start the first instruments do not speak for all."""

AT_FIRST = {
    SessionState.OPEN: "the exchange is open",
    SessionState.AUCTION: "the exchange is in an auction",
    SessionState.BREAK: "the exchange is on a break",
    SessionState.CLOSED: "the exchange is closed",
}
CHANGED = {
    SessionState.OPEN: "the exchange opened",
    SessionState.AUCTION: "an auction began",
    SessionState.BREAK: "a break began",
    SessionState.CLOSED: "the exchange closed",
}

log = logging.getLogger(__name__)


def fetch_calendar(iss_url: str) -> Calendar:
    """Ask ISS for the trading calendar of the stock market. Blocks for FETCH_LIMIT_S at most; raises IssError."""
    url = f"{iss_url}/engines/stock.json?iss.meta=off&iss.only=timetable,dailytable"
    return calendar_in(fetch_page(url, Deadline(FETCH_LIMIT_S)))


class _Known(NamedTuple):
    calendar: Calendar
    at: float


class SessionWatch:
    """Its thread asks ISS, however long that takes; the supervisor's main thread looks, and never waits for it."""

    def __init__(self, iss_url: str, clock: Callable[[], float]) -> None:
        """`clock` is monotonic."""
        self._iss_url = iss_url
        self._clock = clock
        self._known: _Known | None = None
        self._is_over = Event()
        self._looked_at: float | None = None
        self._seen = SessionState.UNKNOWN
        self._seen_since = 0.0
        self._told = SessionState.UNKNOWN

    def start(self) -> None:
        Thread(target=self._keep, name="calendar", daemon=True).start()

    def stop(self) -> None:
        """The thread ends as soon as it is not asking; nobody has to wait for it."""
        self._is_over.set()

    def look(self, market: Market, wall: float) -> str | None:
        """Say in `market` what the calendar says, and return what is worth telling a person, once; None: nothing.

        `wall` is in seconds since 1970. Looks once a second at most, and returns at once.
        """
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < LOOK_INTERVAL_S:
            return None
        self._looked_at = now
        known = self._known
        state = UNKNOWN if known is None or now - known.at >= KEPT_S else state_at(known.calendar, wall)
        market.calendar_says(state.is_open, state.changes_at, now)
        return self._news(session_of(market), now)

    def _news(self, state: SessionState, now: float) -> str | None:
        if state is not self._seen:
            self._seen, self._seen_since = state, now
        if state in (self._told, SessionState.UNKNOWN) or now - self._seen_since < SETTLED_AFTER_S:
            return None
        texts = AT_FIRST if self._told is SessionState.UNKNOWN else CHANGED
        self._told = state
        return texts[state]

    # ---- the thread that asks

    def _keep(self) -> None:
        is_failing = False
        while not self._is_over.is_set():
            try:
                self._known = _Known(fetch_calendar(self._iss_url), self._clock())
                is_failing = False
            except IssError as error:
                if not is_failing:
                    log.info("the trading calendar cannot be had: %s", error)
                is_failing = True
            except Exception:
                log.exception("the trading calendar cannot be kept")
                return
            self._is_over.wait(RETRY_S if is_failing else RENEWED_EVERY_S)
