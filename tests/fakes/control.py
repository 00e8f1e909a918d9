"""How a test drives the tests' gateway, whether it runs in a thread of the test or in a process of its own."""

import base64
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal, Self

import msgspec
from websockets.frames import Opcode

from tests.fakes.behaviour import Behaviour
from tests.fakes.endpoint import GATEWAY_PATH
from tests.fakes.exchange import HOST
from tests.fakes.ledger import Ledger, SubscriptionSeen
from tests.fakes.pages import REST_ROOT
from tests.fakes.shares import secids

ANSWER_LIMIT_S = 10.0


class Control(ABC):
    """A running gateway; a context manager that ends it. Every method may raise GatewayError.

    `connection` is a number of the ledger; None means every open connection.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"ws://{HOST}:{port}{GATEWAY_PATH}"
        self.iss_url = f"http://{HOST}:{port}{REST_ROOT}"
        self.tickers = secids()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """End the gateway and every connection, in a few seconds at most."""

    @abstractmethod
    def ask(self, request: bytes, within_s: float = ANSWER_LIMIT_S) -> bytes:
        """Have `commands.obey` answer one command in JSON. Raises TimeoutError."""

    # What happened.

    def ledger(self) -> Ledger:
        """A copy of the ledger as it is now."""
        return msgspec.json.decode(self._do("ledger"), type=Ledger)

    def stamps(self) -> list[tuple[str, int]]:
        """SECID and timestamp of all that was sent since this was asked last: the newest 100,000, in their order."""
        return msgspec.json.decode(self._do("stamps"), type=list[tuple[str, int]])

    @property
    def violations(self) -> list[str]:
        return self.ledger().violations

    def subscriptions(self) -> list[SubscriptionSeen]:
        """Every subscription of now."""
        return msgspec.json.decode(self._do("subscriptions"), type=list[SubscriptionSeen])

    def wait_until(self, condition: Callable[[Ledger], bool], within_s: float = 10.0) -> Ledger:
        """Wait for the ledger to fulfil a condition, and return it. Raises TimeoutError with the last ledger."""
        end = time.monotonic() + within_s
        while not condition(ledger := self.ledger()):
            if time.monotonic() > end:
                ledger.quotes = {}
                raise TimeoutError(f"not within {within_s} s: {ledger}")
            time.sleep(0.02)
        return ledger

    # The feed.

    def start(self, rate: float) -> None:
        """Send about `rate` MESSAGE frames a second over all subscriptions; again to change the rate."""
        self._do("start", rate=rate)

    def blast(self, frames: int, within_s: float = 60.0) -> int:
        """Send at least `frames` MESSAGE frames as fast as the peers read; returns how many."""
        return msgspec.json.decode(self._do("blast", within_s, frames=frames), type=int)

    def quiet(self, within_s: float = 10.0) -> Ledger:
        """Stop the feed, wait until every socket took all that was sent, and return the ledger: the final truth."""
        self._do("quiet", within_s + 1.0, within_s=within_s)
        return self.ledger()

    def enter(self, trading_status: str) -> None:
        """Let every instrument be in another phase, and say so once: T is trading, N closed, B a break."""
        self._do("enter", trading_status=trading_status)

    # Switches for whatever comes next.

    def behave(self, behaviour: Behaviour) -> None:
        """Treat whatever comes next in this way; `Behaviour()` is health again."""
        self._do("behave", behaviour=behaviour)

    def close_port(self) -> None:
        """Listen no more; whoever is connected stays so."""
        self._do("close_port")

    def open_port(self) -> None:
        """Listen again, on the same port."""
        self._do("open_port")

    # Faults of connections that are there.

    def drop(self, connection: int | None = None, how: Literal["close", "reset", "close_frame"] = "close") -> None:
        """End by the closing handshake, by TCP RST, or by a CLOSE frame after which TCP stays open and silent."""
        self._do("drop", connection=connection, how=how)

    def freeze(self, connection: int | None = None) -> None:
        """Neither read nor write; TCP stays open. A peer that leaves meanwhile is noticed after `thaw`."""
        self._do("freeze", connection=connection)

    def thaw(self, connection: int | None = None) -> None:
        self._do("thaw", connection=connection)

    def send(self, payload: bytes, connection: int | None = None, opcode: Opcode = Opcode.BINARY) -> None:
        """Send any bytes as one WebSocket message. Not counted in the ledger."""
        self._do("send", payload=base64.b64encode(payload).decode(), opcode=int(opcode), connection=connection)

    def send_tcp(self, data: bytes, connection: int | None = None) -> None:
        """Send any bytes without a WebSocket frame around them. Not counted in the ledger."""
        self._do("send", payload=base64.b64encode(data).decode(), opcode=None, connection=connection)

    def mute(self, ticker: str, connection: int | None = None, *, is_muted: bool = True) -> None:
        """Let the present subscriptions to a SECID fall silent, or speak again."""
        self._do("mute", ticker=ticker, connection=connection, is_muted=is_muted)

    def end_subscription(self, ticker: str, connection: int | None = None) -> None:
        """Send CLOSED for the present subscriptions to a SECID."""
        self._do("end_subscription", ticker=ticker, connection=connection)

    def _do(self, do: str, answer_within_s: float = ANSWER_LIMIT_S, /, **arguments: object) -> msgspec.Raw:
        """Have a method of Commands carried out, and return its result in JSON."""
        request = msgspec.json.encode({"do": do, **arguments})
        answer = msgspec.json.decode(self.ask(request, answer_within_s), type=dict[str, msgspec.Raw])
        if "error" in answer:
            raise GatewayError(msgspec.json.decode(answer["error"], type=str))
        return answer["result"]


class GatewayError(Exception):
    """The gateway could not carry out a command."""
