"""Bytes of the two protocols, as a server reads and writes them: STOMP frames and WebSocket frames. Pure."""

import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from random import Random
from typing import NamedTuple

from websockets.frames import Opcode

FORBIDDEN_BYTE = b"\r"
"""The gateway drops a connection that sends CRLF."""


class Command(NamedTuple):
    """One STOMP frame of a client."""

    name: str
    headers: dict[str, str]
    body: bytes


class Malformed(Exception):
    """A client sent what is no STOMP frame with LF line ends; str() says what."""


def stomp(command: str, headers: Mapping[str, object], body: bytes = b"") -> bytes:
    lines = [command, *(f"{name}:{value}" for name, value in headers.items())]
    return "\n".join(lines).encode() + b"\n\n" + body + b"\0"


def command_of(frame: bytes) -> Command:
    """Read one frame, without its NUL. Raises Malformed."""
    head, separator, body = frame.partition(b"\n\n")
    if FORBIDDEN_BYTE in head:
        raise Malformed("CR in a frame: line ends must be LF alone")
    if not separator:
        raise Malformed("a frame without an empty line after its headers")
    try:
        name, *lines = head.decode().split("\n")
    except UnicodeDecodeError:
        raise Malformed("a frame whose headers are not UTF-8") from None
    headers: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon:
            raise Malformed(f"a header without a colon: {line!r}")
        if key in headers:
            raise Malformed(f"header {key!r} twice in one frame")
        headers[key] = value
    return Command(name, headers, body)


class CommandReader:
    """Cuts the messages of one client into STOMP frames; heart-beats (bare LF) are swallowed."""

    def __init__(self) -> None:
        self._unread = b""

    def read(self, data: bytes) -> Iterator[Command]:
        """Every command that is whole with `data`. Raises Malformed; nothing can be read after that."""
        *frames, self._unread = (self._unread + data).split(b"\0")
        for frame in frames:
            yield command_of(frame.lstrip(b"\n"))
        if FORBIDDEN_BYTE in self._unread:
            raise Malformed("CR in a frame: line ends must be LF alone")


def websocket(payload: bytes, opcode: Opcode = Opcode.BINARY, *, is_last: bool = True) -> bytes:
    """One unmasked WebSocket frame."""
    first = opcode | (0x80 if is_last else 0)
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 0x10000:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def packed(frames: list[bytes], random: Random) -> bytes:
    """Put STOMP frames into WebSocket messages in every way that the exchange allows itself.

    Mostly one a message; now and then several in one message, one over several fragments (with a pong between them),
    one over several messages, or after a bare LF, which is a heart-beat.
    """
    messages: list[bytes] = []
    rest = iter(frames)
    while share := list(islice(rest, 1 if random.random() < 0.8 else random.randint(2, 4))):
        messages.append(_message(b"".join(share), random))
    return b"".join(messages)


def _message(frames: bytes, random: Random) -> bytes:
    roll = random.random()
    if roll > 0.05:
        return websocket(frames)
    cut = random.randrange(1, len(frames))
    if roll < 0.02:
        return (
            websocket(frames[:cut], is_last=False) + websocket(b"", Opcode.PONG) + websocket(frames[cut:], Opcode.CONT)
        )
    if roll < 0.03:
        return websocket(frames[:cut]) + websocket(frames[cut:])
    if roll < 0.04:
        return websocket(b"\n" + frames)
    return websocket(b"\n") + websocket(frames)
