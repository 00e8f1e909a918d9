"""The built-in exchange as an asyncio server: WebSocket and REST on one port."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from http import HTTPStatus
from itertools import count
from random import Random
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from typing import Any, cast
from urllib.parse import urlsplit
from weakref import WeakSet

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from shared.settings import GATEWAY_PATH, SimulatorSettings
from simulator.faults import Faults, Silence
from simulator.feed import Feed
from simulator.gateway import Session
from simulator.link import CONGESTED_BYTES, GatewayConnection, Link
from simulator.market import Market
from simulator.outbox import Outbox
from simulator.rest import ISS_PATH, page

HOST = "127.0.0.1"
SUBPROTOCOLS = [Subprotocol("STOMP"), Subprotocol("v12.stomp")]
TICK_S = 0.02
_LONGEST_BACKLOG_S = 0.1
_CLOSE_TIMEOUT_S = 0.5
_STOP_TIMEOUT_S = 1.0


def listen(port: int) -> socket:
    """A listening socket on 127.0.0.1; 0 picks a free port. Raises OSError when the port cannot be had."""
    listener = socket(AF_INET, SOCK_STREAM)
    try:
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def gateway_url(listener: socket) -> str:
    return f"ws://{HOST}:{listener.getsockname()[1]}{GATEWAY_PATH}"


def iss_url(listener: socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}{ISS_PATH}"


class BuiltInExchange:
    """Market, gateway and ISS pages. All methods belong to the thread of the loop that runs `run`.

    `clock` tells seconds since 1970; what a person reads comes from it.
    """

    def __init__(
        self, settings: SimulatorSettings, faults: Faults | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        seed = Random().getrandbits(32) if settings.seed is None else settings.seed
        self.faults = Faults() if faults is None else faults
        self.market = Market(seed, clock(), is_open=settings.session == "open")
        self._rate = settings.rate
        self._clock = clock
        self._feed = Feed(self.market)
        self._links: dict[Link, None] = {}
        self._random = Random(f"{seed} faults")
        self._session_numbers = count(1)
        self._started_at = self._cut_at = time.monotonic()
        self._sockets: WeakSet[GatewayConnection] = WeakSet()
        self._messages_of_the_gone = 0

    @property
    def messages_sent(self) -> int:
        """MESSAGE frames given to clients so far, first snapshots included."""
        return self._messages_of_the_gone + sum(link.outbox.messages for link in self._links)

    @property
    def connections(self) -> int:
        return len(self._links)

    @property
    def subscriptions(self) -> int:
        return self._feed.subscriptions

    @property
    def links(self) -> Collection[Link]:
        return self._links.keys()

    @property
    def clients_behind(self) -> int:
        """Clients that are owed market data, because they do not read or the exchange is silent."""
        return sum(bool(link.outbox.missed) for link in self._links)

    async def run(self, listener: socket, stop: asyncio.Event) -> None:
        """Serve on `listener`, which is closed at the end, until `stop` is set."""
        server = await serve(
            self._talk,
            sock=listener,
            subprotocols=SUBPROTOCOLS,
            compression=None,
            process_request=self._answer_http,
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT_S,
            write_limit=CONGESTED_BYTES,
            create_connection=cast("type[ServerConnection]", self._new_connection),
        )
        market = asyncio.create_task(self._run_market(), name="market")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait((market, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            market.cancel()
            await self._close(server)
        with contextlib.suppress(asyncio.CancelledError):
            await market

    def cut(self, number: int | None = None) -> int:
        """Cut that many connections, drawn at random, or all (None); how many there were."""
        links = list(self._links)
        victims = links if number is None else self._random.sample(links, min(number, len(links)))
        for link in victims:
            link.connection.cut()
        return len(victims)

    def _new_connection(self, *args: Any, **kwargs: Any) -> GatewayConnection:
        connection = GatewayConnection(*args, falls_silent=lambda: self._silence() is Silence.ALL, **kwargs)
        self._sockets.add(connection)
        return connection

    def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer to anything but a WebSocket handshake; None for that one."""
        if urlsplit(request.path).path == GATEWAY_PATH:
            return None
        body = page(request.path, self.market, self._clock())
        if body is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "There is no such page.\n")
        headers = Headers({"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body))})
        headers["Connection"] = "close"
        return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, headers, body)

    async def _talk(self, connection: ServerConnection) -> None:
        outbox = Outbox()
        session = Session(next(self._session_numbers), self._feed, self.faults, outbox)
        link = Link(cast("GatewayConnection", connection), session, outbox, self.faults, self._random)
        link.look(self._silence())
        self._links[link] = None
        try:
            await link.talk(self._clock)
        finally:
            del self._links[link]
            self._messages_of_the_gone += outbox.messages

    async def _run_market(self) -> None:
        budget, before = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            budget = min(budget + self._rate * (now - before), max(1.0, self._rate * _LONGEST_BACKLOG_S))
            before = now
            budget = self._tick(budget)
            self._cut_when_due(now)

    def _tick(self, budget: float) -> float:
        """Let the market act and send what came of it; gives back the rest of the budget, in MESSAGE frames."""
        silence, now = self._silence(), self._clock()
        for link in self._links:
            if link.look(silence):
                self._feed.catch_up(link.outbox.take_missed(), now)
        if self.market.is_open and not self.faults.stands_still:
            budget = self._feed.advance(budget - self._feed.send_candles(now), now)
        for link in self._links:
            link.flush()
        return budget

    def _cut_when_due(self, now: float) -> None:
        every_s = self.faults.cut_every_s
        if every_s is None:
            self._cut_at = now
        elif now - self._cut_at >= every_s:
            self._cut_at = now
            self.cut(1)

    def _silence(self) -> Silence:
        return self.faults.silence_at(time.monotonic() - self._started_at)

    async def _close(self, server: Server) -> None:
        """Close every connection, those that do not answer by force."""
        server.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), _STOP_TIMEOUT_S)
            return
        for connection in list(self._sockets):
            connection.cut()
        await server.wait_closed()
