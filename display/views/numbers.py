"""Numbers with a comma between thousands, for where one of them is read and not a column of them compared. Pure."""

from shared.quotes import Price, price_of

LONGEST_NUMBER = 22
LONGEST_CELL = 200


def number_text(price: Price) -> str:
    """With the instrument's own decimals; what no instrument has is told in short."""
    text = f"{price.value:z,.{price.decimals}f}"
    return text if len(text) <= LONGEST_NUMBER else f"{price.value:.6g}"


def count_text(count: int) -> str:
    return f"{count:,}"


def cell_text(cell: object) -> str | None:
    """A cell of the securities stream: its number or its text. None for null, and for what the stream never sends."""
    price = price_of(cell)
    if price is not None:
        return number_text(price)
    return cell[:LONGEST_CELL] if isinstance(cell, str) else None
