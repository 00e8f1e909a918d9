"""Thread shell of one connection: does what `lifecycle` decides, and passes on what the gateway sends."""

import logging
import select
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from threading import Thread

from collector.framing import BUFFER_SIZE, Message, Messages
from collector.issplus import (
    BodyError,
    Change,
    Stream,
    Subscription,
    connect_headers,
    decode,
    is_temporary,
    timestamp_in,
)
from collector.issplus import is_simulated as is_simulated_exchange
from collector.lifecycle import Action, Lifecycle
from collector.outbox import Outbox
from collector.stomp_socket import DISCONNECT_RECEIPT, Arrival, ServerFrame, StompSocket
from shared.errors import ConnectionFailed
from shared.logs import OncePer
from shared.printable import printable
from shared.quotes import Quote
from shared.settings import Credentials, ExchangeSettings
from shared.wire import ConnectionState, ConnectionStatus, Counters

SAMPLE_LENGTH = 200
LONGEST_WAIT_S = 60.0
PLENTY = BUFFER_SIZE // 2
"""Bytes of one read after which there is no sense in waiting for more to come."""

MISFIT_LOG_INTERVAL_S = 60.0

log = logging.getLogger(__name__)


class Connection:
    """One connection and its thread. `status`, `check`, `stop` and `join` are for the worker's main thread."""

    def __init__(
        self,
        number: int,
        worker: int,
        subscriptions: Iterable[Subscription],
        exchange: ExchangeSettings,
        credentials: Credentials,
        outbox: Outbox,
        wakeup: int,
        gather_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.number = number
        self.is_simulated = False
        self._worker = worker
        self._subscriptions = {subscription.id.encode(): subscription for subscription in subscriptions}
        self._exchange = exchange
        self._credentials = credentials
        self._outbox = outbox
        self._wakeup = wakeup
        self._gather_s = gather_s
        self._is_gathering = False
        self._clock = clock
        self._lifecycle = Lifecycle(f"connection {number + 1}", exchange, Random())
        self._counters = Counters()
        self._reported = Counters()
        self._socket: StompSocket | None = None
        self._opening_since: float | None = None
        self._to_send: list[Subscription] = []
        self._confirmed: set[bytes] = set()
        self._refusals: dict[bytes, str] = {}
        self._misfit_log = OncePer(MISFIT_LOG_INTERVAL_S)
        self._is_stopping = False
        self._thread = Thread(target=self._run, name=f"connection-{number + 1}", daemon=True)

    # ---- for the worker's main thread

    def start(self, delay_s: float) -> None:
        self._lifecycle.start(self._clock(), delay_s)
        self._thread.start()

    def status(self) -> ConnectionStatus:
        """The state now, and in `total` what was counted since the last call."""
        counted = Counters(*(getattr(self._counters, name) for name in self._counters.__struct_fields__))
        counted.reconnects = self._lifecycle.reconnects
        increments, self._reported = counted.since(self._reported), counted
        lifecycle = self._lifecycle
        refusals = dict(self._refusals)
        return ConnectionStatus(
            number=self.number,
            worker=self._worker,
            state=lifecycle.state,
            reason=lifecycle.reason,
            since=lifecycle.since,
            planned=len(self._subscriptions),
            confirmed=len(self._confirmed),
            refused=len(refusals),
            retry_at=lifecycle.retry_at,
            heard_at=lifecycle.heard_at,
            total=increments,
            refusals={self._subscriptions[key].ticker: reason for key, reason in refusals.items()},
        )

    def check(self) -> None:
        """End an attempt to open that takes too long: the libraries' time-outs are per system call."""
        since, sock = self._opening_since, self._socket
        if since is not None and sock is not None and self._clock() - since > self._exchange.open_timeout_s:
            sock.abort()

    def stop(self) -> None:
        """Ask the thread to say goodbye and end. It looks once the caller makes the wakeup descriptor readable."""
        self._is_stopping = True
        if self._opening_since is not None and (sock := self._socket) is not None:
            sock.abort()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread; past the time-out, cut its socket and let it be."""
        self._thread.join(timeout_s)
        if self._thread.is_alive() and (sock := self._socket) is not None:
            sock.abort()

    # ---- the connection's own thread

    def _run(self) -> None:
        while self._lifecycle.state is not ConnectionState.STOPPED:
            try:
                self._step()
            except ConnectionFailed as error:
                self._lose(str(error))
            except Exception:
                log.exception("connection %d failed in a way that was not foreseen", self.number + 1)
                self._lose("internal error, see the log")
        self._close()

    def _step(self) -> None:
        """Read first and judge afterwards: what waits in the socket proves life, however long this process slept."""
        wait_s = min(self._lifecycle.wait_s(self._clock()), LONGEST_WAIT_S)
        if self._socket is not None:
            self._take(self._gathered(self._socket) or self._socket.read(wait_s))
        elif not self._is_stopping:
            select.select([self._wakeup], [], [], wait_s)
        if self._is_stopping:
            self._lifecycle.stop(self._clock())
        while (action := self._lifecycle.due(self._clock())) is not None:
            self._do(action)

    def _gathered(self, sock: StompSocket) -> Arrival | None:
        """While data flow, leave them in the socket until the next multiple of `gather_s`, then read them at once.

        None when there was nothing to wait for, or nothing came: the next message is then waited for and read alone.
        """
        if not self._is_gathering or self._is_stopping:
            return None
        select.select([self._wakeup], [], [], self._gather_s - self._clock() % self._gather_s)
        arrival = sock.read(0)
        return arrival if arrival.size else None

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
        self._confirmed.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # ---- what the gateway sent

    def _take(self, arrival: Arrival) -> None:
        """Messages first: a frame may end their subscription, or the connection, and comes after them then."""
        is_online = self._lifecycle.state is ConnectionState.ONLINE
        self._is_gathering = is_online and self._gather_s > 0 and bool(arrival.messages) and arrival.size < PLENTY
        if not arrival.size:
            return
        now = self._clock()
        self._lifecycle.heard(now)
        self._counters.bytes += arrival.size
        if arrival.messages:
            self._take_messages(arrival.messages, now)
        for frame in arrival.frames:
            if self._socket is not None:  # what follows a refused login is of no interest
                self._take_frame(frame, now)

    def _take_frame(self, frame: ServerFrame, now: float) -> None:
        match frame.command:
            case "CONNECTED" if self._lifecycle.state is ConnectionState.GREETING:
                self._take_greeting(frame.headers, now)
            case "ERROR":
                self._take_error(frame.headers, now)
            case "RECEIPT" if frame.headers.get("receipt-id") == DISCONNECT_RECEIPT:
                self._lifecycle.disconnected(now)
            case "RECEIPT" if (key := frame.headers.get("receipt-id", "").encode()) in self._subscriptions:
                self._confirmed.add(key)
            case "CLOSED" if (key := frame.headers.get("subscription", "").encode()) in self._subscriptions:
                self._refuse(key, frame.headers.get("message", "closed by the exchange"))
            case _:
                self._counters.messages += frame.command == "MESSAGE"
                self._misfit(f"unexpected {frame.command}", repr(dict(frame.headers)), now)

    def _take_greeting(self, headers: Mapping[str, str], now: float) -> None:
        self._lifecycle.greeted(now)
        self._to_send = list(reversed(self._subscriptions.values()))
        self._refusals.clear()
        self.is_simulated = self.is_simulated or is_simulated_exchange(headers)

    def _take_error(self, headers: Mapping[str, str], now: float) -> None:
        """An ERROR that names a subscription concerns it alone; any other ends the connection, as STOMP says."""
        message = printable(headers.get("message", "ERROR without a message"))
        key = headers.get("subscription", headers.get("receipt-id", "")).encode()
        if key in self._subscriptions:
            self._refuse(key, message)
        elif "request-id" in headers:
            self._misfit("an answer to a request that was not made", message, now)
        elif self._lifecycle.state is ConnectionState.GREETING and not is_temporary(message):
            self._close()
            self._lifecycle.refused(now, message)
        else:
            raise ConnectionFailed(f"the gateway reported {message}")

    def _refuse(self, key: bytes, reason: str) -> None:
        self._confirmed.discard(key)
        self._refusals[key] = printable(reason)

    def _take_messages(self, messages: Messages, now: float) -> None:
        changes: list[Quote] = []
        for key, group in messages.items():
            self._counters.messages += len(group)
            subscription = self._subscriptions.get(key)
            if subscription is None:
                self._misfit("a subscription that is not ours", repr(key), now, len(group))
                continue
            if key not in self._confirmed:
                self._confirmed.add(key)
                self._refusals.pop(key, None)
            changes += self._decode(subscription, group, now)
        self._outbox.put(changes)

    def _decode(self, subscription: Subscription, group: Sequence[Message], now: float) -> list[Quote]:
        """The changes of messages of one subscription, oldest first.

        An order book that fits makes all older ones worthless: those are counted, not parsed. The newest is looked for
        by the exchange's own time, and by the order of arrival where that is the same.
        """
        if len(group) > 1 and subscription.stream is Stream.ORDERBOOKS:
            group = sorted(group, key=lambda message: timestamp_in(*message))
        changes: list[Quote] = []
        for index in range(len(group) - 1, -1, -1):
            change = self._decode_one(subscription, group[index], now)
            if change is None:
                continue
            changes.append(change.quote)
            if change.is_snapshot and subscription.stream is Stream.ORDERBOOKS:
                change.quote.updates += index
                self._counters.conflated += index
                self._counters.updates += index
                break
        self._counters.updates += len(changes)
        changes.reverse()
        return changes

    def _decode_one(self, subscription: Subscription, message: Message, now: float) -> Change | None:
        buffer, start, end = message
        body = buffer[start:end]
        try:
            return decode(subscription, body, now)
        except BodyError as error:
            self._misfit(f"{subscription.destination} of {subscription.ticker}: {error}", body, now)
            return None

    def _misfit(self, what: str, sample: str | bytes | bytearray, now: float, count: int = 1) -> None:
        """Count what does not fit the protocol, and log one sample a minute."""
        self._counters.decode_errors += count
        held_back = self._misfit_log.allows("misfit", now)
        if held_back is not None:
            text = sample if isinstance(sample, str) else bytes(sample[:SAMPLE_LENGTH]).decode(errors="replace")
            log.warning("%s; %d more since the last such line; sample: %.200s", what, held_back, printable(text))
