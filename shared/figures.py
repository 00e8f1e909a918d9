"""The figures of a run as JSON tells them, by the names that scripts rely on. Pure."""

from shared.market import Market
from shared.quotes import Price


def figures(market: Market, now: float) -> dict[str, object]:
    """All that concerns the whole program. `now` is monotonic. Numbers are numbers, what is unknown is None."""
    totals, counters = market.totals, market.totals.counters
    return {
        "runtime_s": round(now - totals.started_at, 3),
        "messages": counters.messages,
        "updates": counters.updates,
        "rate_msg_s": round(market.rate_average(now), 3),
        "connections": {"online": market.online, "total": totals.connections},
        "subscriptions": {
            "planned": totals.subscriptions_planned,
            "confirmed": market.confirmed,
            "refused": market.refused,
        },
        "tickers": {
            "planned": totals.tickers_planned,
            "seen": len(market.quotes),
            "with_prices": market.with_prices,
        },
        "reconnects": counters.reconnects,
        "worker_restarts": totals.worker_restarts,
        "simulated": totals.is_simulated,
        "latency_ms": {"p50": totals.latency_p50_ms, "p99": totals.latency_p99_ms},
        "decode_errors": counters.decode_errors,
        "conflated": counters.conflated,
        "bytes": counters.bytes,
        "instruments_source": totals.instruments_source,
    }


def number(price: Price | None) -> float | None:
    return None if price is None else price.value
