"""What a worker has received and not yet passed on: one merged record a ticker, so it is bounded by the tickers."""

from collections.abc import Callable, Iterable
from threading import Lock

from shared.quotes import Quote


class Outbox:
    """Filled by the connection threads, emptied by the worker's main thread. No method blocks for long.

    `on_news` is called by the filling thread when the first record is put since the last were taken.
    """

    def __init__(self, on_news: Callable[[], object]) -> None:
        self._on_news = on_news
        self._lock = Lock()
        self._records: dict[str, Quote] = {}

    def put(self, changes: Iterable[Quote], *, is_news: bool = True) -> None:
        """Merge what one read of a socket changed. Takes over the records. Not news: the caller takes them itself."""
        with self._lock:
            was_empty = not self._records
            for change in changes:
                record = self._records.get(change.ticker)
                if record is None:
                    self._records[change.ticker] = change
                else:
                    record.merge(change)
            is_first = was_empty and bool(self._records)
        if is_first and is_news:
            self._on_news()

    def take(self) -> list[Quote]:
        """All records, once."""
        with self._lock:
            records, self._records = self._records, {}
        return list(records.values())
