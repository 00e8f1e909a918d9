"""The strip of connections: one cell for each, which shows at a glance what the feed is made of. Pure."""

from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import groupby
from typing import NamedTuple

from display.now import Now
from display.troubles import UNTRIED_REASONS
from display.views.palette import Glyphs, Palette, Role
from display.views.text import Line, Span, columns, fitted
from shared.market import Market
from shared.wire import ConnectionState, ConnectionStatus

LABEL = "Feed  "
GAP = "  "
MOST_LINES = 2
FEW = 2
"""So many connections of one condition are named by number, more are counted."""


class Condition(Enum):
    """What a person distinguishes of a connection, in the order in which it is told; the value is the word for it."""

    ONLINE = "online"
    DOWN = "down"
    REFUSED = "refused"
    SILENT = "silent"
    WAITING = "waiting"
    CONNECTING = "connecting"
    STOPPED = "stopped"


class Cell(NamedTuple):
    """What is shown of one connection."""

    number: int
    condition: Condition
    next_try_s: float | None
    role: Role


_OF_STATES = {
    ConnectionState.WAITING: Condition.WAITING,
    ConnectionState.OPENING: Condition.CONNECTING,
    ConnectionState.GREETING: Condition.CONNECTING,
    ConnectionState.SUBSCRIBING: Condition.CONNECTING,
    ConnectionState.ONLINE: Condition.ONLINE,
    ConnectionState.REFUSED: Condition.REFUSED,
    ConnectionState.CLOSING: Condition.STOPPED,
    ConnectionState.STOPPED: Condition.STOPPED,
    ConnectionState.DOWN: Condition.DOWN,
}
_ROLES = {
    Condition.ONLINE: Role.GOOD,
    Condition.DOWN: Role.TROUBLE,
    Condition.REFUSED: Role.TROUBLE,
    Condition.SILENT: Role.WARNING,
    Condition.WAITING: Role.WARNING,
    Condition.CONNECTING: Role.WARNING,
    Condition.STOPPED: Role.QUIET,
}


def condition_of(status: ConnectionStatus, now: Now) -> Condition:
    """SILENT is an online connection that a healthy peer would have said something on by now."""
    condition = _OF_STATES[status.state]
    if condition is Condition.ONLINE:
        heard_at = status.since if status.heard_at is None else max(status.heard_at, status.since)
        return Condition.SILENT if now.age_s(heard_at) > status.silent_after_s else condition
    return condition


def role_of_state(state: ConnectionState) -> Role:
    """How a state is coloured of which nothing more is known."""
    return _ROLES[_OF_STATES[state]]


def role_of(status: ConnectionStatus, now: Now) -> Role:
    """How its condition is coloured; waiting for the first attempt is no reason to worry."""
    condition = condition_of(status, now)
    is_untried = condition is Condition.WAITING and status.reason in UNTRIED_REASONS
    return Role.QUIET if is_untried else _ROLES[condition]


def next_try_s(status: ConnectionStatus, now: Now) -> float | None:
    """Seconds from now until it tries again, None when it does not wait for that."""
    is_resting = status.state in (ConnectionState.WAITING, ConnectionState.REFUSED)
    return max(0.0, status.retry_at - now.monotonic) if is_resting and status.retry_at is not None else None


def glyph_of(condition: Condition, glyphs: Glyphs) -> str:
    return {
        Condition.ONLINE: glyphs.cell_online,
        Condition.DOWN: glyphs.cell_down,
        Condition.REFUSED: glyphs.cell_refused,
        Condition.SILENT: glyphs.cell_silent,
        Condition.WAITING: glyphs.cell_waiting,
        Condition.CONNECTING: glyphs.cell_connecting,
        Condition.STOPPED: glyphs.quiet,
    }[condition]


