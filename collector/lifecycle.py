"""The states of one connection. Pure: events and time in, actions out; `now` is monotonic seconds.

The shell (`connection`) asks `due(now)` what to do, does it, and tells what happened by the methods named for events.
"""

import logging
from enum import Enum
from random import Random

from shared.settings import ExchangeSettings
from shared.timing import backoff
from shared.wire import ConnectionState

STABLE_AFTER_S = 30.0
"""A connection that stayed online this long has earned quick retries again."""

CLOSING_LIMIT_S = 1.0
TELLING_S = 1.0
"""A dead peer is judged so much before `dead_after_s` is over: by then it has to be known to whoever watches."""

STARTING = "starting"
"""The reason of a connection that waits for its first attempt."""

log = logging.getLogger(__name__)


class Action(Enum):
    """What the shell has to do now."""

    OPEN = "open the socket"
    GREET = "send CONNECT"
    SUBSCRIBE = "send the next SUBSCRIBE"
    PING = "send a ping"
    DISCONNECT = "send DISCONNECT"
    CLOSE = "close the socket"


class Lifecycle:
    """One connection. Used under the connection's lock; what is not private may be read by all."""

    def __init__(self, name: str, settings: ExchangeSettings, random: Random) -> None:
        self._name = name
        self._settings = settings
        self._random = random
        self.state = ConnectionState.STOPPED
        self.reason = "not started"
        self.since = 0.0
        self.tried_at: float | None = None
        self.retry_at: float | None = None
        self.heard_at: float | None = None
        self.reconnects = 0
        self.last_loss = ""
        self._has_greeted = False
        self._failures = 0
        self._refusals = 0
        self._online_since: float | None = None
        self._deadline: float | None = None
        self._pending: Action | None = None
        self._next_subscribe_at = 0.0
        self._next_ping_at = 0.0
        self._unanswered_ping_at: float | None = None

    # ---- what happened

    def start(self, now: float, delay_s: float) -> None:
        """Begin; the first attempt is made after `delay_s`."""
        self.retry_at = now + delay_s
        self._enter(ConnectionState.WAITING, STARTING, now)

    def opened(self, now: float) -> None:
        """The WebSocket is open."""
        self.heard_at = now
        self._deadline = now + self._settings.open_timeout_s
        self._pending = Action.GREET
        self._enter(ConnectionState.GREETING, "socket open", now)

    def greeted(self, now: float) -> None:
        """CONNECTED came."""
        if self.state is not ConnectionState.GREETING:
            return
        self.reconnects += self._has_greeted
        self._has_greeted = True
        self._refusals = 0
        self._deadline = None
        self._next_subscribe_at = now
        self._next_ping_at = now + self._settings.ping_interval_s
        self._unanswered_ping_at = None
        self._enter(ConnectionState.SUBSCRIBING, "login accepted", now)

    def subscribed(self, now: float, *, remaining: int) -> None:
        """A SUBSCRIBE was sent, `remaining` are still to be sent."""
        self._next_subscribe_at = now + self._settings.subscribe_pause_s
        if remaining == 0 and self.state is ConnectionState.SUBSCRIBING:
            self._online_since = now
            self._enter(ConnectionState.ONLINE, "all subscriptions sent", now)

    def heard(self, now: float) -> None:
        """Anything came from the peer: data, or the answer to a ping."""
        self.heard_at = now
        self._unanswered_ping_at = None

    def pinged(self, now: float) -> None:
        """A ping was sent."""
        self._next_ping_at = now + self._settings.ping_interval_s
        if self._unanswered_ping_at is None:
            self._unanswered_ping_at = now

    def refused(self, now: float, reason: str) -> None:
        """The gateway refused the login: it is retried slowly, for it needs a person."""
        delay_s = backoff(
            self._refusals,
            first_s=self._settings.refused_retry_first_s,
            cap_s=self._settings.refused_retry_cap_s,
            random=self._random,
        )
        self._refusals += 1
        self._rest(ConnectionState.REFUSED, reason, now, delay_s)

    def lost(self, now: float, reason: str) -> None:
        """The attempt failed, or the connection is gone."""
        if self.state in (ConnectionState.CLOSING, ConnectionState.STOPPED):
            self._enter(ConnectionState.STOPPED, reason, now)
            return
        if self.state in (ConnectionState.SUBSCRIBING, ConnectionState.ONLINE):
            self.last_loss = reason
        if self._online_since is not None and now - self._online_since >= STABLE_AFTER_S:
            self._failures = 0
        delay_s = backoff(
            self._failures,
            first_s=self._settings.retry_first_s,
            cap_s=self._settings.retry_cap_s,
            random=self._random,
        )
        self._failures += 1
        self._rest(ConnectionState.WAITING, reason, now, delay_s)

    def hurry(self, now: float, within_s: float) -> None:
        """There is reason to hope: do not wait much longer than `within_s`, but never less than the shortest delay."""
        if self.state is ConnectionState.WAITING and self.retry_at is not None:
            self.retry_at = min(self.retry_at, max(now + within_s, self.since + self._settings.retry_first_s))

    def stop(self, now: float) -> None:
        """The program ends: say goodbye if there is someone to say it to."""
        if self.state in (ConnectionState.SUBSCRIBING, ConnectionState.ONLINE):
            self._pending = Action.DISCONNECT
            self._deadline = now + CLOSING_LIMIT_S
            self._enter(ConnectionState.CLOSING, "stopping", now)
        elif self.state is not ConnectionState.CLOSING:
            self._enter(ConnectionState.STOPPED, "stopped", now)

    def disconnected(self, now: float) -> None:
        """The receipt for DISCONNECT came."""
        if self.state is ConnectionState.CLOSING:
            self._enter(ConnectionState.STOPPED, "stopped", now)

    # ---- what to do

    def due(self, now: float) -> Action | None:
        """The next thing to do, None when it is time to wait. Each action is given once."""
        if self._pending is not None:
            action, self._pending = self._pending, None
            return action
        match self.state:
            case ConnectionState.WAITING | ConnectionState.REFUSED:
                return self._due_while_resting(now)
            case ConnectionState.GREETING:
                if self._deadline is not None and now >= self._deadline:
                    return self._give_up(f"no answer to CONNECT within {self._settings.open_timeout_s:g} s", now)
            case ConnectionState.SUBSCRIBING | ConnectionState.ONLINE:
                return self._due_while_connected(now)
            case ConnectionState.CLOSING:
                if self._deadline is not None and now >= self._deadline:
                    self._enter(ConnectionState.STOPPED, "no answer to DISCONNECT", now)
                    return Action.CLOSE
        return None

    def wait_s(self, now: float) -> float:
        """How long nothing will be due if nothing happens, in seconds."""
        if self._pending is not None:
            return 0.0
        times = [self._next_ping_at, self._next_subscribe_at, self._dead_at()]
        match self.state:
            case ConnectionState.WAITING | ConnectionState.REFUSED:
                times = [self.retry_at]
            case ConnectionState.GREETING | ConnectionState.CLOSING:
                times = [self._deadline]
            case ConnectionState.ONLINE:
                times = [self._next_ping_at, self._dead_at()]
        return max(0.0, min(at for at in times if at is not None) - now)

    def _due_while_resting(self, now: float) -> Action | None:
        if self.retry_at is None or now < self.retry_at:
            return None
        self.tried_at, self.retry_at = now, None
        self._online_since = None
        self._enter(ConnectionState.OPENING, "connecting", now)
        return Action.OPEN

    def _due_while_connected(self, now: float) -> Action | None:
        dead_at = self._dead_at()
        if dead_at is not None and now >= dead_at:
            return self._give_up(f"no pong and no data for {self._silence_s:g} s", now)
        if now >= self._next_ping_at:
            return Action.PING
        if self.state is ConnectionState.SUBSCRIBING and now >= self._next_subscribe_at:
            return Action.SUBSCRIBE
        return None

    def _dead_at(self) -> float | None:
        """When silence becomes death: `_silence_s` after the last sign of life, but only with a ping in flight for long
        enough: a process that was itself asleep has to ask before it may judge.

        A ping follows the last sign of life by the ping interval at most, so neither makes it later than that.
        """
        if self._unanswered_ping_at is None or self.heard_at is None:
            return None
        patience_s = self._silence_s - self._settings.ping_interval_s
        return max(self.heard_at + self._silence_s, self._unanswered_ping_at + patience_s)

    @property
    def _silence_s(self) -> float:
        """`dead_after_s`, less the time that it takes to tell of it, where the settings leave any."""
        patience_s = self._settings.dead_after_s - self._settings.ping_interval_s
        return self._settings.dead_after_s - min(TELLING_S, patience_s / 4)

    def _give_up(self, reason: str, now: float) -> Action:
        self.lost(now, reason)
        return Action.CLOSE

    def _rest(self, state: ConnectionState, reason: str, now: float, delay_s: float) -> None:
        self._pending = None
        self._deadline = None
        self.retry_at = now + delay_s
        self._enter(state, reason, now)

    def _enter(self, state: ConnectionState, reason: str, now: float) -> None:
        log.debug("%s: %s -> %s: %s", self._name, self.state, state, reason)
        self.state, self.reason, self.since = state, reason, now
