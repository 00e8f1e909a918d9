"""The connections one by one: what each is doing since when, what it has brought, and why it was lost. Pure."""

from display.board import Board
from display.now import Now, age_text
from display.views.ages import UNKNOWN
from display.views.grid import Cell, Column, grid
from display.views.numbers import delay_text, rate_text, size_text
from display.views.palette import Palette, Role
from display.views.strip import Condition, condition_of, glyph_of, next_try_s, role_of
from display.views.text import Line, Span, fitted, flowed, paragraph
from shared.market import Market
from shared.printable import printable
from shared.wire import ConnectionState, ConnectionStatus

NONE_YET = "No connection is planned yet."
LAYOUT = (
    Column("#", 2, 0),
    Column("State", 14, 0, is_right=False),
    Column("Since", 5, 1),
    Column("Worker", 6, 8),
    Column("Subs", 5, 3),
    Column("Messages", 9, 9),
    Column("Msg/s", 5, 4),
    Column("Reconn", 6, 7),
    Column("Errors", 6, 10),
    Column("Latency", 7, 6),
    Column("Heard", 5, 5),
    Column("Last reason", 12, 2, is_right=False, wanted=24),
)


def connections(market: Market, board: Board, limit: int, width: int, now: Now, palette: Palette) -> list[Line]:
    """At most `limit` lines: the totals where there is room, the heading, and the rows that were scrolled to."""
    statuses = [status for _, status in sorted(market.connections.items())]
    if not statuses:
        return paragraph(NONE_YET, Role.PLAIN, width, palette)[: max(0, limit)]
    rows = [_row(status, board, now, palette) for status in statuses]
    heading, *lines = grid("connections", LAYOUT, rows, width, board.widths, palette)
    above = [heading] if limit < 5 else [_totals(market, width, palette), heading]
    room = max(0, limit - len(above))
    first = board.scroll(room, len(lines))
    return [*above, *lines[first : first + room]][: max(0, limit)]


def _totals(market: Market, width: int, palette: Palette) -> Line:
    counters = market.totals.counters
    workers = len({status.worker for status in market.connections.values()})
    texts = [
        f"{market.online} of {market.totals.connections} online",
        f"{workers} workers" if workers > 1 else "1 worker",
        f"{market.confirmed}/{market.totals.subscriptions_planned} confirmed",
        f"{market.refused} refused" if market.refused else "",
        f"{counters.messages} messages",
        f"{size_text(counters.bytes)} received",
        f"{counters.reconnects} reconnects",
    ]
    items = [(Span(text, Role.DIM),) for text in texts if text]
    if counters.decode_errors:
        items.insert(1, (Span(f"{counters.decode_errors} decode errors", Role.WARNING),))  # where any width has room
    return fitted(flowed(items, " | ", width, palette)[0], width, palette)


def _row(status: ConnectionStatus, board: Board, now: Now, palette: Palette) -> list[Cell]:
    """In the order of LAYOUT. What is wrong is coloured as a whole; otherwise the state alone, and refused tickers."""
    told = board.as_of(now)
    state_role = role_of(status, told)
    role = state_role if state_role in (Role.WARNING, Role.TROUBLE) else Role.PLAIN
    latency = UNKNOWN if status.latency_ms is None else delay_text(status.latency_ms)
    heard = UNKNOWN if status.heard_at is None else age_text(now.age_s(status.heard_at))
    errors = status.total.decode_errors
    spans = [
        Span(str(status.number + 1), role),
        Span(_state(status, told, palette), state_role),
        Span(age_text(now.age_s(status.since)), role),
        Span(str(status.worker + 1), role),
        Span(f"{status.confirmed}/{status.planned}", Role.WARNING if status.refused else role),
        Span(str(status.total.messages), role),
        Span(rate_text(board.history.connection_rate(status.number, now.monotonic)), role),
        Span(str(status.total.reconnects), role),
        Span(str(errors), Role.WARNING if errors else role),
        Span(latency, role),
        Span(heard, role),
        Span(_reason(status), role),
    ]
    return [(span,) for span in spans]


def _state(status: ConnectionStatus, now: Now, palette: Palette) -> str:
    condition = condition_of(status, now)
    word = condition.value if condition is Condition.SILENT else status.state.value
    wait_s = next_try_s(status, now)
    return f"{glyph_of(condition, palette.glyphs)} {word}{'' if wait_s is None else f' {wait_s:.0f}s'}"


def _reason(status: ConnectionStatus) -> str:
    """Why it is where it is; of one that is online, why it was lost before, if ever."""
    if status.state is ConnectionState.ONLINE:
        return f"before: {printable(status.last_loss)}" if status.last_loss else ""
    return printable(status.reason)
