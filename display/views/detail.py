"""All that is known of the selected ticker: prices, ages, order book, fields, last minutes, who carries it. Pure.

From `WIDE` columns on, the order book and the fields stand side by side, else below each other. With fewer lines, what
is less important gives way: title, ages and the best prices stay to the end.
"""

from collections.abc import Sequence
from typing import NamedTuple

from display.board import Board, Row
from display.history import POINT_S, POINTS
from display.now import Now
from display.views.ages import AGE_WIDTH, UNKNOWN, Ages
from display.views.carriers import carrier_lines
from display.views.fields import field_lines, field_page
from display.views.ladder import ladder_lines
from display.views.numbers import DELAY_WIDTH, count_text, delay_text, number_text, rate_text
from display.views.palette import Palette, Role
from display.views.sparkline import sparkline
from display.views.table import change_span
from display.views.text import BLANK, Line, Span, columns, fitted, flowed, padded, shortened
from shared.market import Market
from shared.printable import printable
from shared.quotes import Phase, Price

WIDE = 80
GAP = "  "
LEAST_LADDER_WIDTH, MOST_LADDER_WIDTH = 36, 64
LEAST_BODY = 4
"""Lines in which an order book can be told: heading, best ask, spread, best bid."""

LEAST_FOR_FIELDS = 8
LEAST_CAPTION = 6
LABEL_WIDTH = 9
SPAN_WIDTH = 4
RANGE_WIDTH = 24
LEAST_POINTS = 20

_PHASES = {Phase.TRADING: Role.GOOD, Phase.AUCTION: Role.WARNING}


class _Pane(NamedTuple):
    market: Market
    board: Board
    row: Row
    ages: Ages
    width: int
    palette: Palette


