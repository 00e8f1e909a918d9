"""The commands that a test may give to the tests' exchange: each is a public method of Commands, and of Control."""

import asyncio
from collections.abc import Callable
from inspect import isawaitable

import msgspec
from websockets.frames import Opcode

from tests.fakes.behaviour import Behaviour
from tests.fakes.dialogue import Subscription
from tests.fakes.endpoint import Endpoint
from tests.fakes.exchange import Exchange
from tests.fakes.ledger import Ledger, SubscriptionSeen
from tests.fakes.wire import stomp, websocket

BLAST_STEP = 500
BLAST_UNREAD_BYTES = 4 * 1024 * 1024

WAYS_TO_DROP: dict[str, Callable[[Endpoint], None]] = {
    "close": Endpoint.close,
    "reset": Endpoint.abort,
    "close_frame": Endpoint.close_frame_only,
}


async def obey(commands: "Commands", request: bytes) -> bytes:
    """Carry out `{"do": NAME, ...arguments}`; the answer is `{"result": ...}` or `{"error": TEXT}`, all in JSON."""
    try:
        arguments = msgspec.json.decode(request, type=dict[str, object])
        result = getattr(commands, str(arguments.pop("do")))(**arguments)
        return msgspec.json.encode({"result": await result if isawaitable(result) else result})
    except Exception as error:
        return msgspec.json.encode({"error": f"{type(error).__name__}: {error}"})


class Commands:
    """Runs on the exchange's event loop. Where `connection` is None, all open ones are meant."""

    def __init__(self, exchange: Exchange, port: int) -> None:
        self._exchange = exchange
        self._port = port

    def ledger(self) -> Ledger:
        return self._exchange.ledger

    def stamps(self) -> list[tuple[str, int]]:
        stamps = list(self._exchange.stamps)
        self._exchange.stamps.clear()
        return stamps

    def subscriptions(self) -> list[SubscriptionSeen]:
        subscriptions = (one for topic in self._exchange.topics.values() for one in topic)
        return [SubscriptionSeen(one.endpoint.number, one.id, one.stream, one.secid) for one in subscriptions]

    def start(self, rate: float) -> None:
        self._exchange.start_feed(rate)

    async def blast(self, frames: int) -> int:
        sent = 0
        while sent < frames and self._exchange.has_listeners():
            sent += self._exchange.pump(min(BLAST_STEP, frames - sent))
            await asyncio.sleep(0)
            while self._exchange.unread_bytes() > BLAST_UNREAD_BYTES:
                await asyncio.sleep(0.001)
        return sent

    async def quiet(self, within_s: float = 10.0) -> None:
        self._exchange.stop_feed()
        async with asyncio.timeout(within_s):
            while self._exchange.unread_bytes():
                await asyncio.sleep(0.001)

    def enter(self, trading_status: str) -> None:
        self._exchange.enter(trading_status)

    def behave(self, behaviour: object) -> None:
        self._exchange.behaviour = msgspec.convert(behaviour, Behaviour)

    def close_port(self) -> None:
        self._exchange.close_port()

    async def open_port(self) -> None:
        self._exchange.close_port()
        await self._exchange.open_port(self._port)

    def drop(self, connection: int | None = None, how: str = "close") -> None:
        for endpoint in self._endpoints(connection):
            WAYS_TO_DROP[how](endpoint)

    def freeze(self, connection: int | None = None) -> None:
        for endpoint in self._endpoints(connection):
            endpoint.freeze()

    def thaw(self, connection: int | None = None) -> None:
        for endpoint in self._endpoints(connection):
            endpoint.thaw()

    def send(self, payload: str, opcode: int | None = None, connection: int | None = None) -> None:
        """`payload` is base64; with an opcode it becomes one WebSocket frame, without it is written to TCP as it is."""
        data = msgspec.convert(payload, bytes)
        for endpoint in self._endpoints(connection):
            endpoint.write(data if opcode is None else websocket(data, Opcode(opcode)))

    def mute(self, ticker: str, connection: int | None = None, is_muted: bool = True) -> None:
        for subscription in self._subscriptions(ticker, connection):
            subscription.is_muted = is_muted

    def end_subscription(self, ticker: str, connection: int | None = None) -> None:
        for subscription in self._subscriptions(ticker, connection):
            subscription.endpoint.queue(stomp("CLOSED", {"subscription": subscription.id}))
            del subscription.endpoint.dialogue.subscriptions[subscription.id]
            self._exchange.unsubscribe(subscription)
        self._exchange.flush()

    def _endpoints(self, connection: int | None) -> list[Endpoint]:
        """Raises KeyError when that connection is not open."""
        websockets = self._exchange.websockets
        return list(websockets.values()) if connection is None else [websockets[connection]]

    def _subscriptions(self, ticker: str, connection: int | None) -> list[Subscription]:
        dialogues = [endpoint.dialogue for endpoint in self._endpoints(connection)]
        return [one for dialogue in dialogues for one in dialogue.subscriptions.values() if one.secid == ticker]
