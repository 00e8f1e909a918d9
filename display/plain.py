"""Status lines for logs and pipes. Pure."""

from display.now import Now
from display.troubles import NO_ROUTE, TRY_DEMO, has_no_route, refused_tickers, troubles
from shared.market import Market

TROUBLES_NAMED = 3


def status_line(market: Market, now: Now) -> str:
    """All that matters in one line without control characters."""
    totals = market.totals
    parts = [
        f"{market.online}/{totals.connections} online",
        f"{market.confirmed}/{totals.subscriptions_planned} subscribed",
        f"{len(market.quotes)}/{totals.tickers_planned} tickers, {market.with_prices} with prices",
        f"{totals.rate_now:.1f} msg/s",
        f"{totals.counters.messages} messages",
        f"{now.age_s(totals.started_at):.0f} s",
        *_what_is_wrong(market, now),
    ]
    if totals.is_simulated:
        parts.append("SIMULATED EXCHANGE")
    elif totals.is_delayed:
        parts.append("guest login, 15 minutes delayed")
    return " | ".join(parts)


def hinting_status_line(market: Market, now: Now) -> str:
    """The same for whoever has just started it, and may like to know of the demo."""
    line = status_line(market, now)
    return f"{line} | {TRY_DEMO}" if has_no_route(market, now.monotonic) else line


def _what_is_wrong(market: Market, now: Now) -> list[str]:
    parts: list[str] = []
    if refused := refused_tickers(market.connections.values()):
        parts.append(f"refused tickers: {len(refused)}")
    if market.totals.worker_restarts:
        parts.append(f"worker restarts: {market.totals.worker_restarts}")
    found = [str(trouble) for trouble in troubles(market.connections.values(), now.monotonic)]
    if found:
        unnamed = [f"and {len(found) - TROUBLES_NAMED} more"] if len(found) > TROUBLES_NAMED else []
        parts.append("trouble: " + "; ".join(found[:TROUBLES_NAMED] + unnamed))
    if has_no_route(market, now.monotonic):
        parts.append(NO_ROUTE)
    return parts
