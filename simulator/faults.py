"""Faults on demand, for tests and drills. Pure: the chance is an argument.

A Faults object may be changed at any moment and from any thread: each field is one value that is read anew at every
use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random


class Silence(Enum):
    """How far the exchange has stopped answering; connections are accepted by the system in every case."""

    NONE = "none"
    STOMP = "stomp"  # WebSockets open and pings are answered, but no STOMP frame is
    ALL = "all"  # not one byte more; a connection that met it stays dead, as its stream has lost bytes


REFUSALS = (
    *("gateway.access-denied", "gateway.exception", "gateway.invalidrequest", "gateway.notimplemented"),
    *("gateway.timeout", "gateway.transport"),
)


@dataclass
class Faults:
    """What goes wrong now. Without any, this is a healthy exchange.

    refuses_login        every CONNECT is answered by ERROR
    refused_tickers      SECIDs whose SUBSCRIBE is answered by ERROR
    refusal              the `message` of that ERROR
    closes_on_refusal    and the connection is closed after such a refusal
    silence              from `silent_after_s` seconds after the start on
    cut_every_s          one connection, drawn at random, is cut that often; None: never
    junk_share           this share of MESSAGE frames is preceded by junk; a client that skips junk loses nothing
    reframes             frames are split and joined at random into WebSocket messages and fragments
    stands_still         the market does nothing, although the session is open
    """

    refuses_login: bool = False
    refused_tickers: frozenset[str] = frozenset()
    refusal: str = "gateway.access-denied"
    closes_on_refusal: bool = False
    silence: Silence = Silence.NONE
    silent_after_s: float = 0.0
    cut_every_s: float | None = None
    junk_share: float = 0.0
    reframes: bool = False
    stands_still: bool = False

    def silence_at(self, uptime_s: float) -> Silence:
        return self.silence if uptime_s >= self.silent_after_s else Silence.NONE


JUNK = (
    b"\n",
    b"\n\n\n",
    b"garbage without any sense\0",
    b"\xff\xfe\x00",
    b"NOVELTY\nsubscription:unknown\n\nwhat is this\0",
    b"MESSAGE\ndestination:MXSE.orderbooks\nsubscription:nobody-asked\n\n{}\0",
    b"MESSAGE\ndestination:MXSE.orderbooks\n\n{}\0",
    b'MESSAGE\nsubscription:nobody-asked\n\n{"properties":{"type":"snapshot"},"columns":[\0',
    b"MESSAGE\nsubscription\n\n\xc3\x28\0",
    b"MESSAGE\n\n\0",
    b"RECEIPT\n\n\0",
    b"RECEIPT\nreceipt-id:nobody-asked\n\n\0",
    b"ERROR\nmessage:gateway.exception\nsubscription:nobody-asked\n\n\0",
    b"REPLY\nrequest-id:nobody-asked\n\n[]\0",
)
"""Bytes that no client expects. Each ends where a frame may start, so that the next frame is not spoiled."""


def with_junk(frames: Sequence[bytes], share: float, random: Random) -> list[bytes]:
    """The same frames, junk before `share` of the MESSAGE frames."""
    mixed = []
    for frame in frames:
        if frame.startswith(b"MESSAGE") and random.random() < share:
            mixed.append(random.choice(JUNK))
        mixed.append(frame)
    return mixed


def reframed(frames: Sequence[bytes], random: Random) -> list[list[bytes]]:
    """The same bytes as WebSocket messages, each a list of its fragments, cut at random places.

    Some messages hold several frames, some frames lie over several messages, some messages over several fragments.
    """
    stream = b"".join(frames)
    return [_pieces(message, random, 2) for message in _pieces(stream, random, 2 * len(frames))]


def _pieces(data: bytes, random: Random, at_most: int) -> list[bytes]:
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(at_most)))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [piece for piece in pieces if piece]
