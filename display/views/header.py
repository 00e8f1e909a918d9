"""The top of the screen: what this is, whether it is real, and the figures of the whole program. Pure."""

from datetime import datetime

from display.now import Now, age_text, uptime_text
from display.views.ages import UNKNOWN
from display.views.numbers import DELAY_WIDTH, delay_text
from display.views.palette import Palette, Role
from display.views.text import Line, Span, columns, fitted, flowed, shortened
from shared.market import Market
from shared.printable import printable
from shared.session import SessionState
from shared.wire import Totals

NAME = "  MOEX Real-time Monitor"
SHORT_NAME = "  MOEX Monitor"
SIMULATED = "SIMULATED EXCHANGE"
GUEST = "guest login: data delayed by 15 minutes"
DELAYED = "DELAYED 15m"
GAP = 2
RATE_WIDTH = len("99999.9 msg/s")
"""What goes up and down keeps its width, so that nothing beside it moves; what only grows moves seldom enough."""

AGE_WIDTH = 5
LATE_S = 2.0
"""A queue as old as this is worth a look: the workers or the hub are short of processor time."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_SESSION_ROLES = {
    SessionState.OPEN: Role.GOOD,
    SessionState.AUCTION: Role.WARNING,
    SessionState.BREAK: Role.QUIET,
    SessionState.CLOSED: Role.QUIET,
}
_BY_CALENDAR = {SessionState.OPEN: True, SessionState.CLOSED: False}


def title(totals: Totals, width: int, palette: Palette) -> Line:
    """One line. A simulated exchange and data that come late are called so at every width: the title gives way."""
    late = (Span(DELAYED, Role.WARNING),) if totals.is_delayed else ()
    mark = (Span(SIMULATED, Role.SIMULATED),) if totals.is_simulated else late
    room = width - columns(mark, palette) - GAP if mark else width
    name = _longest_title(totals, room)
    if not mark or not name:
        return (*mark, Span(name, Role.TITLE))
    return (Span(name, Role.TITLE), Span(" " * (room + GAP - len(name))), *mark)


def figures(market: Market, session: SessionState, now: Now, width: int, palette: Palette) -> list[Line]:
    """The figures, on as many lines as they need, the most important ones first."""
    totals = market.totals
    items: list[Line] = [
        (Span("Connections: "), Span(f"{market.online}/{totals.connections}", _online_role(market))),
        (Span(f"Updates: {totals.counters.updates}"),),
        (Span(f"Tickers: {len(market.quotes)}/{totals.tickers_planned}"),),
        (Span(f"With Prices: {market.with_prices}"),),
        (Span(f"Rate: {_rate(totals.rate_now)}"),),
        (Span(f"Uptime: {uptime_text(now.age_s(totals.started_at))}"),),
        *_session(market.totals, session, now),
        *([(Span(GUEST, Role.WARNING),)] if totals.is_delayed else []),
        _subscriptions(market),
        _latency(totals),
        _queue_age(totals),
        *_mishaps(totals),
        (Span(f"Average: {_rate(market.rate_average(now.monotonic))}"),),
        *_instruments(totals, width, palette),
    ]
    return [fitted(line, width, palette) for line in flowed(items, " | ", width, palette)]


def _longest_title(totals: Totals, room: int) -> str:
    connections, each = totals.connections, totals.tickers_per_connection
    tickers = f"{NAME} - {connections * each} Tickers"
    for text in (f"{tickers} ({connections} Connections x {each} Each)", tickers, NAME, SHORT_NAME):
        if len(text) <= room:
            return text
    return SHORT_NAME[: max(0, room)].rstrip()


def _online_role(market: Market) -> Role:
    if market.online >= market.totals.connections:
        return Role.GOOD
    return Role.WARNING if market.online else Role.TROUBLE


def _rate(rate: float) -> str:
    return f"{rate:.1f} msg/s".ljust(RATE_WIDTH)


def _session(totals: Totals, state: SessionState, now: Now) -> list[Line]:
    """What the exchange does, and until when where the calendar tells and agrees; nothing while that is unknown."""
    if state is SessionState.UNKNOWN:
        return []
    changes_at, until = totals.session_changes_at, ""
    is_agreed = totals.is_exchange_open is not None and _BY_CALENDAR.get(state) is totals.is_exchange_open
    if is_agreed and changes_at is not None and changes_at > now.wall.timestamp():
        until = f" until {_moment(datetime.fromtimestamp(changes_at), now)}"
    return [(Span("Session: "), Span(f"{state.value}{until}", _SESSION_ROLES[state]))]


def _moment(at: datetime, now: Now) -> str:
    """Local time; with the day where that is not today."""
    days = (at.date() - now.wall.date()).days
    if days == 0:
        return f"{at:%H:%M}"
    return f"{WEEKDAYS[at.weekday()]} {at:%H:%M}" if days < len(WEEKDAYS) else f"{at:%Y-%m-%d %H:%M}"


def _subscriptions(market: Market) -> Line:
    confirmed = Span(f"Subscriptions: {market.confirmed}/{market.totals.subscriptions_planned}")
    return (confirmed, Span(f", {market.refused} refused", Role.WARNING)) if market.refused else (confirmed,)


def _latency(totals: Totals) -> Line:
    """From the exchange's own time to the hub."""
    p50, p99 = (
        (UNKNOWN if delay_ms is None else delay_text(delay_ms)).rjust(DELAY_WIDTH)
        for delay_ms in (totals.latency_p50_ms, totals.latency_p99_ms)
    )
    return (Span(f"Latency: p50 {p50}, p99 {p99}"),)


def _queue_age(totals: Totals) -> Line:
    age_s = totals.queue_age_s
    text = (UNKNOWN if age_s is None else age_text(age_s)).rjust(AGE_WIDTH)
    return (Span("Queue age: "), Span(text, Role.WARNING if age_s is not None and age_s > LATE_S else Role.PLAIN))


def _mishaps(totals: Totals) -> list[Line]:
    """What is not worth a place until it has happened."""
    counts = {"Reconnects": totals.counters.reconnects, "Worker restarts": totals.worker_restarts}
    return [(Span(f"{name}: "), Span(str(count), Role.WARNING)) for name, count in counts.items() if count]


def _instruments(totals: Totals, width: int, palette: Palette) -> list[Line]:
    if not totals.instruments_source:
        return []
    return [(Span(shortened(f"Instruments: {printable(totals.instruments_source)}", width, palette)),)]
