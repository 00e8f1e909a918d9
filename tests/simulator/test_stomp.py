"""Frames of clients, as the gateway reads them."""

import pytest

from simulator.stomp import FRAME_LIMIT, ForbiddenLineEnd, Frame, FrameSplitter, MalformedFrame, build

SUBSCRIBE = b'SUBSCRIBE\nid:7-VEON-RX\nselector:TICKER="MXSE.TQBR.VEON-RX"\n\n\0'


def test_a_frame_is_read_with_its_headers_as_they_stand() -> None:
    (frame,) = FrameSplitter().feed(SUBSCRIBE)
    assert frame == Frame("SUBSCRIBE", {"id": "7-VEON-RX", "selector": 'TICKER="MXSE.TQBR.VEON-RX"'})


def test_a_header_value_may_hold_colons_and_backslashes() -> None:
    (frame,) = FrameSplitter().feed(b"CONNECT\npasscode:a:b\\n c\n\n\0")
    assert frame.headers == {"passcode": "a:b\\n c"}


def test_the_first_of_a_repeated_header_counts() -> None:
    (frame,) = FrameSplitter().feed(b"CONNECT\nlogin:one\nlogin:two\n\n\0")
    assert frame.headers["login"] == "one"


@pytest.mark.parametrize("cut", range(1, len(SUBSCRIBE)))
def test_a_frame_may_come_in_two_pieces(cut: int) -> None:
    splitter = FrameSplitter()
    frames = splitter.feed(SUBSCRIBE[:cut]) + splitter.feed(SUBSCRIBE[cut:])
    assert [frame.headers["id"] for frame in frames] == ["7-VEON-RX"]


def test_several_frames_with_heart_beats_between_them_may_come_at_once() -> None:
    frames = FrameSplitter().feed(b"\n" + SUBSCRIBE + b"\n\n" + SUBSCRIBE + b"\n")
    assert [frame.command for frame in frames] == ["SUBSCRIBE", "SUBSCRIBE"]


def test_content_length_allows_nul_in_a_body() -> None:
    (frame,) = FrameSplitter().feed(b"SEND\ncontent-length:3\n\na\0b\0")
    assert frame.body == b"a\0b"


def test_a_body_may_hold_carriage_returns() -> None:
    (frame,) = FrameSplitter().feed(b"SEND\n\na\r\nb\0")
    assert frame.body == b"a\r\nb"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\0",
        b"CONNECT\nlogin\n\n\0",
        b"CONNECT\nlogin:\xff\xfe\n\n\0",
        b"SEND\ncontent-length:-1\n\n\0",
        b"SEND\ncontent-length:99999999999999\n\n\0",
        b"SEND\ncontent-length:1\n\nabc\0",
        b"A" * (FRAME_LIMIT + 1),
    ],
)
def test_bytes_that_are_no_frame_are_told_from_those_that_may_become_one(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        FrameSplitter().feed(data)


def test_carriage_returns_in_a_head_are_forbidden() -> None:
    with pytest.raises(ForbiddenLineEnd):
        FrameSplitter().feed(b"CONNECT\r\nlogin:guest\r\n\r\n\0")


@pytest.mark.parametrize("cut", [3, 11])
def test_a_frame_without_a_blank_line_is_judged_by_itself_alone(cut: int) -> None:
    data, splitter = b"SEND\nab\0\r\n\n\n", FrameSplitter()
    with pytest.raises(MalformedFrame):
        splitter.feed(data[:cut])
        splitter.feed(data[cut:])


def test_a_built_frame_ends_its_lines_in_lf_and_itself_in_nul() -> None:
    assert build("RECEIPT", {"receipt-id": "7-SBER"}) == b"RECEIPT\nreceipt-id:7-SBER\n\n\0"
    assert build("ERROR", {"message": "Access denied"}, b"x") == b"ERROR\nmessage:Access denied\n\nx\0"
