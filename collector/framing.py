"""Bytes of a socket -> WebSocket frames -> STOMP frames. Pure, and the hot path: the program's speed is decided here.

Nearly all that the gateway sends is a whole, unmasked WebSocket frame that holds one whole STOMP MESSAGE. Those are
found by what earlier ones began with, or by one pattern, and only pointed at; every other frame is handed out whole,
for the libraries to read.
"""

import re
import struct

from shared.errors import ProtocolError

FRAME_LIMIT = 8 * 2**20
"""Longest WebSocket frame, and longest unfinished STOMP frame, that is taken; the CONNECTED frame has 100 kB."""

READ_SIZE = 64 * 2**10
"""Bytes that are asked for in one read of a socket."""

LARGE_READ_SIZE = 512 * 2**10
"""The same after a read that brought so much: the more order books come at once, the fewer are worth parsing."""

HEADS_KEPT = 4096
LONGEST_HEAD_KEPT = 256
"""Bytes of a beginning that is kept in mind; the usual ones have 60."""

HEAD_LIMIT = 4096
"""Bytes of the command and headers of a STOMP frame that are read; the exchange's have 200."""

FRAMES_LIMIT = 10_000
"""STOMP frames in one WebSocket message; the exchange sends one."""

COMMANDS = (b"MESSAGE\n", b"RECEIPT\n", b"ERROR\n", b"CONNECTED\n", b"REPLY\n", b"CLOSED\n")
LONGEST_COMMAND = max(map(len, COMMANDS))

LINE_ENDS = b"\r\n"
_end_of_head = re.compile(rb"\n\n|\r\n\r\n")
"""Where stomp.py lets the headers end: after that it reads no more of them."""

Message = tuple[bytes, int, int]
"""Where the body of a MESSAGE is: in which bytes, from where to where, its NUL excluded."""

Messages = dict[bytes, list[Message]]
"""Messages by the subscription that their header names, each list in the order of arrival."""

_usual_message = re.compile(
    rb"[\x81\x82]"  # RFC 6455, 5.2: a whole text or binary message ...
    rb"(?:\x7e..|[\x00-\x7d])"  # ... unmasked, of 126 to 65,535 bytes or of fewer
    rb"MESSAGE\n"
    rb"(?:(?!subscription:)[^\n]++\n)*+"
    rb"subscription:([^\n]*+)\n"
    rb"(?:[^\n]++\n)*+\n",
    re.DOTALL,
)
_BINARY_OF_126_TO_65535_BYTES = 0x827E
_frame_head = struct.Struct(">HH").unpack_from


