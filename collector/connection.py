"""Shell of one connection: does what `lifecycle` decides, and passes on what `intake` makes of what the gateway sends.

Its thread opens, greets, subscribes, pings, judges and says goodbye. It also reads, blocking on its WebSocket; in the
economy profile, while the connection is online, the worker's main thread reads instead, together with the others.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from random import Random
from threading import Event, RLock, Thread

import msgspec

from collector.delay import Delay
from collector.gathering import BUSY, Gathering
from collector.intake import NO_MESSAGE, Intake, told
from collector.issplus import Subscription, connect_headers, is_temporary
from collector.issplus import is_simulated as is_simulated_exchange
from collector.lifecycle import STARTING, Action, Lifecycle
from collector.outbox import Outbox
from collector.probing import Standing
from collector.stomp_socket import DISCONNECT_RECEIPT, Arrival, ServerFrame, StompSocket
from shared.errors import ConnectionFailed
from shared.logs import OncePer
from shared.settings import Credentials, ExchangeSettings
from shared.wire import ConnectionState, ConnectionStatus, Counters

LONGEST_WAIT_S = 60.0
PONG_LATE_AFTER_S = 4.0
INTERNAL_ERROR = "internal error, see the log"
FAILURE_LOG_INTERVAL_S = 600.0

log = logging.getLogger(__name__)


class Connection:
    """One connection and its thread. What is not private is for the worker's main thread."""

    def __init__(
        self,
        number: int,
        worker: int,
        subscriptions: Iterable[Subscription],
        exchange: ExchangeSettings,
        credentials: Credentials,
        outbox: Outbox,
        wakeup: int,
        gathering: Gathering | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.number = number
        self.is_simulated = False
        self._worker = worker
        self._subscriptions = list(subscriptions)
        self._exchange = exchange
        self._credentials = credentials
        self._outbox = outbox
        self._wakeup = wakeup
        self._gathering = gathering
        self._is_gathered = False
        self._unanswered: list[bytes] = []
        self._failure: str | None = None  # not the exception: its traceback leads back here, a cycle of garbage
        self._called = Event()
        self._lock = RLock()
        self._clock = clock
        self._lifecycle = Lifecycle(f"connection {number + 1}", exchange, Random())
        self._counters = Counters()
        self._reported = Counters()
        self._intake = Intake(self._subscriptions, self._counters)
        self._delay = Delay()
        self._socket: StompSocket | None = None
        self._opening_since: float | None = None
        self._to_send: list[Subscription] = []
        self._hurry_s: float | None = None
        self._is_stopping = False
        self._failures = OncePer(FAILURE_LOG_INTERVAL_S)
        self._thread = Thread(target=self._run, name=f"connection-{number + 1}", daemon=True)

    # ---- for the worker's main thread

    def start(self, delay_s: float) -> None:
        self._lifecycle.start(self._clock(), delay_s)
        self._thread.start()

    def status(self) -> ConnectionStatus:
        """The state now, and in `total` what was counted since the last call."""
        counted = msgspec.structs.replace(self._counters, reconnects=self._lifecycle.reconnects)
        increments, self._reported = counted.since(self._reported), counted
        lifecycle = self._lifecycle
        refusals = self._intake.refusals()
        return ConnectionStatus(
            number=self.number,
            worker=self._worker,
            state=lifecycle.state,
            reason=lifecycle.reason,
            since=lifecycle.since,
            planned=len(self._subscriptions),
            confirmed=self._intake.confirmed,
            refused=len(refusals),
            retry_at=lifecycle.retry_at,
            heard_at=lifecycle.heard_at,
            total=increments,
            refusals={subscription.ticker: reason for subscription, reason in refusals},
            latency_ms=self._delay.smoothed_ms,
            last_loss=lifecycle.last_loss,
            silent_after_s=self._exchange.ping_interval_s + PONG_LATE_AFTER_S,
        )

    def standing(self) -> Standing:
        lifecycle = self._lifecycle
        is_retry = lifecycle.state is ConnectionState.WAITING and lifecycle.reason != STARTING
        return Standing(lifecycle.state, lifecycle.since, lifecycle.tried_at, lifecycle.retry_at if is_retry else None)

    def hurry(self, within_s: float) -> None:
        """Have it not wait much longer than that for its next attempt."""
        self._hurry_s = within_s
        self._called.set()

    def check(self) -> None:
        """End an attempt to open that takes too long: the libraries' time-outs are per system call."""
        since, sock = self._opening_since, self._socket
        if since is not None and sock is not None and self._clock() - since > self._exchange.open_timeout_s:
            sock.abort()

    def stop(self) -> None:
        """Ask the thread to say goodbye and end. It looks once the caller makes the wakeup descriptor readable."""
        self._is_stopping = True
        self._called.set()
        if self._opening_since is not None and (sock := self._socket) is not None:
            sock.abort()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread; past the time-out, cut its socket and let it be."""
        self._thread.join(timeout_s)
        if self._thread.is_alive() and (sock := self._socket) is not None:
            sock.abort()

    def gather(self, descriptor: int) -> int | None:
        """Take what is there, for as long as the connection is online: see gathering.Member.

        What may block, and whatever ends the connection, is left to its own thread.
        """
        if not self._lock.acquire(blocking=False):
            return BUSY  # its thread is sending something
        try:
            sock = self._socket
            if not self._is_gathered or self._failure is not None or sock is None or sock.fileno() != descriptor:
                return None
            return self._gathered(sock)
        finally:
            self._lock.release()

    def _gathered(self, sock: StompSocket) -> int | None:
        try:
            arrival = sock.read(0)
            self._unanswered += arrival.pings
            self._take(arrival, is_news=False)
        except ConnectionFailed as failure:
            self._failure = str(failure)
        except Exception as error:
            self._tell_failure(error)
            self._failure = INTERNAL_ERROR
        else:
            if self._unanswered:
                self._called.set()
            return BUSY if sock.has_ended else arrival.size  # the reason of an end comes with the next read
        self._called.set()
        return None

    def _tell_failure(self, error: Exception) -> None:
        """Of this program: the traceback once in a while, however often it comes."""
        if (more := self._failures.allows("failure", self._clock())) is not None:
            text = "connection %d failed in a way that was not foreseen%s"
            log.error(text, self.number + 1, more, exc_info=error)

    # ---- the connection's own thread

    def _run(self) -> None:
        while self._lifecycle.state is not ConnectionState.STOPPED:
            try:
                self._step()
            except ConnectionFailed as error:
                self._lose(str(error))
            except Exception as error:
                self._tell_failure(error)
                self._lose(INTERNAL_ERROR)
        self._close()

    def _step(self) -> None:
        """Read first and judge afterwards: what waits in the socket proves life, however long this process slept."""
        with self._lock:
            wait_s = min(self._lifecycle.wait_s(self._clock()), LONGEST_WAIT_S)
        if self._is_gathered:
            self._called.wait(wait_s)
        elif self._socket is not None:
            self._read(self._socket, wait_s)
        elif not self._is_stopping:
            self._called.wait(wait_s)
            self._called.clear()
        with self._lock:
            if self._hurry_s is not None:
                within_s, self._hurry_s = self._hurry_s, None
                self._lifecycle.hurry(self._clock(), within_s)
            if self._is_gathered:
                self._look_after_gathering()
            if self._is_stopping:
                self._is_gathered = False
                self._lifecycle.stop(self._clock())
            while (action := self._lifecycle.due(self._clock())) is not None:
                self._do(action)
            self._let_gather()

    def _read(self, sock: StompSocket, wait_s: float) -> int:
        """The size of what was there. It is taken first: an answer that cannot be sent ends the connection."""
        arrival = sock.read(wait_s)
        self._take(arrival)
        for content in arrival.pings:
            if self._socket is sock:
                sock.pong(content)
        return arrival.size

    def _look_after_gathering(self) -> None:
        """What the gathering thread left to this one."""
        self._called.clear()
        if self._failure is not None:
            raise ConnectionFailed(self._failure)
        assert self._socket is not None
        while self._unanswered:
            self._socket.pong(self._unanswered.pop(0))
        if self._read(self._socket, 0):
            self._join_gathering()  # what it left decrypted is seen by nobody who only waits for the descriptor

    def _let_gather(self) -> None:
        if self._gathering is None or self._is_gathered or self._lifecycle.state is not ConnectionState.ONLINE:
            return
        self._is_gathered = True
        self._join_gathering()

    def _join_gathering(self) -> None:
        if self._gathering is not None and self._socket is not None:
            self._gathering.join(self._socket.fileno(), self)

    def _do(self, action: Action) -> None:
        if action is Action.OPEN:
            self._open()
            return
        sock = self._socket
        if action is Action.CLOSE or sock is None:
            self._close()
            return
        match action:
            case Action.GREET:
                sock.send_frame("CONNECT", connect_headers(self._credentials))
            case Action.SUBSCRIBE:
                self._subscribe(sock)
            case Action.PING:
                sock.ping()
                self._lifecycle.pinged(self._clock())
            case Action.DISCONNECT:
                sock.send_frame("DISCONNECT", {"receipt": DISCONNECT_RECEIPT})

    def _open(self) -> None:
        self._opening_since = began = self._clock()
        self._socket = StompSocket(self._wakeup)
        try:
            self._socket.open(self._exchange.url, self._exchange.open_timeout_s)
        except ConnectionFailed as error:
            if self._clock() - began > self._exchange.open_timeout_s:
                raise ConnectionFailed(f"no WebSocket within {self._exchange.open_timeout_s:g} s") from error
            raise
        finally:
            self._opening_since = None
        self._lifecycle.opened(self._clock())

    def _subscribe(self, sock: StompSocket) -> None:
        if self._to_send:
            subscription = self._to_send.pop()
            headers = {
                "id": subscription.id,
                "receipt": subscription.id,
                "destination": subscription.destination,
                "selector": subscription.selector,
            }
            sock.send_frame("SUBSCRIBE", headers)
        self._lifecycle.subscribed(self._clock(), remaining=len(self._to_send))

    def _lose(self, reason: str) -> None:
        self._close()
        self._lifecycle.lost(self._clock(), reason)

    def _close(self) -> None:
        with self._lock:
            self._is_gathered = False
            self._failure = None
            self._unanswered.clear()
            self._intake.closed()
            self._delay = Delay()
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    # ---- what the gateway sent

    def _take(self, arrival: Arrival, *, is_news: bool = True) -> None:
        """Messages first: a frame may end their subscription, or the connection, and comes after them then."""
        if not arrival.size:
            return
        now = self._clock()
        self._lifecycle.heard(now)
        self._counters.bytes += arrival.size
        if arrival.messages:
            changes = self._intake.take(arrival.messages, now)
            if changes and now >= self._delay.due_at:
                self._delay.sample(changes[-1], now, time.time() * 1000)
            self._outbox.put(changes, is_news=is_news)
        for frame in arrival.frames:
            if self._socket is not None:  # what follows a refused login is of no interest
                self._take_frame(frame, now)

    def _take_frame(self, frame: ServerFrame, now: float) -> None:
        match frame.command:
            case "CONNECTED" if self._lifecycle.state is ConnectionState.GREETING:
                self._take_greeting(frame.headers, now)
            case "ERROR" if not self._intake.takes_error(frame.headers):
                self._take_error(told(frame.headers.get("message", NO_MESSAGE)), now)
            case "RECEIPT" if frame.headers.get("receipt-id") == DISCONNECT_RECEIPT:
                self._lifecycle.disconnected(now)
            case _:
                self._intake.take_frame(frame.command, frame.headers, now)

    def _take_greeting(self, headers: Mapping[str, str], now: float) -> None:
        self._lifecycle.greeted(now)
        self._to_send = self._subscriptions[::-1]
        self._intake.greeted()
        self.is_simulated = self.is_simulated or is_simulated_exchange(headers)

    def _take_error(self, message: str, now: float) -> None:
        if self._lifecycle.state is ConnectionState.GREETING and not is_temporary(message):
            self._close()
            self._lifecycle.refused(now, message)
        else:
            raise ConnectionFailed(f"the gateway reported {message}")
