"""The splitter finds the same frames as the libraries' own parsers, however the bytes are cut."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise, product
from unittest import mock

import pytest
import websocket
from hypothesis import given
from hypothesis import strategies as st
from stomp.utils import parse_frame

from collector import framing as module
from collector.framing import (
    FRAME_LIMIT,
    FRAMES_LIMIT,
    HEAD_LIMIT,
    HEADS_KEPT,
    LONGEST_HEAD_KEPT,
    Messages,
    ReceiveBuffer,
    StompSplitter,
)
from shared.errors import ProtocolError

BINARY, TEXT, PING, CONTINUATION = 0x2, 0x1, 0x9, 0x0

Bodies = dict[bytes, list[bytes]]
"""Bodies of messages by subscription."""


def websocket_frame(payload: bytes, opcode: int = BINARY, *, fin: int = 1, is_masked: bool = False) -> bytes:
    """As websocket-client builds it."""
    frame = websocket.ABNF(fin, 0, 0, 0, opcode, int(is_masked), payload)
    return bytes(frame.format())


def message(body: bytes, subscription: str = "7-SBER", headers: str = "") -> bytes:
    return f"MESSAGE\ndestination:MXSE.orderbooks\nsubscription:{subscription}\n{headers}\n".encode() + body + b"\0"


def filled(data: bytes) -> ReceiveBuffer:
    buffer = ReceiveBuffer()
    buffer.add(data)
    return buffer


def frames_in(buffer: ReceiveBuffer) -> list[bytes]:
    frames = []
    while (frame := buffer.take_frame()) is not None:
        frames.append(frame)
    return frames


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """`data` in pieces: it is cut at each of the `places`."""
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


def taken(buffer: ReceiveBuffer) -> list[tuple[bytes, bytes]]:
    """Subscription and body of the messages at the front."""
    messages: Messages = {}
    buffer.take_messages(messages)
    return [(key, data[start:end]) for key, group in messages.items() for data, start, end in group]


def messages_in(data: bytes) -> list[tuple[bytes, bytes]]:
    return taken(filled(data))


def read(buffer: ReceiveBuffer, pieces: Iterable[bytes]) -> tuple[Bodies, list[bytes]]:
    """As a socket's reader does: the messages that were pointed at, and every other frame."""
    messages: Messages = {}
    frames: list[bytes] = []
    for piece in pieces:
        buffer.add(piece)
        while True:
            buffer.take_messages(messages)
            if (frame := buffer.take_frame()) is None:
                break
            frames.append(frame)
    return {key: [data[start:end] for data, start, end in group] for key, group in messages.items()}, frames


# ---- WebSocket frames


@given(
    st.lists(st.tuples(st.binary(max_size=70_000), st.sampled_from([BINARY, TEXT, PING, CONTINUATION])), max_size=6),
    st.lists(st.integers(0, 2**32), max_size=12),
)
def test_frames_are_found_for_any_cut_of_the_bytes(frames: list[tuple[bytes, int]], places: list[int]) -> None:
    wanted = [websocket_frame(payload, opcode) for payload, opcode in frames]
    buffer, found = ReceiveBuffer(), list[bytes]()
    for piece in cut(b"".join(wanted), places):
        buffer.add(piece)
        found += frames_in(buffer)
    assert found == wanted


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536, 3_000_000])
def test_each_form_of_length_is_read(length: int) -> None:
    frame = websocket_frame(b"x" * length)
    assert frames_in(filled(frame)) == [frame]


def test_a_masked_frame_is_found_whole_with_its_mask() -> None:
    frame = websocket_frame(b"hello", is_masked=True)
    assert frames_in(filled(frame + b"\x82")) == [frame]


def test_a_long_frame_in_thousands_of_pieces_is_joined_once_when_it_is_whole() -> None:
    frame = websocket_frame(b"x" * 3_000_000)
    buffer, copied = ReceiveBuffer(), 0
    for start in range(0, len(frame), 500):
        assert buffer.take_frame() is None
        before = buffer._bytes
        buffer.add(frame[start : start + 500])
        copied += len(buffer._bytes) if buffer._bytes is not before else 0
    assert frames_in(buffer) == [frame]
    assert copied < 2 * len(frame)


