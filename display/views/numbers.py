"""Numbers as text: prices, counts, rates, percents, delays and sizes, for columns and for where one is read. Pure."""

from shared.quotes import Price, price_of

LONGEST_PRICE = 16
LONGEST_NUMBER = 22
LONGEST_CELL = 200
DELAY_WIDTH = 7
BYTES = ("B", "kB", "MB", "GB")


def price_text(price: Price) -> str:
    """With the instrument's own decimals; a value that no instrument has is shortened."""
    text = str(price)
    return text if len(text) <= LONGEST_PRICE else f"{price.value:.6g}"


def number_text(price: Price) -> str:
    """Like `price_text`, with a comma between thousands: for a number that is read, not compared in a column."""
    text = f"{price.value:z,.{price.decimals}f}"
    return text if len(text) <= LONGEST_NUMBER else f"{price.value:.6g}"


def count_text(count: int) -> str:
    """With a comma between thousands."""
    return f"{count:,}"


def short_count_text(count: int) -> str:
    """In at most four characters, up to ten thousand million."""
    for unit in ("", "k", "M"):
        if count < (10_000 if unit == "" else 1_000):
            return f"{count}{unit}"
        count //= 1_000
    return f"{count}G"


def rate_text(rate: float) -> str:
    """Of things a second, in at most four characters for all rates that there are."""
    return f"{rate:.1f}" if rate < 99.95 else short_count_text(round(rate))


def percent_text(percent: float) -> str:
    """With its sign; one that is 0 as far as it is shown has none."""
    if abs(percent) < 0.005:
        return "0.00%"
    return f"{percent:+.2f}%" if abs(percent) < 1000 else f"{percent:+.3g}%"


def delay_text(delay_ms: float) -> str:
    """In at most DELAY_WIDTH characters: `3.2 ms`, `812 ms`, `12 s`, `901 s`. A wrong clock makes it negative."""
    if abs(delay_ms) < 99.95:
        return f"{delay_ms:.1f} ms"
    return f"{delay_ms:.0f} ms" if abs(delay_ms) < 9_999.5 else f"{delay_ms / 1000:.0f} s"


def size_text(count: float) -> str:
    """Of so many bytes, to three digits."""
    for unit in BYTES[:-1]:
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.1f} {BYTES[-1]}"


def cell_text(cell: object) -> str | None:
    """A cell of the securities stream: its number or its text. None for null, and for what the stream never sends."""
    price = price_of(cell)
    if price is not None:
        return number_text(price)
    return cell[:LONGEST_CELL] if isinstance(cell, str) else None
