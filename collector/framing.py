"""Bytes of a socket -> WebSocket frames -> STOMP frames. Pure, and the hot path: the program's speed is decided here.

Nearly all that the gateway sends is a whole, unmasked WebSocket frame that holds one whole STOMP MESSAGE. Those are
found by one pattern and only pointed at; every other frame is handed out whole, for the libraries to read.
"""

import re

from shared.errors import ProtocolError

FRAME_LIMIT = 8 * 2**20
"""Longest WebSocket frame, and longest unfinished STOMP frame, that is taken; the CONNECTED frame has 100 kB."""

BUFFER_SIZE = 256 * 2**10

COMMANDS = (b"MESSAGE\n", b"RECEIPT\n", b"ERROR\n", b"CONNECTED\n", b"REPLY\n", b"CLOSED\n")

Message = tuple[bytes | bytearray, int, int]
"""Where the body of a MESSAGE is: in which buffer, from where to where, its NUL excluded."""

Messages = dict[bytes, list[Message]]
"""Messages by the subscription that their header names, each list in the order of arrival."""

_usual_message = re.compile(
    rb"[\x81\x82]"  # RFC 6455, 5.2: a whole text or binary message ...
    rb"(?:\x7e(..)|([\x00-\x7d]))"  # ... unmasked, of 126 to 65,535 bytes or of fewer
    rb"MESSAGE\n"
    rb"(?:(?!subscription:)[^\n]++\n)*+"
    rb"subscription:([^\n]*+)\n"
    rb"(?:[^\n]++\n)*+\n",
    re.DOTALL,
)


class ReceiveBuffer:
    """The bytes of one connection that are not yet read, in one piece of memory. Used by one thread."""

    def __init__(self) -> None:
        self._bytes = bytearray(BUFFER_SIZE)
        self._start = 0
        self._end = 0
        self._needed = 0

    def room(self) -> memoryview:
        """Where the next bytes go; to be released before anything else is called. What was handed out is void now."""
        rest = self._end - self._start
        if self._start:
            self._bytes[:rest] = self._bytes[self._start : self._end]
            self._start, self._end = 0, rest
        if self._needed > len(self._bytes):
            self._bytes.extend(bytes(self._needed - len(self._bytes)))
        elif len(self._bytes) > BUFFER_SIZE >= self._needed and rest < BUFFER_SIZE:
            del self._bytes[BUFFER_SIZE:]
        return memoryview(self._bytes)[rest:]

    def received(self, size: int) -> None:
        """`size` bytes were put into the room."""
        self._end += size

    def take_messages(self, messages: Messages) -> None:
        """Add the messages at the front, up to the first frame that is anything else.

        STOMP allows NUL inside a body with content-length. The bodies of ISS+ are JSON, which cannot hold NUL, so the
        first NUL ends the frame, and a wrong content-length swallows nothing.
        """
        buffer, start, end = self._bytes, self._start, self._end
        match, find, known = _usual_message.match, buffer.find, messages.get
        while (found := match(buffer, start, end)) is not None:
            long_length, short_length, subscription = found.groups()
            if long_length is not None:
                stop = start + 4 + (long_length[0] << 8 | long_length[1])
            else:
                stop = start + 2 + short_length[0]
            body = found.end()
            nul = stop - 1
            if stop > end or body > nul or find(0, start + 4, stop) != nul:
                break
            if (group := known(subscription)) is None:
                messages[subscription] = [(buffer, body, nul)]
            else:
                group.append((buffer, body, nul))
            start = stop
        self._start = start

    def take_frame(self) -> bytes | None:
        """The WebSocket frame at the front, header and all; None while it is not whole.

        Raises ProtocolError for a frame longer than FRAME_LIMIT, before it has come.
        """
        size = self._size_of_frame()
        if size is None or self._start + size > self._end:
            self._needed = size or 0
            return None
        frame = bytes(self._bytes[self._start : self._start + size])
        self._start += size
        self._needed = 0
        return frame

    def _size_of_frame(self) -> int | None:
        """RFC 6455, 5.2. None while its header is not whole."""
        header = self._bytes[self._start : min(self._start + 10, self._end)]
        if len(header) < 2:
            return None
        length, size = header[1] & 0x7F, 2 + 4 * (header[1] >> 7)
        if length >= 126:
            width = 2 if length == 126 else 8
            if len(header) < 2 + width:
                return None
            length, size = int.from_bytes(header[2 : 2 + width], "big"), size + width
        if length > FRAME_LIMIT:
            raise ProtocolError(f"the gateway sent a frame of {length} bytes, more than {FRAME_LIMIT} are not taken")
        return size + length


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
