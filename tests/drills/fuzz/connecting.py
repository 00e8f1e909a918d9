"""What a gateway, and a proxy before it, may answer and send: to the upgrade, to the greeting, to subscriptions."""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, cast

import stomp.utils
import websocket

from collector import connection as connection_module
from collector import dialing
from collector.connection import Connection
from collector.framing import Messages
from collector.gathering import Gathering
from collector.intake import Intake
from collector.outbox import Outbox
from collector.stomp_socket import StompSocket
from shared.errors import ConnectionFailed
from shared.printable import printable
from shared.settings import Credentials, ExchangeSettings
from shared.wire import ConnectionState, Counters, WorkerReport, decode_upward, encode
from tests.collector.raw_peer import accept_key
from tests.drills.fuzz.bodies import SUBSCRIPTIONS, check
from tests.drills.fuzz.splitting import pieces_of, reading
from tests.drills.fuzz.stage import log_that_is_fit_to_print, replaced
from tests.fakes.wire import stomp as stomp_frame
from tests.fakes.wire import websocket as websocket_frame

NOW = 12.5
WAKEUP, _ = os.pipe()
"""Never readable."""

IDS = [subscription.id for subscription in SUBSCRIPTIONS]
LONGEST_REASON = 300

# ---- messages and answers of subscriptions


def intake(data: bytes) -> None:
    """The first byte says how many of the frames come in one read."""
    counters, updates, misfits = Counters(), 0, 0
    subject = Intake(SUBSCRIPTIONS, counters)
    frames = _frames_in(data[1:])
    at_once = 1 + (data[0] if data else 0) % 16
    with log_that_is_fit_to_print() as lines:
        for start in range(0, len(frames), at_once):
            messages, others = _sorted(frames[start : start + at_once])
            changes = subject.take(messages, NOW)
            assert len({id(change) for change in changes}) == len(changes) <= len(messages)
            for change in changes:
                check(change)
                updates += change.updates
            for frame in others:
                if frame.cmd != "ERROR" or subject.takes_error(frame.headers):
                    subject.take_frame(printable(frame.cmd), frame.headers, NOW)
                    misfits += not _is_answer(frame)
        assert len(lines) <= 1, "one line a minute"
    sent = sum(frame.cmd == "MESSAGE" for frame in frames)
    misread = sent - sum(frame.cmd == "MESSAGE" and "subscription" not in frame.headers for frame in frames) - updates
    assert (counters.messages, counters.updates, counters.decode_errors) == (sent, updates, misread + misfits)
    assert 0 <= counters.conflated <= updates
    _check_standing(subject.confirmed, {one.id: reason for one, reason in subject.refusals()})


def _frames_in(data: bytes) -> list[stomp.utils.Frame]:
    parsed = (stomp.utils.parse_frame(raw) for raw in data.split(b"\0"))
    return [frame for frame in parsed if frame is not None]


def _sorted(frames: Sequence[stomp.utils.Frame]) -> tuple[Messages, list[stomp.utils.Frame]]:
    """As the socket hands them over."""
    messages: Messages = {}
    others = []
    for frame in frames:
        if frame.cmd == "MESSAGE" and "subscription" in frame.headers:
            group = messages.setdefault(frame.headers["subscription"].encode(), [])
            group.append((b"head" + frame.body + b"rest", 4, 4 + len(frame.body)))
        else:
            others.append(frame)
    return messages, others


def _is_answer(frame: stomp.utils.Frame) -> bool:
    """Whether it says something of a subscription of ours."""
    names = {"RECEIPT": ["receipt-id"], "CLOSED": ["subscription"], "ERROR": ["subscription", "receipt-id"]}
    told = [frame.headers[name] for name in names.get(frame.cmd, []) if name in frame.headers]
    return told[:1] != [] and told[0] in IDS


def _check_standing(confirmed: int, refusals: Mapping[str, str]) -> None:
    assert confirmed + len(refusals) <= len(SUBSCRIPTIONS), "none is served and refused"
    assert all(reason.isprintable() and len(reason) < LONGEST_REASON for reason in refusals.values())


# ---- a connection from its opening to its end

SETTINGS = ExchangeSettings(subscribe_pause_s=0.0)
CONNECTED = websocket_frame(stomp_frame("CONNECTED", {"server": "infocx", "session": 1}, b"{}"))
LONGEST_CONTROL_FRAME = 125