def test_pieces_that_are_too_short_to_tell_the_length_are_joined() -> None:
    frame = websocket_frame(b"x" * 70_000)
    pieces = [frame[index : index + 1] for index in range(10)] + [frame[10:60_000], frame[60_000:]]
    assert read(ReceiveBuffer(), pieces) == ({}, [frame])


def test_what_follows_a_frame_that_came_in_pieces_is_read_from_its_own_beginning() -> None:
    frame = websocket_frame(b"abcde")
    for places in product(range(len(frame)), repeat=2):
        buffer, found = ReceiveBuffer(), list[bytes]()
        for piece in 2 * cut(frame, places):
            buffer.add(piece)
            found += frames_in(buffer)
        assert found == [frame, frame], places


def test_what_follows_a_long_frame_in_its_last_piece_is_read_with_it() -> None:
    frame, follower = websocket_frame(b"x" * 200_000), websocket_frame(message(b"{}"))
    pieces = [frame[:70_000], frame[70_000:140_000], frame[140_000:] + follower]
    assert read(ReceiveBuffer(), pieces) == ({b"7-SBER": [b"{}"]}, [frame])


def test_what_is_read_is_let_go_with_the_next_bytes() -> None:
    buffer = filled(websocket_frame(b"x" * 3_000_000))
    assert len(frames_in(buffer)) == 1
    buffer.add(websocket_frame(b"y"))
    assert len(buffer._bytes) < 100


def test_a_frame_beyond_the_limit_is_refused_before_it_is_received() -> None:
    buffer = filled(b"\x82\x7f" + (FRAME_LIMIT + 1).to_bytes(8, "big"))
    with pytest.raises(ProtocolError, match=str(FRAME_LIMIT + 1)):
        buffer.take_frame()


# ---- whole messages


@given(st.binary(max_size=300).filter(lambda b: b"\0" not in b), st.sampled_from(["", "a:b\n", "content-length:9\n"]))
def test_a_message_is_read_as_stomp_py_reads_it(body: bytes, headers: str) -> None:
    raw = message(body, headers=headers)
    reference = parse_frame(raw[:-1])
    assert messages_in(websocket_frame(raw)) == [(reference.headers["subscription"].encode(), reference.body)]


def test_messages_are_sorted_by_subscription_in_the_order_of_arrival() -> None:
    stream = b"".join(websocket_frame(message(body, key)) for key, body in [("1", b"a"), ("2", b"b"), ("1", b"c")])
    assert messages_in(stream) == [(b"1", b"a"), (b"1", b"c"), (b"2", b"b")]


@pytest.mark.parametrize(
    "payload",
    [
        b"RECEIPT\nreceipt-id:1\n\n\0",
        b"MESSAGE\nsubscription:1\n\n{}",
        b"MESSAGE\ndestination:x\n\nsubscription:1\n\0",
        b"MESSAGE\nsubscription:1\n\0",
        b"MESSAGE\nsubscription:1\n\n{}\0\n",
        b"MESSAGE\r\nsubscription:1\r\n\r\n{}\0",
        message(b"{}") + message(b"{}"),
        b"\n",
        b"",
    ],
    ids=[
        "other command",
        "no NUL",
        "name only in the body",
        "no blank line",
        "a line end behind it",
        "CRLF",
        "two frames",
        "heart-beat",
        "empty",
    ],
)
def test_whatever_is_not_one_whole_message_stops_the_fast_lane(payload: bytes) -> None:
    frame, follower = websocket_frame(payload), websocket_frame(message(b"{}"))
    buffer, messages = filled(frame + follower), Messages()
    buffer.take_messages(messages)
    assert messages == {}
    assert buffer.take_frame() == frame
    buffer.take_messages(messages)
    assert list(messages) == [b"7-SBER"]


def test_a_header_is_not_looked_for_beyond_its_own_frame() -> None:
    frame = websocket_frame(b"MESSAGE\na:b\n")
    buffer, messages = filled(frame + websocket_frame(message(b"{}"))), Messages()
    buffer.take_messages(messages)
    assert messages == {}
    assert buffer.take_frame() == frame


# ---- messages that begin as earlier ones did

LONG = b"x" * 200
"""A body that makes the frame as long as most are: its length takes two more bytes."""


@contextmanager
def without_the_pattern() -> Iterator[None]:
    """What is not known by its beginning fails in here."""
    with mock.patch.object(module, "_usual_message", None):
        yield


