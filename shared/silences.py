"""How long each ticker was silent while it traded. Pure; times are receipt times, monotonic seconds."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.quotes import Quote


class Silence(NamedTuple):
    """A time without any message of one ticker; `until` is when it ended, or when it was asked for if it lasts."""

    ticker: str
    duration_s: float
    until: float


class _Ticker:
    """When it was heard last, and its longest silence so far."""

    __slots__ = ("heard_at", "longest_s", "until")

    def __init__(self, heard_at: float) -> None:
        self.heard_at = self.until = heard_at
        self.longest_s = 0.0


class Silences:
    """The longest silence of each ticker since its first message. Part of the hub's hot path.

    A silence counts by what the instrument did while it lasted, so that neither a night nor a break is one.
    """

    def __init__(self) -> None:
        self._tickers: dict[str, _Ticker] = {}
        self._is_paused = False

    def heard(self, quote: Quote, at: float) -> None:
        """A message came at `at`; `quote` is as it was before. One that came earlier than the last changes nothing."""
        ticker = self._tickers.get(quote.ticker)
        if ticker is None:
            self._tickers[quote.ticker] = _Ticker(at)
            return
        silence_s = at - ticker.heard_at
        if silence_s > ticker.longest_s and not self._is_paused and not quote.is_silence_expected:
            ticker.longest_s, ticker.until = silence_s, at
        if silence_s > 0:
            ticker.heard_at = at

    def pause(self, quotes: Mapping[str, Quote], now: float) -> None:
        """The exchange closes: what lasts ends here, and nothing counts until `resume`."""
        for quote in quotes.values():
            if quote.ticker in self._tickers:
                self.heard(quote, now)
        self._is_paused = True

    def resume(self, now: float) -> None:
        """The exchange opens: every silence begins anew."""
        self._is_paused = False
        for ticker in self._tickers.values():
            ticker.heard_at = max(ticker.heard_at, now)

    def longest(self, quotes: Mapping[str, Quote], now: float, most: int) -> list[Silence]:
        """The longest of all tickers, the one that lasts still included, at most one a ticker, longest first."""
        found = [
            self._longest_of(quote, self._tickers[name], now) for name, quote in quotes.items() if name in self._tickers
        ]
        found = [silence for silence in found if silence.duration_s > 0]
        return sorted(found, key=lambda silence: (-silence.duration_s, silence.ticker))[:most]

    def _longest_of(self, quote: Quote, ticker: _Ticker, now: float) -> Silence:
        lasting_s = now - ticker.heard_at
        if lasting_s > ticker.longest_s and not self._is_paused and not quote.is_silence_expected:
            return Silence(quote.ticker, lasting_s, now)
        return Silence(quote.ticker, ticker.longest_s, ticker.until)
