"""The tests' exchange on one event loop: the market, its subscribers, the feed and the ledger."""

import asyncio
import time
from collections import deque
from random import Random

from tests.fakes.behaviour import Behaviour
from tests.fakes.dialogue import Subscription
from tests.fakes.endpoint import Endpoint
from tests.fakes.ledger import Ledger, QuoteSent
from tests.fakes.shares import STREAMS, Share, Stream, Table, body, secids

HOST = "127.0.0.1"
TICK_S = 0.004
CATCH_UP_S = 0.5
VIOLATIONS_KEPT = 1000
STAMPS_KEPT = 100_000


Topic = tuple[Stream, str]
"""A stream of one SECID."""


class Exchange:
    """Everything here is called on the event loop, but for the construction."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.behaviour = Behaviour()
        self.ledger = Ledger()
        self.stamps: deque[tuple[str, int]] = deque(maxlen=STAMPS_KEPT)
        self.shares = {secid: Share(secid, number, self.random) for number, secid in enumerate(secids())}
        self.unflushed: list[Endpoint] = []
        self.websockets: dict[int, Endpoint] = {}
        self.topics: dict[Topic, list[Subscription]] = {}
        self._topic_keys: list[Topic] = []
        self._endpoints: set[Endpoint] = set()
        self._server: asyncio.Server | None = None
        self._seqnum = 1_000_000
        self._now_ms = 0
        self._feed: asyncio.Task[None] | None = None

    # The port.

    async def open_port(self, port: int) -> int:
        """Listen on that port, or on a free one for 0; returns which. Raises OSError when it is taken."""
        self._server = await asyncio.get_running_loop().create_server(lambda: Endpoint(self), HOST, port)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    def close_port(self) -> None:
        """Let nobody in; whoever is in stays."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """Stop the feed, the port and every connection, all at once."""
        self.stop_feed()
        self.close_port()
        while self._endpoints:
            for endpoint in self._endpoints:
                endpoint.abort()
            await asyncio.sleep(0)

    # What endpoints and dialogues tell.

    def violation(self, text: str) -> None:
        if len(self.ledger.violations) < VIOLATIONS_KEPT:
            self.ledger.violations.append(text)

    def arrived(self, endpoint: Endpoint) -> None:
        self._endpoints.add(endpoint)

    def upgraded(self, endpoint: Endpoint) -> None:
        endpoint.number = self.ledger.connects
        self.ledger.connects += 1
        self.ledger.connections[endpoint.number] = endpoint.seen
        self.websockets[endpoint.number] = endpoint

    def left(self, endpoint: Endpoint) -> None:
        self._endpoints.discard(endpoint)
        if endpoint.is_websocket:
            self.ledger.disconnects += 1
            endpoint.seen.is_open = False
            del self.websockets[endpoint.number]
            for subscription in endpoint.dialogue.subscriptions.values():
                self.unsubscribe(subscription)

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscriber and send its first snapshot."""
        topic = subscription.stream, subscription.secid
        if topic not in self.topics:
            self.topics[topic] = []
            self._topic_keys.append(topic)
        self.topics[topic].append(subscription)
        subscription.endpoint.seen.subscriptions += 1
        self.ledger.subscriptions_seen += 1
        share = self.shares[subscription.secid]
        self._tell(share, subscription.stream, share.snapshot(subscription.stream), [subscription])

    def unsubscribe(self, subscription: Subscription) -> None:
        self.topics[subscription.stream, subscription.secid].remove(subscription)
        subscription.endpoint.seen.subscriptions -= 1

    def flush(self) -> None:
        """Write out what was queued on any connection."""
        endpoints, self.unflushed = self.unflushed, []
        for endpoint in endpoints:
            endpoint.flush()

    # The feed.

    def _tell(self, share: Share, stream: Stream, table: Table, subscriptions: list[Subscription]) -> None:
        """Queue one message for each of `subscriptions`, and enter it into the ledger."""
        random = self.random
        self._seqnum += random.randint(1, 3)
        self._now_ms = max(self._now_ms, time.time_ns() // 1_000_000)
        content = body(
            table,
            seqnum=self._seqnum,
            now_ms=self._now_ms,
            is_quoted=share.is_quoted,
            is_published=random.random() < 0.8,
        )
        length = f"content-length:{len(content)}\n".encode() if random.random() < 0.3 else b""
        tail = length + b"\n" + content + b"\0"
        for subscription in subscriptions:
            subscription.endpoint.queue(subscription.head + tail)
            subscription.endpoint.seen.frames += 1
        self.ledger.frames_sent += len(subscriptions)
        self._enter(share, stream, len(subscriptions))

    def _enter(self, share: Share, stream: Stream, frames: int) -> None:
        quote = self.ledger.quotes.setdefault(share.secid, QuoteSent())
        quote.frames += frames
        quote.sent_ms = self._now_ms
        self.stamps.append((share.secid, self._now_ms))
        if stream == "orderbooks":
            quote.has_book, quote.bid, quote.ask = True, share.best_bid, share.best_ask
        elif stream == "securities":
            volume = share.field("VOLTODAY")
            quote.last, quote.volume = share.field("LAST"), None if volume is None else int(volume)
            if not quote.has_book:
                quote.bid, quote.ask = share.field("BID"), share.field("OFFER")

    def pump(self, frames: int) -> int:
        """Send about so many MESSAGE frames, by events of instruments drawn at random; returns how many it were."""
        sent = 0
        for _ in range(frames if self._topic_keys else 0):
            stream, secid = self.random.choice(self._topic_keys)
            # Now and then all streams of an instrument speak at once, as they do after a trade.
            for one in STREAMS if self.random.random() < 0.1 else (stream,):
                sent += self._happen(one, secid)
            if sent >= frames:
                break
        self.flush()
        return sent

    def _happen(self, stream: Stream, secid: str) -> int:
        """One event, if anybody listens; returns the frames sent."""
        listening = [one for one in self.topics.get((stream, secid), ()) if one.is_listening]
        if listening:
            share = self.shares[secid]
            self._tell(share, stream, share.next(stream), listening)
        return len(listening)

    def enter(self, trading_status: str) -> None:
        """Let every instrument be in that phase from now on, and tell whoever listens to it."""
        for share in self.shares.values():
            table = share.enter(trading_status)
            listening = [one for one in self.topics.get(("securities", share.secid), ()) if one.is_listening]
            if listening:
                self._tell(share, "securities", table, listening)
        self.flush()

    def start_feed(self, rate: float) -> None:
        """Send about so many MESSAGE frames a second from now on, over all connections."""
        self.stop_feed()
        self._feed = asyncio.get_running_loop().create_task(self._run_feed(rate))

    def stop_feed(self) -> None:
        if self._feed is not None:
            self._feed.cancel()
            self._feed = None

    def has_listeners(self) -> bool:
        """Whether anything that happens now would be told to anyone."""
        return any(one.is_listening for topic in self.topics.values() for one in topic)

    def unread_bytes(self) -> int:
        """Bytes that the peers' sockets did not take yet; frozen connections are left out."""
        return sum(endpoint.unread_bytes for endpoint in self._endpoints if not endpoint.is_frozen)

    async def _run_feed(self, rate: float) -> None:
        clock = asyncio.get_running_loop().time
        credit, before = 0.0, clock()
        while True:
            await asyncio.sleep(TICK_S)
            now = clock()
            credit = min(credit + (now - before) * rate, rate * CATCH_UP_S)
            before = now
            credit -= self.pump(int(credit))
