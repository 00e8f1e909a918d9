"""Under the table: what is wrong, and which keys there are. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from display import keys
from display.board import Board
from display.now import Now, age_text
from display.troubles import NO_ROUTE, TRY_DEMO, has_no_route, refused_tickers, troubles
from display.views.palette import Palette, Role
from display.views.text import Line, Span, flowed, paragraph
from shared.market import Market
from shared.printable import printable

LOADING = "Loading the list of instruments..."
STOPPING = "Stopping..."
TROUBLE = "Trouble: "
VITAL_RANK = 3
TICKERS_NAMED = 20
OWN_GATEWAY = "iss.moex.com"


class Section(NamedTuple):
    """Lines that belong together; when there is too little room, those with the lowest `rank` stay."""

    rank: int
    lines: list[Line]


def footer(market: Market, board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    """At most `limit` lines; what is wrong outlives what is merely good to know."""
    sections = [
        Section(0, _hub_silence(board, now, width, palette)),
        Section(3, _loading(market, width, palette)),
        Section(1, _troubles(market, board.as_of(now), width, palette)),
        Section(2, _hint(market, board.as_of(now), width, palette)),
        Section(4, _refused_tickers(market, width, palette)),
        Section(5, _facts(market, width, palette)),
        Section(6, _keys(board, width, palette)),
    ]
    return _within(sections, limit)


def _within(sections: Sequence[Section], limit: int) -> list[Line]:
    """The sections in their own order. Room is given away by rank, one line being kept for each vital section."""
    room = limit
    kept: dict[int, list[Line]] = {}
    for section in sorted(sections):
        vital_ones_to_come = sum(bool(other.lines) for other in sections if section.rank < other.rank <= VITAL_RANK)
        kept[section.rank] = _shortened(section.lines, max(min(room, 1), room - vital_ones_to_come))
        room -= len(kept[section.rank])
    return [line for section in sections for line in kept[section.rank]]


def _shortened(lines: list[Line], limit: int) -> list[Line]:
    """The first lines; where there is room to say so, the last one tells how many are missing."""
    if len(lines) <= limit or limit < 2:
        return lines[:limit]
    return [*lines[: limit - 1], (Span(f"... {len(lines) - limit + 1} more lines", Role.WARNING),)]


def _hub_silence(board: Board, now: Now, width: int, palette: Palette) -> list[Line]:
    if (silence_s := board.hub_silence_s(now)) is None:
        return []
    return paragraph(f"No news from the collector for {age_text(silence_s)}", Role.TROUBLE, width, palette)


def _loading(market: Market, width: int, palette: Palette) -> list[Line]:
    return [] if market.connections else paragraph(LOADING, Role.PLAIN, width, palette)


def _troubles(market: Market, now: Now, width: int, palette: Palette) -> list[Line]:
    lines: list[Line] = []
    for trouble in troubles(market.connections.values(), now.monotonic):
        for line in paragraph(str(trouble), Role.TROUBLE, width - len(TROUBLE), palette):
            lines.append((Span(" " * len(TROUBLE) if lines else TROUBLE), *line))
    return lines


def _hint(market: Market, now: Now, width: int, palette: Palette) -> list[Line]:
    if not has_no_route(market, now.monotonic):
        return []
    return paragraph(f"{NO_ROUTE} {TRY_DEMO}", Role.WARNING, width, palette)


def _refused_tickers(market: Market, width: int, palette: Palette) -> list[Line]:
    refused = refused_tickers(market.connections.values())
    if not refused:
        return []
    by_reason: dict[str, list[str]] = {}
    for ticker, reason in refused.items():
        by_reason.setdefault(reason, []).append(ticker)
    parts = [f"{_names(tickers)} ({reason})" for reason, tickers in by_reason.items()]
    return paragraph(f"Refused tickers ({len(refused)}): {'; '.join(parts)}", Role.WARNING, width, palette, indent=2)


def _names(tickers: list[str]) -> str:
    unnamed = len(tickers) - TICKERS_NAMED
    return ", ".join(tickers[:TICKERS_NAMED]) + (f" and {unnamed} more" if unnamed > 0 else "")


def _facts(market: Market, width: int, palette: Palette) -> list[Line]:
    facts: list[str] = []
    if errors := market.totals.counters.decode_errors:
        facts.append(f"Decode errors: {errors}")
    gateway = _foreign_gateway(market.totals.gateway)
    if gateway is not None and not market.totals.is_simulated:  # which is said, and says more
        facts.append(f"Gateway: {gateway}")
    return flowed(((Span(fact, Role.WARNING),) for fact in facts), " | ", width, palette)


def _foreign_gateway(gateway: str) -> str | None:
    """Host and port of a gateway URL when it is not the exchange's own, otherwise None."""
    address = gateway.partition("://")[2] or gateway
    host_and_port = printable(address.partition("/")[0].rpartition("@")[2])
    return None if host_and_port.partition(":")[0] in ("", OWN_GATEWAY) else host_and_port


def _keys(board: Board, width: int, palette: Palette) -> list[Line]:
    """One line: the way out first, and as many others as fit."""
    if board.is_quitting:
        return [(Span(STOPPING, Role.BANNER),)]
    items = [
        (Span(key, Role.KEY), Span(f" {does}", Role.DIM)) for key, does in keys.footer_items(is_list=board.is_list)
    ]
    return flowed(items, "  ", width, palette)[:1]
