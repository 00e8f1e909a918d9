"""Whatever bytes come: valid ones are read as the two libraries read them, all others end in ConnectionFailed."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise

import stomp
import stomp.transport
import websocket
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode

from collector.stomp_socket import ServerFrame, StompSocket
from shared.errors import ConnectionFailed
from tests.collector.raw_peer import RawPeer, upgraded
from tests.fakes import wire

OPEN_TIMEOUT_S = 10.0
READS_LIMIT = 10_000

LESS = settings(max_examples=settings().max_examples * 3 // 5)
"""Each example opens a connection."""

Pair = tuple[bytes, bytes]
"""Subscription and body of a MESSAGE."""


class ByTheLibraries(stomp.transport.BaseTransport):  # type: ignore[misc]
    """websocket-client reads the WebSocket, stomp.py cuts and parses: nothing of ours is in the way."""

    def __init__(self, end: socket.socket) -> None:
        super().__init__(auto_decode=False)
        self.messages: list[Pair] = []
        self.others: list[str] = []
        self._websocket = websocket.WebSocket(skip_utf8_validation=True)
        self._websocket.sock = end
        self.override_threading(lambda loop: loop())

    def receive(self) -> bytes:
        content: bytes = self._websocket.recv_data()[1]
        return content

    def process_frame(self, frame: stomp.utils.Frame, frame_str: bytes) -> None:
        if frame.cmd == "MESSAGE":
            self.messages.append((frame.headers["subscription"].encode(), frame.body))
        elif frame.cmd != "heartbeat":
            self.others.append(frame.cmd)


def read_by_the_libraries(data: bytes) -> tuple[list[Pair], list[str]]:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        transport = ByTheLibraries(ours)
        transport.start()
    return transport.messages, transport.others


@contextmanager
def connected(answer: Callable[[bytes], bytes] = upgraded) -> Iterator[tuple[StompSocket, socket.socket]]:
    """A StompSocket that is open, and the server's end of it."""
    reader, writer = os.pipe()
    try:
        with RawPeer(answer) as raw, closing(StompSocket(reader)) as stomp_socket:
            stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
            yield stomp_socket, raw.connection
    finally:
        os.close(reader)
        os.close(writer)


def read_all(
    stomp_socket: StompSocket, peer: socket.socket, pieces: list[bytes]
) -> tuple[list[Pair], list[ServerFrame], str]:
    """What is read of `pieces`, sent one after the other before the end of the stream, and the reason of the end."""
    messages: list[Pair] = []
    frames: list[ServerFrame] = []
    try:
        for piece in [*pieces, b""]:
            if piece:
                peer.sendall(piece)
            else:
                peer.shutdown(socket.SHUT_WR)
            for _ in range(READS_LIMIT):
                arrival = stomp_socket.read(0)
                for key, group in arrival.messages.items():
                    messages += [(key, bytes(data[start:end])) for data, start, end in group]
                frames += arrival.frames
                if not arrival.size:
                    break
        raise AssertionError("it read on after the end")
    except ConnectionFailed as failure:
        return messages, frames, str(failure)


def by_subscription(messages: list[Pair]) -> list[Pair]:
    """In the order of arrival within each subscription, which is all that is promised."""
    return sorted(messages, key=lambda pair: pair[0])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


# ---- streams as a gateway may send them

# JSON holds no NUL, and the gateway sends it on one line: a part that starts with a command starts a frame.
bodies = st.binary(max_size=300).map(lambda body: body.translate(None, b"\0\r\n"))
subscriptions = st.sampled_from(["0-SBER", "17-VEON-RX", "3-SiZ6"])


@st.composite
def stomp_frames(draw: st.DrawFn) -> bytes:
    name = draw(st.sampled_from(["MESSAGE"] * 4 + ["RECEIPT", "ERROR", "REPLY", "CLOSED"]))
    headers: dict[str, object] = {"subscription": draw(subscriptions)}
    body = draw(bodies)
    if draw(st.booleans()):
        headers = {"destination": "MXSE.orderbooks", **headers, "order": 1}
    if draw(st.booleans()):
        headers["content-length"] = len(body)
    # One line end at most: of a message that starts with two, stomp.py loses the first frame.
    return wire.stomp(name, headers, body) + draw(st.sampled_from([b"", b"\n"]))