@contextmanager
def by_the_pattern_alone() -> Iterator[None]:
    with mock.patch.object(module, "HEADS_KEPT", 0):
        yield


def buffer_that_knows(*subscriptions: str) -> ReceiveBuffer:
    """It has read a message of each."""
    buffer = filled(b"".join(websocket_frame(message(LONG, name)) for name in subscriptions))
    assert [key.decode() for key, _ in taken(buffer)] == list(subscriptions)
    return buffer


def test_a_message_is_known_by_the_beginning_of_an_earlier_one() -> None:
    buffer = buffer_that_knows("7-SBER")
    for headers in ("", "order:1\n", "content-length:9\ntimestamp:5\n"):
        buffer.add(websocket_frame(message(LONG + headers.encode(), headers=headers)))
        with without_the_pattern():
            assert taken(buffer) == [(b"7-SBER", LONG + headers.encode())]


def test_subscriptions_of_any_length_are_known_at_the_same_time() -> None:
    names = ["7-SBER", "17-VEON-RX", "3-T", "104-SiZ6", "3-TATN"]
    buffer = buffer_that_knows(*names)
    buffer.add(b"".join(websocket_frame(message(LONG + name.encode(), name)) for name in reversed(names)))
    with without_the_pattern():
        assert taken(buffer) == [(name.encode(), LONG + name.encode()) for name in reversed(names)]


def test_a_subscription_that_begins_like_a_known_one_is_not_taken_for_it() -> None:
    buffer = buffer_that_knows("7-SBER", "7-SBERP")
    for name in ("7-SBERPX", "7-SBE", "7-SBER", "7-SBES", "7-SBERP"):
        buffer.add(websocket_frame(message(LONG, name)))
        assert taken(buffer) == [(name.encode(), LONG)]


@pytest.mark.parametrize(
    "frame",
    [
        websocket_frame(message(LONG), TEXT),
        websocket_frame(message(b"{}")),
        websocket_frame(b"MESSAGE\nsubscription:7-SBER\ndestination:MXSE.orderbooks\n\n" + LONG + b"\0"),
        websocket_frame(b"MESSAGE\nx:y\ndestination:MXSE.orderbooks\nsubscription:7-SBER\n\n" + LONG + b"\0"),
        websocket_frame(message(LONG, headers="subscription:8-GAZP\n")),
    ],
    ids=["TEXT", "short", "other order", "one header more before", "a second subscription behind"],
)
def test_a_message_that_looks_different_is_found_all_the_same(frame: bytes) -> None:
    buffer = buffer_that_knows("7-SBER")
    buffer.add(frame + websocket_frame(message(LONG)))
    assert [key for key, _ in taken(buffer)] == [b"7-SBER", b"7-SBER"]


@pytest.mark.parametrize(
    "payload",
    [
        message(LONG)[:-1],
        message(LONG) + message(LONG),
        message(LONG) + b"\n",
        message(LONG + b"\0" + LONG),
        message(LONG, headers="a:\0\n"),
        message(LONG).replace(b"\n\n", b"\n"),
        message(b"")[:-2] + LONG + b"\0",
        message(LONG).replace(b"\n", b"\r\n"),
        message(LONG).replace(b"MESSAGE", b"RECEIPT"),
        b"\n" + message(LONG),
    ],
    ids=[
        "no NUL",
        "two frames",
        "a line end behind it",
        "NUL in the body",
        "NUL in a header",
        "no blank line",
        "ends in the headers",
        "CRLF",
        "other command",
        "a line end before it",
    ],
)
def test_what_begins_like_a_message_and_is_none_stops_the_fast_lane(payload: bytes) -> None:
    buffer = buffer_that_knows("7-SBER")
    frame, follower = websocket_frame(payload), websocket_frame(message(LONG))
    buffer.add(frame + follower)
    assert taken(buffer) == []
    assert buffer.take_frame() == frame
    assert taken(buffer) == [(b"7-SBER", LONG)]


def test_only_so_many_beginnings_are_kept_and_all_messages_are_read() -> None:
    names = [f"{number}-SBER" for number in range(HEADS_KEPT + 50)]
    stream = b"".join(websocket_frame(message(LONG, name)) for name in names)
    buffer = ReceiveBuffer()
    for _ in range(2):
        buffer.add(stream)
        assert [key.decode() for key, _ in taken(buffer)] == names
    assert len(buffer._subscriptions) == HEADS_KEPT


