"""The only types that cross a process border, and their encoding (MessagePack by msgspec).

Upwards, through a worker's queue: QuoteBatch and WorkerReport. From the hub to whoever watches: Picture. From a watcher
to the hub: Request. Times named `*_at` or `since` are seconds of the machine's monotonic clock, which all processes of
one machine share; `Event.time` is seconds since 1970.
"""

from enum import Enum, StrEnum

import msgspec

from shared.decoding import decoded
from shared.quotes import Quote


class ConnectionState(StrEnum):
    """The states of one connection, and DOWN for a connection whose worker process is not there."""

    WAITING = "waiting"
    OPENING = "opening"
    GREETING = "greeting"
    SUBSCRIBING = "subscribing"
    ONLINE = "online"
    REFUSED = "refused"
    CLOSING = "closing"
    STOPPED = "stopped"
    DOWN = "down"


class Counters(msgspec.Struct, array_like=True):
    """What is counted. On the way up these are increments since the last report, so that nothing is counted twice.

    messages       MESSAGE frames received
    updates        of those, the ones that belonged to a known subscription and could be used
    conflated      of the updates, order books that were not even parsed, because a newer one was already there
    decode_errors  bodies or frames that did not fit the protocol
    bytes          received from the socket
    reconnects     times that a connection was greeted again after it had been lost
    """

    messages: int = 0
    updates: int = 0
    conflated: int = 0
    decode_errors: int = 0
    bytes: int = 0
    reconnects: int = 0

    def add(self, other: "Counters") -> None:
        self.messages += other.messages
        self.updates += other.updates
        self.conflated += other.conflated
        self.decode_errors += other.decode_errors
        self.bytes += other.bytes
        self.reconnects += other.reconnects

    def since(self, earlier: "Counters") -> "Counters":
        """The increments from `earlier` to this."""
        return Counters(
            self.messages - earlier.messages,
            self.updates - earlier.updates,
            self.conflated - earlier.conflated,
            self.decode_errors - earlier.decode_errors,
            self.bytes - earlier.bytes,
            self.reconnects - earlier.reconnects,
        )


class Event(msgspec.Struct, array_like=True):
    """Something worth telling a person: `source` is a connection, a worker or the program."""

    time: float
    source: str
    text: str


class ConnectionStatus(msgspec.Struct, array_like=True):
    """One connection as it is now; `number` counts from 0 over the whole program.

    `reason` says why the state was entered, `retry_at` when WAITING or REFUSED ends. `refusals` maps the tickers that
    the exchange refused to its reason. `latency_ms` is the smoothed delay from the exchange's own time to receipt, None
    while nothing new was received since the connection came up. `last_loss` says why it was lost last, empty: never;
    an attempt that failed lost nothing. One that is online and was not heard for `silent_after_s` should have been, by
    its pong.
    """

    number: int
    worker: int
    state: ConnectionState
    reason: str
    since: float
    planned: int
    confirmed: int = 0
    refused: int = 0
    retry_at: float | None = None
    heard_at: float | None = None
    total: Counters = msgspec.field(default_factory=Counters)
    refusals: dict[str, str] = msgspec.field(default_factory=dict)
    latency_ms: float | None = None
    last_loss: str = ""
    silent_after_s: float = 24.0


class QuoteBatch(msgspec.Struct, tag="quotes", array_like=True):
    """What a worker's outbox held when it was sent, at `sent_at`: at most one record a ticker."""

    worker: int
    quotes: list[Quote]
    sent_at: float | None = None


class WorkerReport(msgspec.Struct, tag="report", array_like=True):
    """Sent by the worker's own loop, so that its arrival proves that the loop advances.

    `connections[n].total` holds the increments of that connection since the last report. `is_simulated` is True once
    a gateway called itself the built-in exchange. `is_last` marks the report before an orderly exit.
    """

    worker: int
    connections: list[ConnectionStatus]
    events: list[Event]
    is_simulated: bool = False
    is_last: bool = False


class Totals(msgspec.Struct, array_like=True):
    """The figures that concern the whole program, as the hub knows them.

    `queue_age_s` is how long what came last had waited in a worker's queue, of the slowest worker; None when nothing
    came lately. `streams` are the subscribed ones. `is_exchange_open` is what the trading calendar says, None while it
    is unknown, and `session_changes_at` when that changes next, in seconds since 1970, None while that is unknown.
    `reported_at` says of each worker, by number, when its present incarnation reported last. `rereadings` counts how
    often the settings were read anew, whatever came of it: whoever watches does the same with its own then.
    """

    started_at: float
    connections: int
    tickers_per_connection: int
    gateway: str
    is_simulated: bool = False
    is_guest: bool = False
    instruments_source: str = ""
    tickers_planned: int = 0
    subscriptions_planned: int = 0
    worker_restarts: int = 0
    counters: Counters = msgspec.field(default_factory=Counters)
    rate_now: float = 0.0
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    queue_age_s: float | None = None
    streams: list[str] = msgspec.field(default_factory=list)
    is_exchange_open: bool | None = None
    session_changes_at: float | None = None
    reported_at: dict[int, float] = msgspec.field(default_factory=dict)
    rereadings: int = 0

    @property
    def is_delayed(self) -> bool:
        """Whether prices are 15 minutes late: by the public login, but not at an exchange that is simulated."""
        return self.is_guest and not self.is_simulated


class Picture(msgspec.Struct, tag="picture", array_like=True):
    """All that a watcher needs to be as up to date as the hub: `quotes` and `events` are those new since its last.

    `plan` holds the tickers of each connection by its number; None: as in the picture before.
    """

    revision: int
    totals: Totals
    connections: list[ConnectionStatus]
    quotes: list[Quote]
    events: list[Event]
    plan: list[list[str]] | None = None


class PackedPicture(Picture, tag="picture", array_like=True):
    """A picture on its way out, whose quotes are encoded already: each is encoded once for all who watch."""

    quotes: list[msgspec.Raw]  # type: ignore[assignment]


class Request(Enum):
    """What a watcher may say to the hub."""

    NEXT = "next"  # the last picture is drawn, send another when there is one
    QUIT = "quit"  # the person asked to end the program


Upward = QuoteBatch | WorkerReport

_encoder = msgspec.msgpack.Encoder()
_upward: msgspec.msgpack.Decoder[Upward] = msgspec.msgpack.Decoder(Upward)
_picture = msgspec.msgpack.Decoder(Picture)
_request = msgspec.msgpack.Decoder(Request)


def packed(quote: Quote) -> msgspec.Raw:
    """The quote as a part of a PackedPicture."""
    return msgspec.Raw(_encoder.encode(quote))


def encode(message: Upward | Picture | Request) -> bytes:
    return _encoder.encode(message)


def decode_upward(data: bytes) -> Upward:
    """Raises msgspec.DecodeError when `data` is not one whole message of a worker."""
    return decoded(_upward, data)


def decode_picture(data: bytes) -> Picture:
    """Raises msgspec.DecodeError when `data` is not one whole picture."""
    return decoded(_picture, data)


def decode_request(data: bytes) -> Request:
    """Raises msgspec.DecodeError when `data` is not a request."""
    return decoded(_request, data)