class ReceiveBuffer:
    """The bytes of one connection that are not yet read. Used by one thread at a time."""

    def __init__(self) -> None:
        self._bytes = b""
        self._start = 0
        self._next = b""
        self._next_start = 0
        self._unfinished: list[bytes] = []
        self._missing = 0
        self._subscriptions: dict[bytes, bytes] = {}
        self._head_of: dict[bytes, bytes] = {}
        self._identity_at = 0

    def add(self, chunk: bytes) -> None:
        """`chunk` was received; what came before was taken as far as it goes.

        Only what belongs to an unfinished frame is joined to it: the pieces of a long one once, when it is whole.
        """
        if not self._unfinished:
            self._bytes, self._start = chunk, 0
        elif self._missing > len(chunk):
            self._unfinished.append(chunk)
            self._missing -= len(chunk)
        else:
            end = self._missing if self._missing > 0 else len(chunk)
            self._bytes, self._start = b"".join((*self._unfinished, chunk[:end])), 0
            self._next, self._next_start = chunk, end
            self._unfinished.clear()

    def take_messages(self, messages: Messages) -> None:
        """Add the messages at the front, up to the first frame that is anything else.

        STOMP allows NUL inside a body with content-length. The bodies of ISS+ are JSON, which cannot hold NUL, so the
        first NUL ends the frame, and a wrong content-length swallows nothing. Its headers end at the first empty line
        of LF alone, though CR LF CR LF comes before it, where stomp.py would see their end; and the escapes of STOMP
        are left in the name of the subscription.
        """
        while self._has_more():
            if not (self._take_known(messages) or self._take_unknown(messages)):
                break

    def _has_more(self) -> bool:
        """Whether any bytes are left, in what is read now or in what follows."""
        if self._start == len(self._bytes):
            self._bytes, self._start = self._next, self._next_start
            self._next, self._next_start = b"", 0
        return self._start < len(self._bytes)

    def _take_known(self, messages: Messages) -> bool:
        """Messages that begin as an earlier one did, up to the line of their subscription. False when there is none."""
        data, start, end = self._bytes, self._start, len(self._bytes)
        find, known, group_of, identity_at = data.find, self._subscriptions.get, messages.get, self._identity_at
        while end - start >= 4:
            kind, length = _frame_head(data, start)
            head, stop = start + 4, start + 4 + length
            if kind != _BINARY_OF_126_TO_65535_BYTES or stop > end:
                break
            head_end = find(b"\n", head + identity_at, stop)
            subscription = known(data[head : head_end + 1])
            if subscription is None:
                break
            body = find(b"\n\n", head_end, stop) + 2
            nul = stop - 1
            if body == 1 or find(b"\0", head_end, stop) != nul:
                break
            if (group := group_of(subscription)) is None:
                messages[subscription] = [(data, body, nul)]
            else:
                group.append((data, body, nul))
            start = stop
        is_any, self._start = start > self._start, start
        return is_any

    def _take_unknown(self, messages: Messages) -> bool:
        """The message at the front, whatever it begins with, which is kept in mind. False when it is no usual one."""
        data, start = self._bytes, self._start
        if len(data) - start < 4:
            return False
        kind, length = _frame_head(data, start)
        head = start + (4 if kind & 0x7F == 126 else 2)
        stop = head + (length if kind & 0x7F == 126 else kind & 0x7F)
        nul = stop - 1
        if stop > len(data) or (found := _usual_message.match(data, start, nul)) is None:
            return False
        if data.find(b"\0", head, stop) != nul:
            return False
        subscription, end = found[1], found.end(1)
        messages.setdefault(subscription, []).append((data, found.end(), nul))
        if end - head < LONGEST_HEAD_KEPT:
            self._remember(data[head : end + 1], subscription)
        self._identity_at = found.start(1) - head
        self._start = stop
        return True

    def _remember(self, head: bytes, subscription: bytes) -> None:
        """The newest one of each subscription: where a number in it changes all the time, none is of use twice."""
        if (known := self._head_of.get(subscription)) is not None:
            del self._subscriptions[known]
        elif len(self._head_of) >= HEADS_KEPT:
            return
        self._head_of[subscription] = head
        self._subscriptions[head] = subscription

    def take_frame(self) -> bytes | None:
        """The WebSocket frame at the front, header and all; None while it is not whole.

        Raises ProtocolError for a frame longer than FRAME_LIMIT, before it has come.
        """
        if not self._has_more():
            return None
        size = self._size_of_frame()
        if size is None or self._start + size > len(self._bytes):
            self._keep_rest(size or 0)
            return None
        frame = self._bytes[self._start : self._start + size]
        self._start += size
        return frame

    def _keep_rest(self, size: int) -> None:
        """Nothing more is to be found until the rest has become `size` bytes, or just more where that is not known."""
        rest = self._bytes[self._start :]
        self._unfinished.append(rest)
        self._missing = size - len(rest)
        self._bytes, self._start = b"", 0

    def _size_of_frame(self) -> int | None:
        """RFC 6455, 5.2. None while its header is not whole."""
        header = self._bytes[self._start : self._start + 10]
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
        self._begun: list[int] = []

    @property
    def is_between_frames(self) -> bool:
        return not self._unfinished

    def feed(self, payload: bytes) -> list[bytes]:
        """The STOMP frames completed by `payload`, without their NUL and without heart-beats.

        A frame that was begun and never finished is returned broken as soon as a message starts with a command, in
        however many messages that comes: no line of a JSON body or of a header can be one. What follows it in its own
        message is lost with it. A frame whose headers do not end within HEAD_LIMIT is cut there.
        Raises ProtocolError when an unfinished frame gets too long, or a message holds too many frames.
        """
        if payload.count(b"\0") > FRAMES_LIMIT:
            raise ProtocolError(f"more than {FRAMES_LIMIT} STOMP frames in one message")
        starts = self._starts_of_others(payload) if self._unfinished else []
        self._unfinished += payload if self._unfinished else payload.lstrip(LINE_ENDS)
        for start in reversed(starts):
            self._unfinished.insert(start, 0)
        if not starts and b"\0" not in payload:
            if len(self._unfinished) > FRAME_LIMIT:
                raise ProtocolError(f"a STOMP frame without an end, after {len(self._unfinished)} bytes")
            return []
        *whole, rest = self._unfinished.split(b"\0")
        self._unfinished = rest.lstrip(LINE_ENDS)
        frames = [bytes(frame) for frame in (piece.lstrip(LINE_ENDS) for piece in whole) if frame]
        return [frame if _has_short_head(frame) else frame[:HEAD_LIMIT] for frame in frames]

    def _starts_of_others(self, payload: bytes) -> list[int]:
        """Where behind the unfinished frame another begins, counted from its start.

        The beginnings of messages that may yet turn out to be one are kept in mind, as their distances from the end.
        """
        size = len(self._unfinished)
        line_ends = len(payload) - len(payload.lstrip(LINE_ENDS))
        perhaps = [size - length for length in self._begun] + [size + line_ends]
        starts, self._begun = [], []
        for start in perhaps:
            begun = bytes(self._unfinished[start:]) + payload[max(0, start - size) :][:LONGEST_COMMAND]
            if begun.startswith(COMMANDS):
                starts.append(start)
            elif begun and any(command.startswith(begun) for command in COMMANDS):
                self._begun.append(len(begun))
        return starts


def _has_short_head(frame: bytes) -> bool:
    return len(frame) <= HEAD_LIMIT or _end_of_head.search(frame, 0, HEAD_LIMIT) is not None