def test_a_beginning_of_unusual_length_is_read_and_not_kept() -> None:
    payload = b"MESSAGE\nlong:" + b"x" * LONGEST_HEAD_KEPT + b"\nsubscription:7-SBER\n\n" + LONG + b"\0"
    buffer = filled(2 * websocket_frame(payload))
    assert taken(buffer) == 2 * [(b"7-SBER", LONG)]
    assert buffer._subscriptions == {}


HEADERS = [
    b"destination:MXSE.orderbooks",
    b"destination:MXSE.candles",
    b"subscription:7-SBER",
    b"subscription:17-VEON-RX",
    b"subscription:3-T",
    b"x-subscription:9",
    b"subscriptions:8",
    b"content-length:3",
    b"a:b:c",
    b"no colon",
]
DAMAGES = [
    lambda payload: payload[:-1],
    lambda payload: payload + payload,
    lambda payload: payload + b"\n",
    lambda payload: b"\n" + payload,
    lambda payload: payload.replace(b"\n\n", b"\n", 1),
    lambda payload: payload.replace(b"\n", b"\r\n"),
    lambda payload: payload.replace(b"MESSAGE", b"RECEIPT"),
    lambda payload: payload.replace(b":", b"\0", 1),
    lambda payload: payload[:-1] + b"\0\0",
    lambda payload: payload[: payload.find(b"\n\n") + 1] + b"\0",
    lambda payload: b"",
]