def fragments(payload: bytes, places: list[int], opcode: Opcode) -> bytes:
    """One WebSocket message in several frames, with a control frame after each."""
    parts = cut(payload, places)
    return b"".join(
        wire.websocket(part, opcode if index == 0 else Opcode.CONT, is_last=index == len(parts) - 1)
        + wire.websocket(b"", Opcode.PONG)
        for index, part in enumerate(parts)
    )


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """WebSocket messages that each hold one STOMP frame, several, a part of one, or a heart-beat."""
    messages: list[bytes] = []
    for frames in draw(st.lists(st.lists(stomp_frames(), min_size=1, max_size=3), max_size=5)):
        opcode = draw(st.sampled_from([Opcode.BINARY, Opcode.TEXT]))
        payload, places = b"".join(frames), draw(st.lists(st.integers(0, 2000), max_size=2))
        match draw(st.sampled_from(["whole", "whole", "fragments", "messages", "heart-beat"])):
            case "whole":
                messages.append(wire.websocket(payload, opcode))
            case "fragments":
                messages.append(fragments(payload, places, opcode))
            case "messages":
                messages += [wire.websocket(part, opcode) for part in cut(payload, places)]
            case "heart-beat":
                messages += [wire.websocket(b"\n", opcode), wire.websocket(payload, opcode)]
    return b"".join(messages)


@settings(LESS)
@given(streams(), st.lists(st.integers(0, 10_000), max_size=6))
def test_valid_streams_are_read_as_stomp_py_and_websocket_client_read_them(data: bytes, places: list[int]) -> None:
    with connected() as (stomp_socket, peer):
        messages, frames, reason = read_all(stomp_socket, peer, cut(data, places))
    assert reason == "the gateway closed the connection"
    theirs, commands = read_by_the_libraries(data)
    assert (by_subscription(messages), [frame.command for frame in frames]) == (by_subscription(theirs), commands)


@settings(LESS)
@given(
    streams(),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 4), st.binary(max_size=4)), min_size=1, max_size=4),
    st.lists(st.integers(0, 10_000), max_size=4),
)
def test_damaged_streams_end_in_nothing_but_a_failed_connection(
    data: bytes, damages: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    for place, removed, inserted in damages:
        at = place % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    with connected() as (stomp_socket, peer):
        _, frames, reason = read_all(stomp_socket, peer, cut(data, places))
    assert reason.isprintable()
    assert all(frame.command.isprintable() for frame in frames)


@settings(LESS)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=4))
def test_random_bytes_end_in_nothing_but_a_failed_connection(data: bytes, places: list[int]) -> None:
    with connected() as (stomp_socket, peer):
        assert read_all(stomp_socket, peer, cut(data, places))[2].isprintable()


header_lines = st.one_of(
    st.sampled_from(
        [
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Protocol: STOMP",
            b"Sec-WebSocket-Accept: x",
            b"Set-Cookie: a@b=1; Domain=localhost",
            b"Set-Cookie: a=1; Domain=localhost",
            b"Location: \xff",
            b"Content-Length: -1",
            b"Content-Length: 99999999999999999999",
            b"no colon",
        ]
    ),
    st.binary(max_size=20),
)


@settings(LESS)
@given(
    st.sampled_from([b"HTTP/1.1 101 x", b"HTTP/1.1 302 x", b"HTTP/1.1 404 x", b"HTTP/1.1 999", b"HTTP", b"\xff", b""]),
    st.lists(header_lines, max_size=6),
)
def test_any_answer_to_the_upgrade_is_a_connection_or_a_failed_one(status: bytes, lines: list[bytes]) -> None:
    answer = b"\r\n".join([status, *lines, b"", b""])
    reader, writer = os.pipe()
    with RawPeer(lambda _: answer, ends=True) as raw, closing(StompSocket(reader)) as stomp_socket:
        try:
            stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
        except ConnectionFailed as failure:
            assert str(failure).isprintable()
    os.close(reader)
    os.close(writer)
