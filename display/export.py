"""A market as text for pipes and scripts: a table, JSON, CSV, and one line of JSON for each quote. Pure.

Numbers are numbers, without the digits that a price is padded with; what is unknown is null, or nothing in CSV, or N/A
in the table. Each quote says whether it is simulated, so that no line is ever taken for a real price.
"""

import csv
import io
from collections.abc import Sequence

import msgspec

from display.now import Now, age_text
from display.plain import status_line
from shared.figures import figures, number
from shared.market import Market
from shared.printable import printable
from shared.quotes import Phase, Quote
from shared.session import session_of
from shared.wire import ConnectionStatus, Totals

UNKNOWN = "N/A"
GAP = "  "
HEADINGS = ("Ticker", "BID", "ASK", "LAST", "Chg %", "Volume", "Upd", "Last Update", "Age", "Phase")
LEFT = ("Ticker", "Phase")


def as_table(market: Market, now: Now) -> str:
    """The status line and every ticker, in columns, without a limit of width or height."""
    rows = [HEADINGS, *(_cells(quote, now) for quote in _sorted(market))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(f"{line}\n" for line in [status_line(market, now), "", *(_joined(row, widths) for row in rows)])


def as_json(market: Market, now: Now) -> str:
    """One object: `totals`, `connections`, and `quotes` by ticker."""
    content = {
        "totals": _totals(market, now),
        "connections": [_connection(market.connections[number], now) for number in sorted(market.connections)],
        "quotes": {printable(quote.ticker): _quote(quote, market.totals, now) for quote in _sorted(market)},
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def as_csv(market: Market, now: Now) -> str:
    """A heading, and a line for each ticker. Prices have the decimals that the exchange sent."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(_quote(Quote(""), market.totals, now))
    for quote in _sorted(market):
        said = _quote(quote, market.totals, now)
        exact = {"bid": quote.bid, "ask": quote.ask, "last": quote.last}
        writer.writerow([_field(exact.get(name, value)) for name, value in said.items()])
    return output.getvalue()


def as_line(quote: Quote, totals: Totals, now: Now) -> str:
    """One object without line ends in it, and the line's end."""
    return msgspec.json.encode(_quote(quote, totals, now)).decode() + "\n"


def _sorted(market: Market) -> list[Quote]:
    return [market.quotes[ticker] for ticker in sorted(market.quotes)]


def _quote(quote: Quote, totals: Totals, now: Now) -> dict[str, object]:
    """`time` is when the newest message came, seconds since 1970; `age_s` how long ago that is."""
    at, percent = quote.received_at, quote.change_percent
    age_s = None if at is None else now.age_s(at)
    return {
        "ticker": printable(quote.ticker),
        "time": None if age_s is None else round(now.wall.timestamp() - age_s, 3),
        "bid": number(quote.bid),
        "ask": number(quote.ask),
        "last": number(quote.last),
        "change_percent": None if percent is None else round(percent, 4),
        "volume": quote.volume,
        "updates": quote.updates,
        "age_s": None if age_s is None else round(age_s, 3),
        "phase": None if quote.phase is Phase.UNKNOWN else quote.phase.value,
        "simulated": totals.is_simulated,
    }


def _totals(market: Market, now: Now) -> dict[str, object]:
    """Those of the summary of a run, and what is true of this moment alone."""
    totals = market.totals
    return figures(market, now.monotonic) | {
        "time": round(now.wall.timestamp(), 3),
        "delayed": totals.is_delayed,
        "session": session_of(market).value,
        "gateway": printable(totals.gateway),
        "instruments_source": printable(totals.instruments_source),
        "rate_now_msg_s": round(totals.rate_now, 3),
        "queue_age_s": totals.queue_age_s,
    }


def _connection(status: ConnectionStatus, now: Now) -> dict[str, object]:
    """Connections and workers count from 1, as everywhere where a person reads of them."""
    return {
        "connection": status.number + 1,
        "worker": status.worker + 1,
        "state": status.state.value,
        "reason": printable(status.reason),
        "since_s": round(now.age_s(status.since), 3),
        "retry_in_s": None if status.retry_at is None else round(max(0.0, status.retry_at - now.monotonic), 3),
        "heard_s": None if status.heard_at is None else round(now.age_s(status.heard_at), 3),
        "planned": status.planned,
        "confirmed": status.confirmed,
        "refused": status.refused,
        "messages": status.total.messages,
        "updates": status.total.updates,
        "reconnects": status.total.reconnects,
        "latency_ms": None if status.latency_ms is None else round(status.latency_ms, 3),
        "last_loss": printable(status.last_loss),
    }


def _field(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _cells(quote: Quote, now: Now) -> tuple[str, ...]:
    at, percent, volume = quote.received_at, quote.change_percent, quote.volume
    return (
        printable(quote.ticker),
        *(UNKNOWN if price is None else str(price) for price in (quote.bid, quote.ask, quote.last)),
        UNKNOWN if percent is None else f"{percent:+.2f}",
        UNKNOWN if volume is None else str(volume),
        str(quote.updates),
        *((UNKNOWN, UNKNOWN) if at is None else (now.clock_at(at), age_text(now.age_s(at)))),
        quote.phase.value,
    )


def _joined(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if heading in LEFT else cell.rjust(width)
        for heading, cell, width in zip(HEADINGS, row, widths, strict=True)
    ]
    return GAP.join(cells).rstrip()
