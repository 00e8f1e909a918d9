"""When the exchange made a message, by its own account. Pure, and part of the hot path.

The unit of `timestamp` is not documented, nor whether numbers may be text: every answer is taken.
"""

import re

import msgspec

from collector.framing import Message
from shared.quotes import LATE_LIMIT_MS, Stamp, is_storable

FIRST_MILLISECONDS = 10**11
"""Less than this (1973) is no time in milliseconds."""

END_OF_TIME_MS = 4_102_444_800_000
"""The year 2100: a message that claims to be later would make all that follow it look old."""

LARGEST_SEQNUM = 2**63

_timestamp = re.compile(rb'"timestamp": ?"?(\d{1,19})')
_milliseconds = re.compile(rb'"timestamp": ?"?(\d{13})[",}]')


class Properties(msgspec.Struct, gc=False):
    """What a body says of itself."""

    type: str
    seqnum: int | float | str | None = None
    timestamp: int | float | str | None = None


def stamp_of(properties: Properties) -> Stamp | None:
    """None where they do not tell."""
    timestamp, seqnum = properties.timestamp, properties.seqnum
    if (
        type(timestamp) is int
        and type(seqnum) is int
        and FIRST_MILLISECONDS <= timestamp < END_OF_TIME_MS
        and 0 <= seqnum < LARGEST_SEQNUM
    ):
        return Stamp(float(timestamp), seqnum)
    return _unusual_stamp(_number(timestamp), _number(seqnum))


def _unusual_stamp(timestamp: float | None, seqnum: float | None) -> Stamp | None:
    if timestamp is None and seqnum is None:
        return None
    milliseconds = _to_milliseconds(timestamp or 0.0)
    return Stamp(milliseconds, int(seqnum or 0)) if milliseconds < END_OF_TIME_MS else None


def _number(value: float | str | None) -> float | None:
    """Numbers may come quoted; anything that is no number, or no sensible one, is unknown."""
    try:
        number = None if value is None else float(value)
    except ValueError:
        return None
    return number if number is not None and is_storable(number) else None


def _to_milliseconds(time: float) -> float:
    """The unit of `timestamp` is not documented: seconds, milliseconds, micro- and nanoseconds differ by size."""
    while time > 1e14:
        time /= 1e3
    return time * 1e3 if time < FIRST_MILLISECONDS else time


# ---- bodies that are not parsed


def in_order_of_time(messages: list[Message]) -> list[Message]:
    """Bodies that are not parsed, by their `timestamp`; by their arrival where that is the same or not to be seen.

    By their arrival as well where the times are too far apart for messages that overtook each other.
    """
    last, search = b"", _milliseconds.search
    for data, start, end in messages:
        found = search(data, start, end)
        if found is None or (time := found[1]) < last:
            return _sorted_by_time(messages)
        last = time
    return messages


def _sorted_by_time(messages: list[Message]) -> list[Message]:
    times = [_time_in(message) for message in messages]
    told = [time for time in times if time]
    if told and max(told) - min(told) > LATE_LIMIT_MS:
        return messages
    return [messages[index] for index in sorted(range(len(messages)), key=times.__getitem__)]


def _time_in(message: Message) -> float:
    """Milliseconds since 1970; 0 where none is to be seen."""
    found = _timestamp.search(*message)
    return 0.0 if found is None else _to_milliseconds(float(found[1]))
