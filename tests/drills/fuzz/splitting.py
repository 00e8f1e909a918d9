"""The oracle of the splitter: websocket-client and stomp.py read the same bytes, one frame after the other.

The program's reader is the real one, in every way but for the kernel: pieces of any size are what its reads bring.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice, pairwise
from socket import AF_UNIX, socket
from typing import NamedTuple

import stomp.utils
import websocket

from collector import framing, stomp_socket
from collector.framing import COMMANDS, LINE_ENDS
from collector.stomp_socket import StompSocket
from shared.errors import ConnectionFailed
from shared.losses import Loss, loss_of
from shared.printable import printable
from tests.drills.fuzz.stage import replaced

MOST_CUTS = 100
LONGEST_PLAIN_FRAME = 0xFFFF
LONGEST_CONTROL_FRAME = 125
SOCKET = socket(AF_UNIX)
"""Never read from: whatever a read brings is given."""


class Limits(NamedTuple):
    """Those of `framing`, by their names there."""

    FRAME_LIMIT: int = framing.FRAME_LIMIT
    HEAD_LIMIT: int = framing.HEAD_LIMIT
    FRAMES_LIMIT: int = framing.FRAMES_LIMIT
    HEADS_KEPT: int = framing.HEADS_KEPT
    LONGEST_HEAD_KEPT: int = framing.LONGEST_HEAD_KEPT


REAL = Limits()
SMALL = Limits(FRAME_LIMIT=400, HEAD_LIMIT=80, FRAMES_LIMIT=4, HEADS_KEPT=2, LONGEST_HEAD_KEPT=60)
"""So that short cases go beyond each of them."""


@dataclass
class Read:
    """What was found in a stream: bodies by subscription in their order, other frames, and what is to be answered.

    `is_broken` says that nothing further can be read because the protocol was violated, `is_ended` that or a CLOSE;
    `size` is what was counted until then. `escaped` are subscriptions that are told in more than one spelling, for the
    escapes of STOMP are left as they are where nothing else is to be parsed: of these the order is not known.
    """

    messages: dict[bytes, list[bytes]] = field(default_factory=dict)
    others: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    pings: list[bytes] = field(default_factory=list)
    is_broken: bool = False
    escaped: set[bytes] = field(default_factory=set, compare=False)
    is_ended: bool = field(default=False, compare=False)
    size: int = field(default=0, compare=False)


@contextmanager
def reading(pieces: Iterable[bytes], limits: Limits = REAL) -> Iterator[None]:
    """The reads of whatever StompSocket bring these pieces, and then the end."""
    rest = iter(pieces)
    given = {"read_now": lambda sock, most: next(rest, b""), "FRAME_LIMIT": limits.FRAME_LIMIT}
    with replaced(framing, **limits._asdict()), replaced(stomp_socket, **given):
        yield


def pieces_of(stream: bytes, sizes: bytes) -> list[bytes]:
    """Cut after so many bytes, again and again: up to 128 one by one, beyond that in steps of 64."""
    pieces, start = [], 0
    for size in islice(cycle(sizes or b"\xff"), MOST_CUTS):
        length = 1 + size if size < 128 else 64 * (size - 126)
        pieces.append(stream[start : start + length])
        start += length
    return [piece for piece in (*pieces, stream[start:]) if piece]


def read_by_the_program(pieces: list[bytes], limits: Limits = REAL) -> Read:
    found = Read()
    with reading(pieces, limits):
        subject = StompSocket(wakeup=-1)
        subject._raw = SOCKET
        try:
            while True:
                arrival = subject.read(0)
                found.size += arrival.size
                _check_what_is_kept(subject, limits)
                for key, group in arrival.messages.items():
                    assert group, "a subscription without a message"
                    bodies = found.messages.setdefault(name := _name(key), [])
                    bodies.extend(data[start:end] for data, start, end in group)
                    found.escaped |= {name} if name != key else set()
                found.others += [(frame.command, dict(frame.headers), frame.body) for frame in arrival.frames]
                found.pings += arrival.pings
        except ConnectionFailed as failure:
            reason = str(failure)
    assert reason.isprintable()
    assert len(reason) < 300
    found.is_broken = loss_of(reason) is Loss.PROTOCOL
    return found


def _check_what_is_kept(subject: StompSocket, limits: Limits) -> None:
    buffer, fragments = subject._buffer, subject._fragments.cont_data
    assert len(subject._splitter._unfinished) <= 2 * limits.FRAME_LIMIT
    assert fragments is None or len(fragments[1]) <= limits.FRAME_LIMIT
    assert len(buffer._subscriptions) <= limits.HEADS_KEPT
    assert all(len(head) <= limits.LONGEST_HEAD_KEPT for head in buffer._subscriptions)


class NoCase(Exception):
    """A frame beyond a small limit that no plain one has: it would depend on whether it came whole."""


class _Over(Exception):
    """No whole frame is left."""


class _Broken(Exception):
    """Nothing further can be read."""


def read_by_the_libraries(data: bytes, limits: Limits = REAL) -> Read:
    found, texts = Read(), _Texts(limits)
    rest = memoryview(data)

    def receive(size: int) -> bytes:
        nonlocal rest
        if len(rest) < size:
            raise _Over
        part, rest = bytes(rest[:size]), rest[size:]
        return part

    fragments: list[bytes] = []
    frames, order = websocket.frame_buffer(receive, True), websocket.continuous_frame(False, True)
    try:
        while True:
            if (announced := _announced(rest)) > limits.FRAME_LIMIT:
                if announced <= LONGEST_PLAIN_FRAME:
                    raise NoCase
                raise _Broken
            before = rest
            frame = frames.recv_frame()
            assert isinstance(frame.data, bytes)
            raw = bytes(before[: len(before) - len(rest)])
            if frame.opcode == websocket.ABNF.OPCODE_CLOSE:
                found.is_ended = True
                return found
            if frame.opcode in (websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG):
                if frame.opcode == websocket.ABNF.OPCODE_PING and len(frame.data) <= LONGEST_CONTROL_FRAME:
                    found.pings.append(frame.data)
                continue
            order.validate(frame)
            order.recving_frames = None if frame.fin else websocket.ABNF.OPCODE_BINARY
            fragments.append(frame.data)
            if sum(map(len, fragments)) > limits.FRAME_LIMIT:
                raise _Broken
            if frame.fin:
                is_plain = len(fragments) == 1 and _is_plain(raw)
                _take_text(b"".join(fragments), texts, found, is_plain=is_plain)
                fragments.clear()
    except (websocket.WebSocketException, _Broken):
        found.is_broken = found.is_ended = True
    except _Over:
        pass
    return found


def _announced(rest: memoryview) -> int:
    """The length of the frame that begins here (RFC 6455, 5.2), 0 while that cannot be told."""
    short = rest[1] & 0x7F if len(rest) > 1 else 0
    width = {126: 2, 127: 8}.get(short, 0)
    if not width:
        return short
    return int.from_bytes(rest[2 : 2 + width], "big") if len(rest) >= 2 + width else 0


def _is_plain(raw: bytes) -> bool:
    """A whole frame as the exchange sends them: unmasked, of at most 65,535 bytes."""
    return raw[0] in (0x81, 0x82) and raw[1] <= 126


def _take_text(text: bytes, texts: "_Texts", found: Read, *, is_plain: bool) -> None:
    """Nearly all hold one MESSAGE: its lines end in LF alone, whatever else stomp.py would let its headers end by."""
    head, blank_line, body = text[:-1].partition(b"\n\n")
    command, *lines = head.split(b"\n")
    names = [line.removeprefix(b"subscription:") for line in lines if line.startswith(b"subscription:")]
    is_whole = command == b"MESSAGE" and blank_line and text.find(b"\0") == len(text) - 1
    if is_plain and is_whole and names and texts.is_between_frames:
        found.messages.setdefault(_name(names[0]), []).append(body)
        return
    for raw in texts.frames_with(text):
        _take(raw, found)


class _Texts:
    """The messages that the frame at the front may still be in: what is whole in them, judged anew with each."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._texts: list[bytes] = []

    @property
    def is_between_frames(self) -> bool:
        return not b"".join(self._texts).lstrip(LINE_ENDS)

    def frames_with(self, text: bytes) -> list[bytes]:
        if text.count(b"\0") > self._limits.FRAMES_LIMIT:
            raise _Broken
        self._texts.append(text)
        joined = b"".join(self._texts)
        ends = [at for at in range(len(joined) - len(text), len(joined)) if joined[at] == 0] + self._starts(joined)
        if not ends:
            if len(joined.lstrip(LINE_ENDS)) > self._limits.FRAME_LIMIT:
                raise _Broken
            return []
        edges = [0, *sorted(ends)]
        pieces = [joined[start:end].lstrip(LINE_ENDS + b"\0") for start, end in pairwise(edges)]
        self._forget(edges[-1] + (joined[edges[-1]] == 0))
        return [self._shortened(piece) for piece in pieces if piece]

    def _starts(self, joined: bytes) -> list[int]:
        """Where a message starts with a command, line ends before it aside."""
        starts, at = [], 0
        for text in self._texts:
            start = at + len(text) - len(text.lstrip(LINE_ENDS))
            if at > 0 and joined.startswith(COMMANDS, start):
                starts.append(start)
            at += len(text)
        return starts

    def _forget(self, size: int) -> None:
        while self._texts and size >= len(self._texts[0]):
            size -= len(self._texts.pop(0))
        if size:
            self._texts[0] = self._texts[0][size:]

    def _shortened(self, raw: bytes) -> bytes:
        limit = self._limits.HEAD_LIMIT
        ends = [raw.find(end) + len(end) for end in (b"\n\n", b"\r\n\r\n") if end in raw]
        return raw if min([len(raw), *ends]) <= limit else raw[:limit]


