"""What a worker has received and not yet passed on: one merged record a ticker, so it is bounded by the tickers."""

from collections.abc import Iterable
from threading import Lock

from shared.quotes import Quote


class Outbox:
    """Filled by the connection threads, emptied by the worker's main thread. No method blocks for long."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._records: dict[str, Quote] = {}

    def put(self, changes: Iterable[Quote]) -> None:
        """Merge what one read of a socket changed. Takes over the records."""
        with self._lock:
            for change in changes:
                record = self._records.get(change.ticker)
                if record is None:
                    self._records[change.ticker] = change
                else:
                    record.merge(change)

    def take(self) -> list[Quote]:
        """All records, once."""
        with self._lock:
            records, self._records = self._records, {}
        return list(records.values())