def strip(market: Market, width: int, now: Now, palette: Palette) -> list[Line]:
    """A cell for each connection in the order of their numbers, and in words what is not online, as far as that fits.

    How many lines that are depends on nothing but the number of connections and the width, so that nothing below ever
    moves; more cells than fit MOST_LINES lines are summed up in words on one line.
    """
    cells = _cells(market, now)
    room = max(1, width - len(LABEL))
    rows = [cells[at : at + room] for at in range(0, len(cells), room)]
    if len(rows) > MOST_LINES:
        summary: Line = (Span(LABEL), *_words(cells, width - len(LABEL), palette))
        return [fitted(summary, width, palette)]
    lines = [[Span(" " * len(LABEL)), *_painted(row, palette.glyphs)] for row in rows]
    if lines:
        lines[0][0] = Span(LABEL)
        words = _words(cells, width - columns(lines[-1], palette) - len(GAP), palette)
        lines[-1] += (Span(GAP), *words) if words else ()
    return [fitted(line, width, palette) for line in lines]


def _cells(market: Market, now: Now) -> list[Cell]:
    """Of every connection, and before the plan is known of those that there will be."""
    if not market.connections:
        return [Cell(number, Condition.WAITING, None, Role.QUIET) for number in range(market.totals.connections)]
    return [_cell(status, now) for _, status in sorted(market.connections.items())]


def _cell(status: ConnectionStatus, now: Now) -> Cell:
    return Cell(status.number, condition_of(status, now), next_try_s(status, now), role_of(status, now))


def _painted(cells: Iterable[Cell], glyphs: Glyphs) -> list[Span]:
    """One span for each run of equal colour."""
    runs = groupby(cells, key=lambda cell: cell.role)
    return [Span("".join(_glyph(cell, glyphs) for cell in run), role) for role, run in runs]


def _glyph(cell: Cell, glyphs: Glyphs) -> str:
    """The seconds that are left where one digit can tell them."""
    if cell.condition is Condition.WAITING and cell.next_try_s is not None and cell.next_try_s < 9.5:
        return f"{cell.next_try_s:.0f}"
    return glyph_of(cell.condition, glyphs)


def _words(cells: Sequence[Cell], room: int, palette: Palette) -> Line:
    """As much as `room` allows: by number, else only counted, else the most important ones, else who is online."""
    groups = [(kind, found) for kind in Condition if (found := [cell for cell in cells if cell.condition is kind])]
    online = sum(cell.condition is Condition.ONLINE for cell in cells)
    of_all = Role.GOOD if online == len(cells) else Role.WARNING
    named = [part for kind, found in groups for part in _named(kind, found)]
    candidates: list[Line] = [
        _listed([span for span, _ in named]),
        _listed([_counted(kind, found) for kind, found in groups]),
        *(_beginning(named, most, len(cells)) for most in range(len(named) - 1, 1, -1)),
        (Span(f"{online} of {len(cells)} online", of_all),),
        (Span(f"{online}/{len(cells)}", of_all),),
    ]
    return next((words for words in candidates if columns(words, palette) <= room), ())


def _listed(items: Sequence[Span]) -> Line:
    return [part for item in items for part in (Span(", "), item)][1:]


def _counted(kind: Condition, cells: Sequence[Cell]) -> Span:
    return Span(f"{len(cells)} {kind.value}", cells[0].role)


def _beginning(named: Sequence[tuple[Span, int]], most: int, total: int) -> Line:
    told = named[:most]
    others = total - sum(count for _, count in told)
    return _listed([*(span for span, _ in told), Span(f"{others} other{'s' if others > 1 else ''}", Role.WARNING)])


def _named(kind: Condition, cells: Sequence[Cell]) -> list[tuple[Span, int]]:
    """What is told of one condition, and of how many connections."""
    if kind is not Condition.ONLINE and len(cells) <= FEW:
        return [(Span(_name(cell), cell.role), 1) for cell in cells]
    counted = _counted(kind, cells)
    tries = [cell.next_try_s for cell in cells if cell.next_try_s is not None]
    wait = f" (next in {min(tries):.0f} s)" if tries else ""
    return [(counted._replace(text=counted.text + wait), len(cells))]


def _name(cell: Cell) -> str:
    wait = None if cell.next_try_s is None else f"in {cell.next_try_s:.0f} s"
    if cell.condition is Condition.WAITING and wait is not None:
        return f"#{cell.number + 1} {wait}"
    return f"#{cell.number + 1} {cell.condition.value}{f' (next {wait})' if wait else ''}"
