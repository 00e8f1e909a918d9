"""What the tests' gateway did and saw: the truth that a test compares a program with."""

import msgspec


class QuoteSent(msgspec.Struct):
    """The last values sent of one SECID, to whichever connection; None is null, or never sent.

    `bid` and `ask` are the best levels of the last order book, and the securities stream's BID and OFFER as long as no
    order book was sent. `frames` counts MESSAGE frames of all streams, `sent_ms` is the timestamp of the last of them.
    """

    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    volume: int | None = None
    frames: int = 0
    sent_ms: int = 0
    has_book: bool = False


class ConnectionSeen(msgspec.Struct):
    """One WebSocket connection. `frames` counts the MESSAGE frames sent; `subscriptions` are those of now."""

    is_open: bool = True
    is_greeted: bool = False
    frames: int = 0
    subscriptions: int = 0
    pings: int = 0


class Ledger(msgspec.Struct):
    """Counts since the gateway's start. Connections are numbered from 0 in the order of their upgrade.

    frames_sent         MESSAGE frames handed to the sockets: first snapshots, updates, nothing of `send()`
    subscriptions_seen  accepted SUBSCRIBE commands
    held_back           TCP connections left without an answer to their HTTP request
    slow_peers          connections cut because 16 MB waited for them
    quotes              by SECID, of all that anything was sent of
    violations          each thing that a client did against the protocol, the first 1,000
    """

    frames_sent: int = 0
    quotes: dict[str, QuoteSent] = msgspec.field(default_factory=dict)
    connections: dict[int, ConnectionSeen] = msgspec.field(default_factory=dict)
    connects: int = 0
    disconnects: int = 0
    pings: int = 0
    disconnect_frames: int = 0
    subscriptions_seen: int = 0
    logins_refused: int = 0
    tickers_refused: int = 0
    rest_requests: int = 0
    held_back: int = 0
    slow_peers: int = 0
    violations: list[str] = msgspec.field(default_factory=list)

    @property
    def online(self) -> int:
        """Connections that are open and were answered CONNECTED."""
        return sum(seen.is_open and seen.is_greeted for seen in self.connections.values())

    @property
    def subscriptions(self) -> int:
        """Subscriptions of now, over all connections."""
        return sum(seen.subscriptions for seen in self.connections.values())


class SubscriptionSeen(msgspec.Struct, frozen=True):
    """One subscription of now."""

    connection: int
    id: str
    stream: str
    ticker: str
