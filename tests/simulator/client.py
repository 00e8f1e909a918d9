"""A small blocking client of the gateway for these tests, which trusts nothing that the simulator is made of."""

import json
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, NamedTuple, Self

from websockets.sync.client import connect
from websockets.typing import Subprotocol

PATIENCE_S = 10.0
CLOSE_TIMEOUT_S = 0.1  # a client that stopped reading would wait in vain for the answer to its close


class Answer(NamedTuple):
    command: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of a message, each by column."""
        return [dict(zip(self.content["columns"], row, strict=True)) for row in self.content["data"]]


class Client:
    """Frames are read in order by `next`; several in a message and one over several messages are understood."""

    def __init__(self, url: str, *, login: bool = True, tcp: socket.socket | None = None) -> None:
        self._closing = ExitStack()
        stomp = [Subprotocol("STOMP")]
        limits: dict[str, Any] = {"max_size": None, "close_timeout": CLOSE_TIMEOUT_S}
        opening = connect(url, sock=tcp, subprotocols=stomp, compression=None, proxy=None, **limits)
        self.socket = self._closing.enter_context(opening)
        self._pending = b""
        self._answers: deque[Answer] = deque()
        if login:
            self.send("CONNECT", domain="DEMO", login="guest", passcode="guest")
            assert self.next().command == "CONNECTED"

    def send(self, command: str, **headers: str) -> None:
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        self.socket.send(f"{command}\n{lines}\n\0")

    def subscribe(self, subscription: str, stream: str = "orderbooks", secid: str = "SBER", more: str = "") -> None:
        """Subscribe with a receipt; the id of both is `subscription`."""
        self.send(
            "SUBSCRIBE",
            id=subscription,
            receipt=subscription,
            destination=f"MXSE.{stream}",
            selector=f'TICKER="MXSE.TQBR.{secid}"{more}',
        )

    def next(self, timeout_s: float = PATIENCE_S) -> Answer:
        """The next frame. Raises TimeoutError when none comes, ConnectionClosed after the end."""
        while not self._answers:
            message = self.socket.recv(timeout=timeout_s)
            assert isinstance(message, bytes), "the gateway sends binary messages"
            *frames, self._pending = (self._pending + message).split(b"\0")
            self._answers.extend(_parse(frame) for frame in frames)
        return self._answers.popleft()

    def next_message(self, subscription: str) -> Answer:
        """The next MESSAGE of a subscription; what comes before it is dropped."""
        while True:
            answer = self.next()
            if answer.command == "MESSAGE" and answer.headers["subscription"] == subscription:
                return answer

    def drain(self, quiet_s: float = 0.3) -> list[Answer]:
        """All frames until none comes for that long."""
        answers = []
        while True:
            try:
                answers.append(self.next(quiet_s))
            except TimeoutError:
                return answers

    def is_silent_for(self, seconds: float) -> bool:
        try:
            self.next(seconds)
        except TimeoutError:
            return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closing.close()


def merged(answers: Iterable[Answer], subscription: str) -> dict[str, Any]:
    """The columns of a security after all its messages."""
    state: dict[str, Any] = {}
    for answer in answers:
        if answer.command == "MESSAGE" and answer.headers["subscription"] == subscription:
            is_snapshot = answer.content["properties"]["type"] == "snapshot"
            state = answer.rows[0] if is_snapshot else state | answer.rows[0]
    return state


def _parse(frame: bytes) -> Answer:
    head, _, body = frame.lstrip(b"\n").partition(b"\n\n")
    command, *lines = head.decode(errors="replace").split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name, value)
    return Answer(command, headers, body)
