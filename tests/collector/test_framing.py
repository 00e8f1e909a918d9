"""The splitter finds the same frames as the libraries' own parsers, however the bytes are cut."""

import pytest
import websocket
from hypothesis import given
from hypothesis import strategies as st
from stomp.utils import parse_frame

from collector.framing import (
    FRAME_LIMIT,
    StompSplitter,
    message_at,
    split_websocket,
)
from shared.errors import ProtocolError

BINARY, TEXT, PING, CONTINUATION = 0x2, 0x1, 0x9, 0x0


def websocket_frame(payload: bytes, opcode: int = BINARY, *, fin: int = 1, is_masked: bool = False) -> bytes:
    """As websocket-client builds it."""
    frame = websocket.ABNF(fin, 0, 0, 0, opcode, int(is_masked), payload)
    return bytes(frame.format())


def message(body: bytes, subscription: str = "7-SBER", headers: str = "") -> bytes:
    return f"MESSAGE\ndestination:MXSE.orderbooks\nsubscription:{subscription}\n{headers}\n".encode() + body + b"\0"


def payloads_of(data: bytes) -> tuple[list[bytes], bytes]:
    buffer = bytearray(data)
    spans, _ = split_websocket(buffer, 0, len(buffer))
    rest = spans[-1].end if spans else 0
    return [bytes(buffer[span.payload : span.end]) for span in spans], bytes(buffer[rest:])


@given(
    st.lists(st.tuples(st.binary(max_size=70_000), st.sampled_from([BINARY, TEXT, PING, CONTINUATION])), max_size=6),
    st.data(),
)
def test_websocket_frames_are_found_for_any_cut_of_the_bytes(
    frames: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    stream = b"".join(websocket_frame(payload, opcode) for payload, opcode in frames)
    cut = data.draw(st.integers(0, len(stream)))
    first, rest = payloads_of(stream[:cut])
    second, left_over = payloads_of(rest + stream[cut:])
    assert first + second == [payload for payload, _ in frames]
    assert left_over == b""


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_each_form_of_length_is_read(length: int) -> None:
    assert payloads_of(websocket_frame(b"x" * length)) == ([b"x" * length], b"")


def test_a_masked_frame_is_found_whole_with_its_mask() -> None:
    data = websocket_frame(b"hello", is_masked=True)
    buffer = bytearray(data + b"\x82")
    spans, needed = split_websocket(buffer, 0, len(buffer))
    assert [(span.frame, span.end) for span in spans] == [(0, len(data))]
    assert needed > 0


def test_the_length_needed_for_an_unfinished_frame_is_told() -> None:
    data = websocket_frame(b"x" * 100_000)
    buffer = bytearray(data[:50])
    assert split_websocket(buffer, 0, 50) == ([], len(data))


def test_a_frame_beyond_the_limit_is_refused_before_it_is_received() -> None:
    header = b"\x82\x7f" + (FRAME_LIMIT + 1).to_bytes(8, "big")
    with pytest.raises(ProtocolError, match=str(FRAME_LIMIT + 1)):
        split_websocket(bytearray(header), 0, len(header))


@given(st.binary(max_size=300).filter(lambda b: b"\0" not in b), st.integers(0, 3), st.sampled_from(["", "a:b\n"]))
def test_a_message_is_read_as_stomp_py_reads_it(body: bytes, line_ends: int, headers: str) -> None:
    raw = message(body, headers=headers)
    padded = raw + b"\n" * line_ends
    buffer = bytearray(b"junk" + padded + b"junk")
    found = message_at(buffer, 4, 4 + len(padded))
    reference = parse_frame(raw[:-1])
    assert found is not None
    assert found.subscription.decode() == reference.headers["subscription"]
    assert found.body == reference.body


@pytest.mark.parametrize(
    "payload",
    [
        b"RECEIPT\nreceipt-id:1\n\n\0",
        b"MESSAGE\nsubscription:1\n\n{}",
        b"MESSAGE\ndestination:x\n\nsubscription:1\n\0",
        b"MESSAGE\nsubscription:1\n\0",
        message(b"{}") + message(b"{}"),
        b"\n",
        b"",
    ],
    ids=["other command", "no NUL", "name only in the body", "no blank line", "two frames", "heart-beat", "empty"],
)
def test_whatever_is_not_one_whole_message_is_left_to_the_library(payload: bytes) -> None:
    assert message_at(bytearray(payload), 0, len(payload)) is None


def test_a_wrong_content_length_swallows_nothing() -> None:
    raw = message(b"{}", headers="content-length:9999\n")
    found = message_at(bytearray(raw), 0, len(raw))
    assert found is not None
    assert found.body == b"{}"


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
