"""The splitter finds the same frames as the libraries' own parsers, however the bytes are cut."""

import pytest
import websocket
from hypothesis import given
from hypothesis import strategies as st
from stomp.utils import parse_frame

from collector.framing import BUFFER_SIZE, FRAME_LIMIT, Messages, ReceiveBuffer, StompSplitter
from shared.errors import ProtocolError

BINARY, TEXT, PING, CONTINUATION = 0x2, 0x1, 0x9, 0x0


def websocket_frame(payload: bytes, opcode: int = BINARY, *, fin: int = 1, is_masked: bool = False) -> bytes:
    """As websocket-client builds it."""
    frame = websocket.ABNF(fin, 0, 0, 0, opcode, int(is_masked), payload)
    return bytes(frame.format())


def message(body: bytes, subscription: str = "7-SBER", headers: str = "") -> bytes:
    return f"MESSAGE\ndestination:MXSE.orderbooks\nsubscription:{subscription}\n{headers}\n".encode() + body + b"\0"


def filled(data: bytes) -> ReceiveBuffer:
    buffer = ReceiveBuffer()
    fill(buffer, data)
    return buffer


def fill(buffer: ReceiveBuffer, data: bytes) -> None:
    """As a socket would, in as many reads as it takes."""
    while data:
        with buffer.room() as room:
            size = min(len(room), len(data))
            room[:size] = data[:size]
        buffer.received(size)
        data = data[size:]
        if data:
            assert buffer.take_frame() is None


def frames_in(buffer: ReceiveBuffer) -> list[bytes]:
    frames = []
    while (frame := buffer.take_frame()) is not None:
        frames.append(frame)
    return frames


def messages_in(data: bytes) -> list[tuple[bytes, bytes]]:
    messages: Messages = {}
    filled(data).take_messages(messages)
    return [(key, bytes(data[start:end])) for key, group in messages.items() for data, start, end in group]


@given(
    st.lists(st.tuples(st.binary(max_size=70_000), st.sampled_from([BINARY, TEXT, PING, CONTINUATION])), max_size=6),
    st.data(),
)
def test_frames_are_found_for_any_cut_of_the_bytes(frames: list[tuple[bytes, int]], data: st.DataObject) -> None:
    wanted = [websocket_frame(payload, opcode) for payload, opcode in frames]
    stream = b"".join(wanted)
    cut = data.draw(st.integers(0, len(stream)))
    buffer = ReceiveBuffer()
    found = []
    for piece in (stream[:cut], stream[cut:]):
        for start in range(0, len(piece), 60_000):
            fill(buffer, piece[start : start + 60_000])
            found += frames_in(buffer)
    assert found == wanted


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536, 3_000_000])
def test_each_form_of_length_is_read(length: int) -> None:
    frame = websocket_frame(b"x" * length)
    assert frames_in(filled(frame)) == [frame]


def test_a_masked_frame_is_found_whole_with_its_mask() -> None:
    frame = websocket_frame(b"hello", is_masked=True)
    assert frames_in(filled(frame + b"\x82")) == [frame]


def test_the_buffer_grows_for_a_long_frame_and_shrinks_again() -> None:
    buffer = filled(websocket_frame(b"x" * 3_000_000))
    assert len(frames_in(buffer)) == 1
    with buffer.room() as room:
        assert len(room) == BUFFER_SIZE


def test_a_frame_beyond_the_limit_is_refused_before_it_is_received() -> None:
    buffer = filled(b"\x82\x7f" + (FRAME_LIMIT + 1).to_bytes(8, "big"))
    with pytest.raises(ProtocolError, match=str(FRAME_LIMIT + 1)):
        buffer.take_frame()


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


@given(st.lists(st.binary(min_size=1, max_size=50).filter(lambda b: b"\0" not in b), max_size=5), st.data())
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


def test_a_stomp_frame_that_never_ends_is_given_up() -> None:
    splitter = StompSplitter()
    with pytest.raises(ProtocolError, match="without an end"):
        for _ in range(FRAME_LIMIT // 2**20 + 1):
            splitter.feed(b"x" * 2**20)
