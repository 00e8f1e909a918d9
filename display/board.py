"""Board: which rows the person sees and in which order. Pure: the market and the time are arguments."""

from typing import NamedTuple

from shared.market import Market
from shared.quotes import Quote
from shared.settings import DisplaySettings


class Row(NamedTuple):
    """One line of the table; `is_active` when the quote changed since the refresh before."""

    quote: Quote
    is_active: bool


class Board:
    """What the person has chosen to see of a market. Used by one thread.

    `advanced_at` is the monotonic time of the newest picture, None before the first. `is_quitting` says that the person
    has asked for the end.
    """

    def __init__(self, settings: DisplaySettings) -> None:
        self.settings = settings
        self.advanced_at: float | None = None
        self.is_quitting = False
        self._rows: list[Row] = []
        self._updates: dict[str, int] = {}

    def advance(self, market: Market, at: float) -> None:
        """Take over what changed since the last call, once for each picture of the hub; `at` is monotonic.

        Most updates first, equals by ticker. The counts only grow, so that places are swapped ever more seldom.
        """
        self.advanced_at = at
        before = self._updates
        order = sorted(market.quotes.values(), key=lambda quote: (-quote.updates, quote.ticker))
        self._rows = [Row(quote, before.get(quote.ticker) != quote.updates) for quote in order]
        self._updates = {quote.ticker: quote.updates for quote in order}

    def top(self, limit: int) -> list[Row]:
        """The first rows, at most `limit` and at most as many as the settings allow."""
        return self._rows[: max(0, min(limit, self.settings.rows))]
