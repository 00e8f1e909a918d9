"""The order book as a ladder: asks above bids, the best of both in the middle, each with a bar of its lots. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from display.views.ages import UNKNOWN, Ages
from display.views.numbers import count_text, number_text
from display.views.palette import Palette, Role
from display.views.text import Line, Span, columns, padded
from shared.book import Ladder, Level
from shared.quotes import Price, Quote

HEADING = "Order book"
SIDE_WIDTH, PRICE_WIDTH, LOTS_WIDTH = 4, 10, 8
LEAST_BAR = 4
LEAST_WITH_HEADING, LEAST_WITH_SPREAD = 3, 4


class _Rung(NamedTuple):
    side: str
    price: str
    lots: str
    size: int
    role: Role
    bar_role: Role


def ladder_lines(quote: Quote, limit: int, width: int, ages: Ages, palette: Palette) -> list[Line]:
    """At most `limit` lines: the best levels of both sides, in equal parts while there are enough of them."""
    if limit <= 0:
        return []
    heading = _heading(quote, ages)
    book = quote.book
    if book is None or limit == 1:
        return [heading]
    ladder = book.ladder
    room = limit - (limit >= LEAST_WITH_HEADING) - (limit >= LEAST_WITH_SPREAD)
    asks, bids = shares(len(ladder.asks), len(ladder.bids), room)
    roles = {role: ages.price_role(role, quote.book_at) for role in (Role.ASK, Role.BAR_ASK, Role.BID, Role.BAR_BID)}
    rungs = [_rung("ask", level, ladder, roles) for level in reversed(ladder.asks[:asks])]
    rungs += [_rung("bid", level, ladder, roles) for level in ladder.bids[:bids]]
    lines = _drawn(rungs, width, palette)
    if limit >= LEAST_WITH_SPREAD and rungs:
        lines.insert(asks, _spread(quote, max(len(rung.price) for rung in rungs)))
    return [heading, *lines] if limit >= LEAST_WITH_HEADING else lines


def shares(asks: int, bids: int, room: int) -> tuple[int, int]:
    """How many of so many asks and bids are shown in `room` lines; what one side does not need is the other's."""
    shown = min(asks, max((room + 1) // 2, room - bids))
    return shown, min(bids, room - shown)


def _heading(quote: Quote, ages: Ages) -> Line:
    heading = Span(HEADING, Role.HEADING)
    if quote.book is None or quote.book_at is None:
        return (heading, Span("  none was received", Role.DIM))
    ladder = quote.book.ladder
    sides = f"asks {len(ladder.asks)}, bids {len(ladder.bids)}" if ladder.asks or ladder.bids else "empty"
    age = ages.span(ages.now.age_s(quote.book_at), quote)
    return (heading, Span("  "), age, Span("  "), Span(sides, Role.DIM))


def _rung(side: str, level: Level, ladder: Ladder, roles: Mapping[Role, Role]) -> _Rung:
    """`roles` are those of the two sides as old as the book is."""
    value, lots = level
    role, bar_role = (Role.ASK, Role.BAR_ASK) if side == "ask" else (Role.BID, Role.BAR_BID)
    price = number_text(Price(value, ladder.decimals))
    text = UNKNOWN if lots is None else count_text(lots)
    return _Rung(side, price, text, lots or 0, roles[role], roles[bar_role])


def _drawn(rungs: list[_Rung], width: int, palette: Palette) -> list[Line]:
    """The bars are to the scale of the largest that is shown."""
    price_width = max((PRICE_WIDTH, *(len(rung.price) for rung in rungs)))
    lots_width = max((LOTS_WIDTH, *(len(rung.lots) for rung in rungs)))
    largest = max((rung.size for rung in rungs), default=0)
    lines: list[Line] = []
    for rung in rungs:
        line = (
            Span(padded(rung.side, SIDE_WIDTH, palette, is_right=False), Role.DIM),
            Span(padded(rung.price, price_width, palette, is_right=True), rung.role),
            Span(f" {padded(rung.lots, lots_width, palette, is_right=True)} "),
        )
        room = width - columns(line, palette)
        lines.append((*line, Span(bar(rung.size, largest, room, palette), rung.bar_role)))
    return lines


def bar(count: int, largest: int, width: int, palette: Palette) -> str:
    """A bar that is as much of `width` as `count` is of `largest`; none in a room too small to compare bars in."""
    parts = palette.glyphs.bar
    if width < LEAST_BAR or count <= 0:
        return ""
    full, rest = divmod(max(1, round(count / largest * width * len(parts))), len(parts))
    return parts[-1] * full + (parts[rest - 1] if rest else "")


def _spread(quote: Quote, price_width: int) -> Line:
    spread = quote.spread
    text = UNKNOWN if spread is None else number_text(spread)
    blanks = " " * SIDE_WIDTH
    return (Span(f"{blanks}{text:>{max(PRICE_WIDTH, price_width)}} spread", Role.DIM),)
