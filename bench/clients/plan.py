"""Which tickers a yardstick subscribes to."""

TICKERS = 259


def tickers_of(connection: int, count: int) -> list[str]:
    """Different ones within a connection, as the program draws them."""
    return [f"BNCH{(connection * 7 + k) % TICKERS:03d}" for k in range(count)]
