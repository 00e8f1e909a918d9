"""Bytes of a socket -> WebSocket frames -> STOMP frames. Pure, and on the hot path: offsets into one buffer, no copies.

Only what the gateway sends nearly always is told apart here (whole, unmasked data frames that each hold whole STOMP
frames); `stomp_socket` hands everything else to the libraries.
"""

from typing import NamedTuple

from shared.errors import ProtocolError

WHOLE_BINARY = 0x82
WHOLE_TEXT = 0x81
"""First byte of a WebSocket frame that is a message of its own (RFC 6455, 5.2)."""

FRAME_LIMIT = 8 * 2**20
"""Longest WebSocket frame, and longest unfinished STOMP frame, that is taken; the CONNECTED frame has 100 kB."""

COMMANDS = (b"MESSAGE\n", b"RECEIPT\n", b"ERROR\n", b"CONNECTED\n", b"REPLY\n", b"CLOSED\n")


class Span(NamedTuple):
    """A WebSocket frame within a buffer: where it starts, and where its payload starts and ends."""

    frame: int
    payload: int
    end: int


class Message(NamedTuple):
    """A STOMP MESSAGE: whose it is, and where in `buffer` its body starts and ends (NUL excluded)."""

    subscription: bytes
    buffer: bytes | bytearray
    start: int
    end: int

    @property
    def body(self) -> bytes | bytearray:
        """The body, copied."""
        return self.buffer[self.start : self.end]


def split_websocket(buffer: bytearray, start: int, end: int) -> tuple[list[Span], int]:
    """The whole WebSocket frames in `buffer[start:end]`, and how long the buffer's content from the last one on must
    get before another one is whole (0 when nothing is left over).

    The leftover starts at the end of the last span. Raises ProtocolError for a frame longer than FRAME_LIMIT.
    """
    spans: list[Span] = []
    while end - start >= 2:
        length = buffer[start + 1]
        payload = start + 2
        if length & 0x80:  # masked: 4 bytes more; the library unmasks
            payload += 4
            length &= 0x7F
        if length == 126:
            payload += 2
            if end - start < 4:
                break
            length = buffer[start + 2] << 8 | buffer[start + 3]
        elif length == 127:
            payload += 8
            if end - start < 10:
                break
            length = int.from_bytes(buffer[start + 2 : start + 10], "big")
        if length > FRAME_LIMIT:
            raise ProtocolError(f"the gateway sent a frame of {length} bytes, more than {FRAME_LIMIT} are not taken")
        stop = payload + length
        if stop > end:
            return spans, stop - start
        spans.append(Span(start, payload, stop))
        start = stop
    return spans, 0 if start == end else 14


def message_at(buffer: bytearray, start: int, end: int) -> Message | None:
    """The STOMP MESSAGE that fills `buffer[start:end]` but for line ends behind it; None when it is anything else.

    STOMP allows NUL inside a body with content-length. The bodies of ISS+ are JSON, which cannot hold NUL, so the
    first NUL ends the frame and a wrong content-length swallows nothing.
    """
    nul = buffer.find(0, start, end)
    if nul < 0 or not buffer.startswith(b"MESSAGE\n", start):
        return None
    if nul + 1 != end and buffer[nul + 1 : end].strip(b"\n"):
        return None
    body = buffer.find(b"\n\n", start, nul)
    name = buffer.find(b"\nsubscription:", start, body)
    if body < 0 or name < 0:
        return None
    value_end = buffer.find(10, name + 14, body + 1)
    return Message(bytes(buffer[name + 14 : value_end]), buffer, body + 2, nul)


class StompSplitter:
    """Cuts messages that are not one whole STOMP frame each into frames, and joins frames cut by the sender."""

    def __init__(self) -> None:
        self._unfinished = bytearray()

    @property
    def is_between_frames(self) -> bool:
        return not self._unfinished

    def feed(self, payload: bytes) -> list[bytes]:
        """The STOMP frames completed by `payload`, without their NUL and without heart-beats.

        A frame that was begun and never finished is returned broken as soon as a message starts with a command: no
        line of a JSON body or of a header can be one. Raises ProtocolError when an unfinished frame gets too long.
        """
        frames = []
        if self._unfinished and payload.startswith(COMMANDS):
            frames.append(self._take())
        self._unfinished += payload
        if len(self._unfinished) > FRAME_LIMIT and b"\0" not in payload:
            raise ProtocolError(f"a STOMP frame without an end, after {len(self._unfinished)} bytes")
        *whole, rest = self._unfinished.split(b"\0")
        self._unfinished = bytearray(rest.lstrip(b"\r\n"))
        frames += [bytes(frame) for frame in (piece.lstrip(b"\r\n") for piece in whole) if frame]
        return frames

    def _take(self) -> bytes:
        frame = bytes(self._unfinished)
        self._unfinished.clear()
        return frame
