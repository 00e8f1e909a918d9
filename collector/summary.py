"""The summary of a run as one JSON object, for scripts. Pure but for `write`."""

import os
import tempfile
from pathlib import Path

import msgspec

from shared.figures import figures, number
from shared.market import Market
from shared.quotes import Quote

SILENCES_NAMED = 20


def summary(market: Market, now: float) -> dict[str, object]:
    """The documented object. `now` is monotonic. Numbers are numbers, what is unknown is None."""
    return figures(market, now) | {
        "longest_silences": [
            {"ticker": silence.ticker, "duration_s": round(silence.duration_s, 3)}
            for silence in market.longest_silences(now, SILENCES_NAMED)
        ],
        "quotes": {ticker: _quote(quote, now) for ticker, quote in sorted(market.quotes.items())},
        "events": [{"time": event.time, "source": event.source, "text": event.text} for event in market.events],
    }


def _quote(quote: Quote, now: float) -> dict[str, object]:
    received_at = quote.received_at
    return {
        "bid": number(quote.bid),
        "ask": number(quote.ask),
        "last": number(quote.last),
        "volume": quote.volume,
        "updates": quote.updates,
        "age_s": None if received_at is None else round(now - received_at, 3),
    }


def write(path: Path, content: dict[str, object]) -> None:
    """Replace `path` at once, so that a reader finds the old file or the whole new one. Raises OSError.

    A pipe or a device, and a file in a folder that is not ours to write to, is written in place.
    """
    data = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    if path.exists() and not (path.is_file() and os.access(path.parent, os.W_OK)):
        path.write_bytes(data)
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
