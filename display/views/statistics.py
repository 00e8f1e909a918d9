"""What the program says of itself when it has ended, on the normal screen. Pure."""

from display.now import Now, age_text, uptime_text
from display.views.header import SIMULATED
from display.views.numbers import delay_text
from shared.market import Market
from shared.wire import Totals

TICKERS_NAMED = 5


def final_statistics(market: Market, now: Now) -> list[str]:
    """Plain lines. Connections count as they were when the program was asked to stop, if `market` was left at that."""
    totals, counters = market.totals, market.totals.counters
    runtime_s = now.age_s(totals.started_at)
    figures = {
        "Runtime": f"{runtime_s:.1f} s" + (f" ({uptime_text(runtime_s)})" if runtime_s >= 3600 else ""),
        "Messages": str(counters.messages),
        "Updates": str(counters.updates),
        "Average rate": f"{market.rate_average(now.monotonic):.1f} msg/s",
        "Unique tickers": f"{len(market.quotes)} seen of {totals.tickers_planned} planned",
        "With prices": str(market.with_prices),
        "Connections": f"{market.online} of {totals.connections} online at the end",
        "Reconnects": str(counters.reconnects),
        "Worker restarts": str(totals.worker_restarts),
        "Decode errors": str(counters.decode_errors) if counters.decode_errors else "",
        "Latency": _latency(totals),
        "Busiest tickers": _busiest(market),
        "Longest silences": _silences(market, now),
    }
    heading = "Final statistics" + (f" - {SIMULATED}" if totals.is_simulated else "")
    return [heading, *(f"  {name + ':':<18}{figure}" for name, figure in figures.items() if figure)]


def _latency(totals: Totals) -> str:
    """Exchange to hub; empty while it is unknown."""
    if totals.latency_p50_ms is None or totals.latency_p99_ms is None:
        return ""
    return f"p50 {delay_text(totals.latency_p50_ms)}, p99 {delay_text(totals.latency_p99_ms)}"


def _busiest(market: Market) -> str:
    quotes = sorted(market.quotes.values(), key=lambda quote: (-quote.updates, quote.ticker))[:TICKERS_NAMED]
    return ", ".join(f"{quote.ticker} {quote.updates}" for quote in quotes if quote.updates)


def _silences(market: Market, now: Now) -> str:
    """How long; only while the instrument could trade."""
    silences = market.longest_silences(now.monotonic, TICKERS_NAMED)
    return ", ".join(f"{one.ticker} {age_text(one.duration_s)}" for one in silences)
