"""The event log: what happened to connections, workers and the program, the newest first. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from display.board import Board
from display.now import Now
from display.views.palette import Palette, Role
from display.views.strip import role_of_state
from display.views.text import Line, Span, cut, fitted, flowed, padded, paragraph
from shared.market import Market
from shared.printable import printable
from shared.wire import ConnectionState, Event

NOTHING = "Nothing has happened yet."
GAP = "  "
SOURCE_LIMIT = 16
NARROW = 60
"""On a narrower screen the text begins right after its source, and goes on below its time."""

_COLOURED = (ConnectionState.ONLINE, ConnectionState.WAITING, ConnectionState.REFUSED, ConnectionState.DOWN)
"""What is worth finding at a glance."""


class Told(NamedTuple):
    """An event, and how often it came in a row; `time` is the newest."""

    time: datetime
    source: str
    text: str
    times: int


def events(market: Market, board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    """At most `limit` lines: the heading where there is room, and the window of lines that was scrolled to."""
    told = _told(market.events)
    if not told:
        return paragraph(NOTHING, Role.PLAIN, width, palette)[: max(0, limit)]
    lines = _lines(told, width, now, palette)
    heading = f"{len(market.events)} events, the newest first"
    above: list[Line] = [(Span(cut(heading, width, palette), Role.HEADING),)] if limit > 3 else []
    room = max(0, limit - len(above))
    first = board.scroll(room, len(lines))
    return [*above, *lines[first : first + room]][: max(0, limit)]


def _told(found: Iterable[Event]) -> list[Told]:
    """The newest first; equal ones in a row become one."""
    told: list[Told] = []
    for event in found:
        time, source, text = datetime.fromtimestamp(event.time), printable(event.source), printable(event.text)
        times = told.pop().times + 1 if told and told[-1][1:3] == (source, text) else 1
        told.append(Told(time, source, text, times))
    return told[::-1]


def _lines(told: list[Told], width: int, now: Now, palette: Palette) -> list[Line]:
    times = [_time(one.time, now) for one in told]
    time_width = max(map(len, times))
    source_width = min(SOURCE_LIMIT, max(palette.columns(one.source) for one in told))
    lines: list[Line] = []
    for one, time in zip(told, times, strict=True):
        source = cut(one.source, source_width, palette)
        if width >= NARROW:
            time, source = time.ljust(time_width), padded(source, source_width, palette, is_right=False) + " "
            indent = time_width + len(GAP) + source_width + len(GAP)
        else:
            source, indent = f"{source}:", len(GAP)
        head = (Span(time, Role.DIM), Span(GAP), Span(source))
        words = [(Span(part, _role(one)),) for part in _parts(_text(one), width - indent, palette)]
        lines += flowed([head, *words], " ", width, palette, indent=indent)
    return [fitted(line, width, palette) for line in lines]


def _parts(text: str, room: int, palette: Palette) -> Iterator[str]:
    """The words; one that is longer than a line in several parts, for nothing of a reason may be lost."""
    for word in text.split():
        rest = word
        while palette.columns(rest) > room and (part := cut(rest, room, palette)):
            yield part
            rest = rest[len(part) :]
        yield rest


def _time(at: datetime, now: Now) -> str:
    """Local time of day; with the day where that is not today."""
    return f"{at:%H:%M:%S}" if at.date() == now.wall.date() else f"{at:%m-%d %H:%M}"


def _text(one: Told) -> str:
    return one.text if one.times == 1 else f"{one.text} (x{one.times})"


def _role(one: Told) -> Role:
    """That of the state that a connection came into; everything else is merely told."""
    state = one.text.partition(":")[0]
    return next((role_of_state(known) for known in _COLOURED if known.value == state), Role.PLAIN)
