"""A small STOMP client for trying the tests' gateway by itself."""

from typing import Any, Self

import msgspec
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.fakes.wire import Command, command_of

LIMIT_S = 10.0


class Client:
    """One connection to a gateway, in the caller's thread. `frames` holds what was read and not yet asked for."""

    def __init__(self, url: str, subprotocol: str = "STOMP") -> None:
        self.websocket: ClientConnection = connect(
            url,
            subprotocols=[Subprotocol(subprotocol)],
            compression=None,
            open_timeout=LIMIT_S,
            proxy=None,
            max_queue=None,
        )
        self.frames: list[Command] = []
        self._unread = b""

    def __enter__(self) -> Self:
        self.websocket.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.websocket.close()

    def send(self, text: str) -> None:
        """Send one frame, given without its NUL."""
        self.websocket.send(text.encode() + b"\0")

    def login(self, passcode: str = "guest") -> Command:
        self.send(f"CONNECT\ndomain:DEMO\nlogin:guest\npasscode:{passcode}\n\n")
        return self.next()

    def subscribe(self, subscription_id: str, stream: str, secid: str) -> None:
        self.send(
            f"SUBSCRIBE\nid:{subscription_id}\nreceipt:{subscription_id}\ndestination:MXSE.{stream}\n"
            f'selector:TICKER="MXSE.TQBR.{secid}"\n\n'
        )

    def next(self, within_s: float = LIMIT_S) -> Command:
        """The next frame. Raises TimeoutError, or what the websockets library raises when the connection ends."""
        while not self.frames:
            message = self.websocket.recv(within_s, decode=False)
            *whole, self._unread = (self._unread + message).split(b"\0")
            self.frames += [command_of(frame.lstrip(b"\n")) for frame in whole]
        return self.frames.pop(0)

    def next_of(self, *names: str) -> Command:
        """The next frame with one of these commands; the others before it are lost."""
        while (frame := self.next()).name not in names:
            pass
        return frame

    def confirmed(self, subscription_id: str, stream: str, secid: str) -> dict[str, Any]:
        """Subscribe, and wait for both the receipt and the first snapshot, which is returned."""
        self.subscribe(subscription_id, stream, secid)
        first, second = self.next_of("RECEIPT", "MESSAGE"), self.next_of("RECEIPT", "MESSAGE")
        return content(second if first.name == "RECEIPT" else first)


def content(frame: Command) -> dict[str, Any]:
    """The JSON body of a frame."""
    return msgspec.json.decode(frame.body, type=dict[str, Any])