def _take(raw: bytes, found: Read) -> None:
    frame = stomp.utils.parse_frame(raw)
    if frame is None:
        return
    if frame.cmd == "MESSAGE" and "subscription" in frame.headers:
        found.messages.setdefault(_name(frame.headers["subscription"].encode()), []).append(frame.body)
    else:
        found.others.append((printable(frame.cmd), frame.headers, frame.body))


def _name(key: bytes) -> bytes:
    """One spelling for all of a subscription: without the escapes that are left, or come of taking others away."""
    text, before = key.decode(errors="replace"), ""
    while text != before:
        text, before = re.sub(r"\\.", stomp.utils._unescape_header, text), text
    return text.encode()


def split(data: bytes) -> None:
    """The first byte chooses the limits, the next four where the rest is cut into pieces."""
    limits = SMALL if data[:1] > b"\x7f" else REAL
    stream = data[5:]
    try:
        theirs = read_by_the_libraries(stream, limits)
    except NoCase:
        return
    ours = read_by_the_program(pieces_of(stream, data[1:5]), limits)
    assert ours.size == len(stream) or (theirs.is_ended and ours.size < len(stream))
    if theirs.is_ended:
        theirs.pings = theirs.pings[: len(ours.pings)]  # nobody is there any more to be answered
    for name in ours.escaped & theirs.messages.keys():
        ours.messages[name].sort()
        theirs.messages[name].sort()
    assert ours == theirs, (ours, theirs)