class _Sent:
    """What is sent, in place of the library's WebSocket."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.pongs = 0
        self.frame_buffer = self

    def send_binary(self, frame: bytes) -> None:
        self.commands.append(stomp.utils.parse_frame(frame).cmd)

    def pong(self, content: bytes) -> None:
        assert len(content) <= LONGEST_CONTROL_FRAME
        self.pongs += 1

    def ping(self) -> None:
        raise AssertionError("a ping, though all that is to come is there")

    def shutdown(self) -> None:
        pass


class _Opened(StompSocket):
    """It is open at once, always readable, and its end is that of its connection as well."""

    sent: _Sent
    connection: Connection
    peer: socket.socket

    def open(self, url: str, timeout_s: float) -> None:
        self._raw, self.peer = socket.socketpair()
        self.peer.close()
        self.sent = _Opened.sent = _Sent()
        self._websocket = cast(websocket.WebSocket, self.sent)
        self.running = True
        self._poll.register(self._raw)

    def close(self) -> None:
        super().close()
        _Opened.connection.stop()


class _Gathering(Gathering):
    """Whoever joins is read at once, until its own thread has something to do."""

    def __init__(self) -> None:
        pass

    def join(self, descriptor: int, member: Any) -> None:
        while member.gather(descriptor) is not None and not member._called.is_set():
            pass


def connection(data: bytes) -> None:
    """Of the first byte, one bit says that the greeting is right, one who reads. The next four say where it is cut."""
    flags, sizes, stream = data[0] if data else 0, data[1:5], _wrapped(data[5:])
    outbox = Outbox(lambda: None)
    gathering = _Gathering() if flags & 2 else None
    subject = Connection(0, 0, SUBSCRIPTIONS, SETTINGS, Credentials(), outbox, WAKEUP, gathering)
    pieces = [CONNECTED, *pieces_of(stream, sizes)] if flags & 1 else pieces_of(stream, sizes)
    _Opened.connection, lifecycle = subject, subject._lifecycle
    reasons: list[str] = []
    enter = lifecycle._enter

    def noted(state: ConnectionState, reason: str, now: float) -> None:
        reasons.append(reason)
        enter(state, reason, now)

    outside = replaced(connection_module, StompSocket=_Opened), replaced(lifecycle, _enter=noted)
    with log_that_is_fit_to_print(), reading(pieces), outside[0], outside[1]:
        lifecycle.start(subject._clock(), 0.0)
        subject._run()
    status = subject.status()
    report = decode_upward(encode(WorkerReport(0, [status], [])))
    assert isinstance(report, WorkerReport)
    assert report.connections == [status]
    assert status.state is ConnectionState.STOPPED
    assert all(text.isprintable() and len(text) < LONGEST_REASON for text in (*reasons, status.last_loss))
    assert status.confirmed == 0
    _check_standing(status.confirmed, status.refusals)
    counted, quotes = status.total, outbox.take()
    assert counted.bytes <= sum(map(len, pieces))
    assert counted.messages - counted.updates <= counted.decode_errors
    assert counted.updates == sum(quote.updates for quote in quotes)
    assert counted.reconnects == 0
    for quote in quotes:
        check(quote)
    sent = _Opened.sent.commands
    assert sent == ["CONNECT", "SUBSCRIBE", "SUBSCRIBE", "SUBSCRIBE"][: len(sent)]


def _wrapped(data: bytes) -> bytes:
    """Each STOMP frame as the exchange sends them; where one begins with 0xFF, what follows are WebSocket frames."""
    frames = [frame + b"\0" for frame in data.split(b"\0") if frame]
    return b"".join(frame[1:-1] if frame.startswith(b"\xff") else websocket_frame(frame) for frame in frames)


# ---- the answer to the upgrade, and before it that of a proxy

END_OF_HEAD = b"\r\n\r\n"
ACCEPT = b"{accept}"
PROXY = b"{proxy}"
URL = "ws://exchange.example/infocx/v3/websocket"


class _Asking(socket.socket):
    """Its peer answers each request at once, and says no more after the last answer, or one that has no end."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        ours, self.peer = socket.socketpair()
        super().__init__(fileno=ours.detach())
        self._answers = list(answers)

    def sendall(self, request: Any, flags: int = 0) -> None:
        self.send(request)

    def send(self, request: Any, flags: int = 0) -> int:
        if self._answers:
            answer = self._answers.pop(0)
            if b"Sec-WebSocket-Key: " in request:
                answer = answer.replace(ACCEPT, accept_key(bytes(request)))
            self.peer.sendall(answer)
            if not self._answers or END_OF_HEAD not in answer:
                self._answers.clear()
                self.peer.close()
        return len(request)


def upgrade(data: bytes) -> None:
    """Where it holds PROXY, what is before that is the answer of a proxy."""
    proxy, is_proxied, answer = data.rpartition(PROXY)
    asking = _Asking([proxy, answer] if is_proxied else [answer])
    environment = {"http_proxy": "http://proxy.example:3128"} if is_proxied else {}

    def connected(host: str, port: int, deadline: object, hold: dialing.Hold) -> socket.socket:
        assert (host, port) == (("proxy.example", 3128) if is_proxied else ("exchange.example", 80))
        hold(asking)
        asking.settimeout(5)
        return asking

    subject = StompSocket(WAKEUP)
    with log_that_is_fit_to_print(), replaced(dialing, _connected=connected), replaced(os, environ=environment):
        try:
            subject.open(URL, 5)
            assert ACCEPT in answer, "it was not asked"
            while subject.read(0):
                pass
        except ConnectionFailed as failure:
            assert str(failure).isprintable()
            assert 0 < len(str(failure)) < LONGEST_REASON
        finally:
            subject.close()
            asking.peer.close()
    assert (subject.fileno(), asking.fileno()) == (-1, -1)
