"""How long what one connection brings was on its way, by the exchange's own time and this machine's clock. Pure."""

from shared.market import LONGEST_DELAY_MS
from shared.quotes import Quote

SHARE_OF_NEWS = 0.125
"""What one more sample weighs in the smoothed delay."""

REST_S = 0.1
"""Between two samples: more of them would tell no more, and cost time at each read."""


class Delay:
    """The smoothed delay of one connection since it was opened. Part of the hot path: at most one sample a read.

    `due_at` is when the next sample is wanted, on the monotonic clock; there is no need to call `sample` before.
    """

    def __init__(self) -> None:
        self.smoothed_ms: float | None = None
        self.due_at = 0.0
        self._known_ms: dict[str, float] = {}

    def sample(self, change: Quote, now: float, now_ms: float) -> None:
        """Measure by one of the changes of a read; `now` is monotonic, `now_ms` the wall clock, in ms since 1970.

        Only news count: the first that is heard of a ticker, and any snapshot of its columns, may tell of long ago.
        """
        sent_ms = change.exchange_ms
        if sent_ms is None:
            return
        known_ms = self._known_ms.get(change.ticker)
        if known_ms is not None and sent_ms <= known_ms:
            return
        delay_ms = now_ms - sent_ms
        if abs(delay_ms) >= LONGEST_DELAY_MS:
            return
        self._known_ms[change.ticker] = sent_ms
        if known_ms is None or change.is_full:
            return
        self.due_at = now + REST_S
        if self.smoothed_ms is None:
            self.smoothed_ms = delay_ms
        else:
            self.smoothed_ms += SHARE_OF_NEWS * (delay_ms - self.smoothed_ms)
