"""The help page: every key from the table that drives them, and what colours and marks mean. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from display.keys import BINDINGS, LOOKING, MOVING, PROGRAM, SORTING, VIEWS, Binding
from display.views.palette import Palette, Role
from display.views.strip import Condition, glyph_of
from display.views.text import Line, Span, columns, fitted, flowed, padded, paragraph
from shared.settings import DisplaySettings

GAP = "  "
MARK_WIDTH = 6
"""Columns for a key or a mark, before what it means."""

HEADING_WIDTH = 9
IMPORTANCE = (VIEWS, LOOKING, PROGRAM, SORTING, MOVING)

COMFORTABLE, CRAMPED, WIDEST = 38, 24, 56
"""Widths of one column of the page: as many as fit comfortably, more where the page is too low for that."""


class Entry(NamedTuple):
    """A key or a mark, and what it does or means."""

    mark: Span
    text: str


class Block(NamedTuple):
    """Entries that stand together under a heading."""

    heading: str
    entries: Sequence[Entry]


def help_page(limit: int, width: int, settings: DisplaySettings, palette: Palette) -> list[Line]:
    """At most `limit` lines, with as much as they can hold: the keys, the marks of the age, and all other marks.

    Where not even the keys fit, the most important ones come first and the others are left out.
    """
    pages = _pages(width, settings, palette)
    return next((page for page in pages if page and len(page) <= limit), _by_name([], width, palette)[: max(0, limit)])


def _pages(width: int, settings: DisplaySettings, palette: Palette) -> Iterator[list[Line]]:
    """From the one that is best to read to the one that needs the least room."""
    keys, ages, others = _keys(), _ages(settings, palette), [_strip(palette), _prices(palette)]
    most = max(1, (width + len(GAP)) // CRAMPED)
    usual = max(1, (width + len(GAP)) // COMFORTABLE)
    for blocks in ([*keys, ages, *others], [*keys, ages]):
        yield from (_page(blocks, number, width, palette) for number in range(usual, most + 1))
    for blocks in ([*keys, ages, *others], [*keys, ages], keys):
        yield _by_section(blocks, width, palette)
    yield _by_name(ages.entries, width, palette)


# ---- what there is to say


def _keys() -> list[Block]:
    sections = groupby(BINDINGS, key=lambda binding: binding.section)
    return [
        Block(section, [Entry(Span(binding.shown, Role.KEY), binding.help) for binding in bindings])
        for section, bindings in sections
    ]


def _ages(settings: DisplaySettings, palette: Palette) -> Block:
    glyphs = palette.glyphs
    marks = [
        Entry(Span(glyphs.fresh, Role.FRESH), f"fresh: younger than {settings.fresh_s:g} s"),
        Entry(Span(glyphs.aging, Role.AGING), f"aging: younger than {settings.stale_s:g} s"),
        Entry(Span(glyphs.stale, Role.STALE), "stale: older"),
        Entry(Span(glyphs.quiet, Role.QUIET), "quiet: old, but not traded now"),
    ]
    return Block("Age", marks)


def _strip(palette: Palette) -> Block:
    """The cells of the strip of connections."""
    meanings = {
        Condition.ONLINE: (Role.GOOD, "online"),
        Condition.SILENT: (Role.WARNING, "silent: not even a pong"),
        Condition.CONNECTING: (Role.WARNING, "connecting"),
        Condition.WAITING: (Role.WARNING, "waiting; a digit: so many seconds"),
        Condition.REFUSED: (Role.TROUBLE, "refused: login or rights"),
        Condition.DOWN: (Role.TROUBLE, "down: its worker is gone"),
        Condition.STOPPED: (Role.QUIET, "stopped"),
    }
    entries = [Entry(Span(glyph_of(kind, palette.glyphs), role), text) for kind, (role, text) in meanings.items()]
    return Block("Feed", entries)


def _prices(palette: Palette) -> Block:
    glyphs = palette.glyphs
    entries = [
        Entry(Span(glyphs.up, Role.UP), "above the one before"),
        Entry(Span(glyphs.down, Role.DOWN), "below the one before"),
        Entry(Span("12.34", Role.CHANGED), "new in this refresh"),
        Entry(Span("BID", Role.BID), "best bid"),
        Entry(Span("ASK", Role.ASK), "best ask"),
        Entry(Span(glyphs.selected, Role.KEY), "the selected row"),
        Entry(Span(glyphs.favourite, Role.FAVOURITE), "a favourite"),
    ]
    return Block("Quotes", entries)


# ---- how it fits


def _page(blocks: Sequence[Block], number: int, width: int, palette: Palette) -> list[Line]:
    """The blocks in `number` columns of about the same height, in the order in which one reads."""
    room = min(WIDEST, (width - len(GAP) * (number - 1)) // number)
    stacks = _stacked([_block(block, room, palette) for block in blocks], number)
    lines: list[Line] = []
    for row in range(max(map(len, stacks))):
        line: list[Span] = []
        for stack in stacks:
            cell = fitted(stack[row], room, palette) if row < len(stack) else ()
            line += (*cell, Span(" " * (room - columns(cell, palette)) + GAP))
        lines.append(line[:-1])
    return lines


def _block(block: Block, width: int, palette: Palette) -> list[Line]:
    lines: list[Line] = [(Span(block.heading, Role.HEADING),)]
    for mark, text in block.entries:
        first, *others = paragraph(text, Role.PLAIN, width - MARK_WIDTH - len(GAP), palette)
        blanks = Span(" " * (MARK_WIDTH - palette.columns(mark.text)) + GAP)
        lines.append((mark, blanks, *first))
        lines += [(Span(" " * (MARK_WIDTH + len(GAP))), *other) for other in others]
    return lines


def _stacked(blocks: Sequence[list[Line]], number: int) -> list[list[Line]]:
    """At most `number` stacks, as low as can be, of neighbouring blocks with a blank line between them."""
    height = max(map(len, blocks))
    while len(stacks := _filled(blocks, height)) > number:
        height += 1
    return stacks


def _filled(blocks: Sequence[list[Line]], height: int) -> list[list[Line]]:
    stacks: list[list[Line]] = []
    for block in blocks:
        if stacks and len(stacks[-1]) + 1 + len(block) <= height:
            stacks[-1] += [(), *block]
        else:
            stacks.append(list(block))
    return stacks


def _by_section(blocks: Sequence[Block], width: int, palette: Palette) -> list[Line]:
    """Each block as one run of text beside its heading; nothing where an entry is too long for that."""
    lines: list[Line] = []
    for block in blocks:
        items = [(entry.mark, Span(f" {entry.text}")) for entry in block.entries]
        heading = padded(block.heading, HEADING_WIDTH, palette, is_right=False)
        for line in flowed(items, GAP, width - HEADING_WIDTH, palette):
            lines.append((Span(heading, Role.HEADING), *line))
            heading = " " * HEADING_WIDTH
    return lines if all(columns(line, palette) <= width for line in lines) else []


def _by_name(ages: Sequence[Entry], width: int, palette: Palette) -> list[Line]:
    """The keys with their names alone: first those that the footer names, then section by section, then the marks."""
    first = [binding for binding in reversed(BINDINGS) if binding.footer]
    others = [binding for binding in BINDINGS if not binding.footer]
    others.sort(key=lambda binding: IMPORTANCE.index(binding.section))
    items = [(Span(binding.shown, Role.KEY), Span(_name(binding))) for binding in (*first, *others)]
    marks = [(entry.mark, Span(f" {entry.text.partition(':')[0]}")) for entry in ages]
    return [fitted(line, width, palette) for line in flowed([*items, *marks], GAP, width, palette)]


def _name(binding: Binding) -> str:
    """Nothing where the key is called as what it does."""
    name = binding.footer or binding.action.value.removeprefix("sort ")
    return "" if binding.shown.lower().startswith(name) else f" {name}"