usual_headers = st.sampled_from([[HEADERS[0], subscription] for subscription in HEADERS[2:5]])
lengths = st.sampled_from([0, 60, 200, 70_000])
"""Of bodies: frames with each form of length."""


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Mostly one whole MESSAGE with the headers that most have."""
    lines = draw(usual_headers | st.lists(st.sampled_from(HEADERS), max_size=5))
    body = draw(st.binary(max_size=20)).replace(b"\0", b"\n\n") + b"x" * draw(lengths)
    whole = b"\n".join([b"MESSAGE", *lines, b"", body]) + b"\0"
    return draw(st.sampled_from(DAMAGES))(whole) if draw(st.integers(0, 3)) == 0 else whole


def with_a_long_length(payload: bytes) -> bytes:
    """Its length in two bytes, though one may be enough."""
    return b"\x82\x7e" + len(payload).to_bytes(2, "big") + payload if len(payload) < 2**16 else websocket_frame(payload)


frames_of_messages = st.builds(
    lambda payload, build: build(payload),
    payloads(),
    st.sampled_from(
        [
            websocket_frame,
            websocket_frame,
            with_a_long_length,
            lambda payload: websocket_frame(payload, TEXT),
            lambda payload: websocket_frame(payload, is_masked=True),
        ]
    ),
)
cuts = st.lists(st.integers(0, 2**32), max_size=8)


@given(st.lists(frames_of_messages, max_size=12), cuts)
def test_what_earlier_messages_taught_changes_nothing_of_what_is_read(frames: list[bytes], places: list[int]) -> None:
    stream = b"".join(frames)
    with by_the_pattern_alone():
        expected = read(ReceiveBuffer(), [stream])
    buffer = buffer_that_knows("7-SBER", "17-VEON-RX", "3-T")
    assert read(buffer, cut(stream, places)) == expected
    assert read(buffer, [stream]) == expected


def messages_by_the_libraries(frame: bytes) -> Bodies:
    """websocket-client reads the frame, stomp.py what is in it."""
    rest = [frame]

    def receive(size: int) -> bytes:
        part, rest[0] = rest[0][:size], rest[0][size:]
        return part

    found: Bodies = {}
    payload = websocket.frame_buffer(receive, True).recv_frame().data
    assert isinstance(payload, bytes)
    for piece in payload.split(b"\0"):
        parsed = parse_frame(piece)
        if parsed is not None and parsed.cmd == "MESSAGE" and "subscription" in parsed.headers:
            found.setdefault(parsed.headers["subscription"].encode(), []).append(parsed.body)
    return found


@given(st.lists(frames_of_messages, max_size=12), cuts)
def test_whatever_is_taken_as_a_message_is_what_the_libraries_read(frames: list[bytes], places: list[int]) -> None:
    buffer = buffer_that_knows("7-SBER", "17-VEON-RX", "3-T")
    messages, others = read(buffer, cut(b"".join(frames), places))
    expected: Bodies = {}
    for frame in frames:
        if frame not in others:
            for key, bodies in messages_by_the_libraries(frame).items():
                expected.setdefault(key, []).extend(bodies)
    assert messages == expected


# ---- STOMP frames that are not one WebSocket message


@given(st.lists(st.binary(max_size=50).map(lambda body: body.translate(None, b"\0\n")), max_size=5), st.data())
def test_stomp_frames_are_joined_for_any_cut_of_the_bytes(bodies: list[bytes], data: st.DataObject) -> None:
    frames = [b"ERROR\nmessage:x\n\nbody:" + body for body in bodies]
    stream = b"".join(frame + b"\0\n" for frame in frames)
    cut = data.draw(st.integers(0, len(stream)))
    splitter = StompSplitter()
    assert splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) == frames
    assert splitter.is_between_frames


def test_a_frame_without_its_end_does_not_swallow_the_next_message() -> None:
    splitter = StompSplitter()
    assert splitter.feed(b"MESSAGE\nsubscription:1\n\n{broken") == []
    assert splitter.feed(b"MESSAGE\nsubscription:2\n\n{}\0") == [
        b"MESSAGE\nsubscription:1\n\n{broken",
        b"MESSAGE\nsubscription:2\n\n{}",
    ]


@pytest.mark.parametrize("at", range(1, 9))
def test_the_next_message_is_found_behind_a_frame_without_its_end_though_it_comes_in_two(at: int) -> None:
    broken, following = b"MESSAGE\nsubscription:1\n\n{broken", b"MESSAGE\nsubscription:2\n\n{}"
    splitter = StompSplitter()
    assert splitter.feed(broken) + splitter.feed(following[:at]) + splitter.feed(following[at:] + b"\0") == [
        broken,
        following,
    ]


@pytest.mark.parametrize("part", [b"M", b"CLOSED", b"ER"])
def test_a_part_that_only_begins_like_a_command_belongs_to_its_frame(part: bytes) -> None:
    splitter = StompSplitter()
    assert splitter.feed(b"MESSAGE\nsubscription:1\n\n{") == []
    assert splitter.feed(part) == []
    assert splitter.feed(b"}\0") == [b"MESSAGE\nsubscription:1\n\n{" + part + b"}"]


@pytest.mark.parametrize("end_of_head", [b"\n\n", b"\r\n\r\n"])
def test_a_frame_is_whole_when_its_headers_are_of_usual_length(end_of_head: bytes) -> None:
    frame = b"CONNECTED\nserver:x" + end_of_head + b"x" * 100_000
    assert StompSplitter().feed(frame + b"\0") == [frame]


def test_a_frame_whose_headers_do_not_end_is_cut() -> None:
    frame = b"ERROR\nmessage:" + b"x" * 100_000
    assert StompSplitter().feed(frame + b"\n\nbody\0") == [frame[:HEAD_LIMIT]]


def test_a_message_of_too_many_frames_is_given_up() -> None:
    with pytest.raises(ProtocolError, match=str(FRAMES_LIMIT)):
        StompSplitter().feed(b"\0" * (FRAMES_LIMIT + 1))


def test_a_stomp_frame_that_never_ends_is_given_up() -> None:
    splitter = StompSplitter()
    with pytest.raises(ProtocolError, match="without an end"):
        for _ in range(FRAME_LIMIT // 2**20 + 1):
            splitter.feed(b"x" * 2**20)


def test_of_a_subscription_only_its_newest_beginning_is_kept() -> None:
    buffer = ReceiveBuffer()
    frames = [f"MESSAGE\nmessage-id:{n}\nsubscription:7-SBER\n\n{{}}\0".encode() for n in range(50)]
    buffer.add(b"".join(websocket_frame(frame) for frame in frames))
    messages = Messages()
    buffer.take_messages(messages)
    assert len(messages[b"7-SBER"]) == 50
    assert list(buffer._subscriptions) == [b"MESSAGE\nmessage-id:49\nsubscription:7-SBER\n"]