def detail(market: Market, board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    """At most `limit` lines, none wider than `width`."""
    row = board.row_selected
    if row is None:
        lines: list[Line] = [(Span(_absent(board), Role.DIM),)]
    else:
        pane = _Pane(market, board, row, Ages.of(market, board, now, palette), width, palette)
        lines = _fields_alone(pane, limit) if board.detail_page else _first_page(pane, limit)
    return [fitted(line, width, palette) for line in lines[: max(0, limit)]]


def _first_page(pane: _Pane, limit: int) -> list[Line]:
    head = _head(pane, limit)
    return [*head, *_body(pane, limit - len(head))]


def _fields_alone(pane: _Pane, limit: int) -> list[Line]:
    """What PgDn leads to: every field can be reached on every screen."""
    board, quote = pane.board, pane.row.quote
    head = [_title(pane), *_ages(pane)[:1]][: max(1, limit - 2)]
    lines, board.detail_page = field_page(
        quote, board.detail_page, limit - len(head), pane.width, pane.ages, pane.palette
    )
    return [*head, *lines]


def _absent(board: Board) -> str:
    return "No ticker is selected" if board.selected is None else f"Nothing is known of {printable(board.selected)} yet"


# ---- above


def _head(pane: _Pane, limit: int) -> list[Line]:
    """The title and the ages; then, as far as two of five lines go, carriers, the last minutes, and a blank line."""
    spare = limit - max(LEAST_BODY, limit * 3 // 5) - 2
    lines = [_title(pane), *_ages(pane)[: 2 if spare > 3 and pane.width < WIDE else 1]]
    carriers_limit = 2 if spare > 4 else min(1, spare)
    lines += carrier_lines(pane.market, pane.row.quote.ticker, carriers_limit, pane.width, pane.palette)
    if spare > 2:
        lines += _minutes(pane)
    return [*lines, BLANK] if spare > 6 else lines


def _title(pane: _Pane) -> Line:
    """The caption takes what the rest leaves, and is left out before anything else."""
    palette, quote = pane.palette, pane.row.quote
    mark = (Span(f" {palette.glyphs.favourite}", Role.FAVOURITE),) if pane.row.is_favourite else ()
    name: Line = (Span(printable(quote.ticker), Role.TITLE), *mark)
    items = [item for item in (_last(pane), _change(pane), _phase(pane)) if item]
    rest: list[Span] = []
    for item in items:
        if columns((*name, *rest, Span(GAP), *item), palette) <= pane.width:
            rest += (Span(GAP), *item)
    room = pane.width - columns((*name, *rest), palette) - len(GAP)
    caption = (quote.fields or {}).get("CAPTION")
    if isinstance(caption, str) and room >= LEAST_CAPTION:
        return (*name, Span(GAP), Span(shortened(printable(caption), room, palette)), *rest)
    return (*name, *rest)


def _last(pane: _Pane) -> Line:
    price, glyphs = pane.row.quote.last, pane.palette.glyphs
    if price is None:
        return (Span(f"LAST {UNKNOWN}", Role.DIM),)
    moves = {1: (Role.UP, f" {glyphs.up}"), -1: (Role.DOWN, f" {glyphs.down}")}
    role, arrow = moves.get(pane.row.direction, (Role.LAST, ""))
    return (Span(number_text(price) + arrow, pane.ages.price_role(role, pane.row.quote.fields_at)),)


def _change(pane: _Pane) -> Line:
    change = change_span(pane.row.quote, pane.ages)
    return () if change is None else (change,)


def _phase(pane: _Pane) -> Line:
    phase = pane.row.quote.phase
    return () if phase is Phase.UNKNOWN else (Span(phase, _PHASES.get(phase, Role.QUIET)),)


def _ages(pane: _Pane) -> list[Line]:
    """Of fixed widths, so that an age that grows moves nothing."""
    quote, now, palette = pane.row.quote, pane.ages.now, pane.palette
    at = quote.received_at
    rate = rate_text(pane.board.history.rate(quote.ticker, now.monotonic))
    items = [
        _labelled("Received ", pane.ages.received(quote), palette),
        _labelled("by exchange ", _by_exchange(pane), palette),
        _labelled("at ", Span(UNKNOWN if at is None else now.clock_at(at)), palette),
        (Span("Updates ", Role.DIM), Span(count_text(quote.updates)), Span(f", {rate:>4}/s", Role.DIM)),
        _latency(pane),
    ]
    return flowed((item for item in items if item), GAP, pane.width, palette)


def _by_exchange(pane: _Pane) -> Span:
    age = pane.ages.by_exchange(pane.row.quote)
    return age if age.text == UNKNOWN else age._replace(text=f"{age.text} {pane.ages.mark(age.role)}")


def _labelled(label: str, span: Span, palette: Palette) -> Line:
    return (Span(label, Role.DIM), span._replace(text=padded(span.text, AGE_WIDTH, palette, is_right=False)))


def _latency(pane: _Pane) -> Line:
    """Of all that the program receives; that of each connection stands beside its number."""
    totals = pane.market.totals
    if totals.latency_p50_ms is None or totals.latency_p99_ms is None:
        return ()
    p50, p99 = (delay_text(ms).rjust(DELAY_WIDTH) for ms in (totals.latency_p50_ms, totals.latency_p99_ms))
    return (Span("Latency of all ", Role.DIM), Span(f"p50 {p50}, p99 {p99}"))


def _minutes(pane: _Pane) -> list[Line]:
    """LAST and the rate of updates over the time that has room, which is named."""
    room = pane.width - LABEL_WIDTH - SPAN_WIDTH - 1
    points = min(POINTS, room - RANGE_WIDTH if room - RANGE_WIDTH >= LEAST_POINTS else room)
    if points <= 0:
        return []
    series = pane.board.history.series(pane.row.quote.ticker, pane.ages.now.monotonic)
    last, updates = series.last[-points:], series.updates[-points:-1]
    levels = pane.palette.glyphs.spark
    bars = sparkline([*updates, None], levels, base=0)  # the newest point is not over yet: it would always look low
    busiest = f"at most {rate_text(max(updates, default=0) / POINT_S)}/s"
    return [
        _spark("LAST", sparkline(last, levels), _range(pane, last), points, pane.width),
        _spark("Updates", bars, busiest, points, pane.width),
    ]


def _range(pane: _Pane, last: Sequence[float | None]) -> str:
    known = [value for value in last if value is not None]
    price = pane.row.quote.last
    if price is None or not known:
        return ""
    low, high = (number_text(Price(value, price.decimals)) for value in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def _spark(label: str, spark: str, words: str, points: int, width: int) -> Line:
    """The words only where they are whole: half a number is a wrong one."""
    span = f"{points * POINT_S:{SPAN_WIDTH}.0f}s"
    line = (Span(f"{label:<{LABEL_WIDTH}}", Role.DIM), Span(f"{spark:<{points}}", Role.SPARK), Span(span, Role.DIM))
    is_room = len(words) + len(GAP) <= width - LABEL_WIDTH - points - SPAN_WIDTH - 1
    return (*line, Span(GAP + words)) if is_room else line


# ---- below


def _body(pane: _Pane, limit: int) -> list[Line]:
    quote, ages, palette = pane.row.quote, pane.ages, pane.palette
    if pane.width >= WIDE:
        left = max(LEAST_LADDER_WIDTH, min(MOST_LADDER_WIDTH, pane.width * 2 // 5))
        gap = f" {palette.glyphs.separator} "
        right = pane.width - left - palette.columns(gap)
        ladder = ladder_lines(quote, limit, left, ages, palette)
        return _beside(ladder, field_lines(quote, limit, right, ages, palette), left, Span(gap, Role.DIM), palette)
    fields_room = limit // 3 if limit >= LEAST_FOR_FIELDS else 0
    lines = ladder_lines(quote, limit - fields_room, pane.width, ages, palette)
    return lines + field_lines(quote, limit - len(lines), pane.width, ages, palette)


def _beside(left: Sequence[Line], right: Sequence[Line], width: int, gap: Span, palette: Palette) -> list[Line]:
    """Two columns, the left one `width` wide."""
    lines: list[Line] = []
    for n in range(max(len(left), len(right))):
        line = fitted(left[n] if n < len(left) else BLANK, width, palette)
        blanks = Span(" " * (width - columns(line, palette)))
        lines.append((*line, blanks, gap, *(right[n] if n < len(right) else BLANK)))
    return lines
