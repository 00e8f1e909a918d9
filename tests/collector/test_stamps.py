"""When a message was made: by whatever it says of that, parsed or not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.framing import Message
from collector.stamps import Properties, in_order_of_time, stamp_of
from shared.quotes import Stamp


def stamp(timestamp: Any = 1769064680123, seqnum: Any = 5) -> Stamp | None:
    return stamp_of(Properties("snapshot", seqnum, timestamp))


@pytest.mark.parametrize(
    "timestamp",
    [1769064680, 1769064680000, 1769064680000000, 1769064680000000000, "1769064680000"],
    ids=["s", "ms", "us", "ns", "text"],
)
def test_the_unit_of_the_timestamp_is_told_by_its_size(timestamp: int | str) -> None:
    assert stamp(timestamp) == Stamp(1769064680000, 5)


def test_seqnum_may_be_text() -> None:
    assert stamp(seqnum="77") == Stamp(1769064680123, 77)


def test_a_message_without_time_and_number_has_no_stamp() -> None:
    assert stamp(timestamp=None, seqnum=None) is None


@pytest.mark.parametrize("timestamp", [4_102_444_800_000, "4102444800000", 4_102_444_800])
def test_a_time_after_the_year_2100_is_none(timestamp: int | str) -> None:
    assert stamp(timestamp=timestamp) is None


@pytest.mark.parametrize(("seqnum", "kept"), [(-1, -1), (5.0, 5), (2**63, 0), ("x", 0), (None, 0), (1e300, 0)])
def test_a_number_that_is_none_or_cannot_be_kept_leaves_the_time_to_tell(seqnum: Any, kept: int) -> None:
    assert stamp(seqnum=seqnum) == Stamp(1769064680123, kept)


# ---- bodies that are not parsed


def unparsed(*properties: str) -> list[Message]:
    """Bodies with these properties, one behind the other."""
    found, data = list[tuple[int, int]](), b""
    for one in properties:
        content = f'{{"properties": {{{one}}}, "columns": [], "data": []}}'.encode()
        found.append((len(data), len(data) + len(content)))
        data += content
    return [(data, start, end) for start, end in found]


@pytest.mark.parametrize(
    "spelling",
    [
        '"timestamp": {}680123',
        '"timestamp":{}680123,"type":"snapshot"',
        '"type": "snapshot", "timestamp": "{}680123"',
        '"timestamp": {}680',
        '"timestamp": {}680123456',
        '"timestamp": {}680123.456',
        '"timestamp": "{}680123456789"',
    ],
    ids=["ms", "ms without spaces", "text", "s", "us", "fraction", "ns as text"],
)
@given(times=st.lists(st.integers(1769061, 1769069), max_size=6))
def test_bodies_are_ordered_by_time_and_where_that_is_the_same_by_arrival(spelling: str, times: list[int]) -> None:
    messages = unparsed(*(spelling.format(time) for time in times))
    expected = [message for _, message in sorted(zip(times, messages, strict=True), key=lambda pair: pair[0])]
    assert in_order_of_time(messages) == expected


def test_bodies_without_a_time_stay_in_the_order_of_arrival() -> None:
    messages = unparsed('"seqnum": 2', '"timestamp": null', '"seqnum": 1')
    assert in_order_of_time(messages) == messages


def test_a_time_is_not_looked_for_in_the_bodies_around() -> None:
    messages = unparsed('"timestamp": 1769064680001', '"seqnum": 1', '"timestamp": 1769064680002')
    assert in_order_of_time(messages[1:2] + messages[:1]) == messages[1:2] + messages[:1]
    assert in_order_of_time(messages[:2]) == [messages[1], messages[0]]
