"""Drains the workers' queues into the Market, and feeds whoever watches it.

One thread for each worker incarnation and one for each watcher: each may be stuck with its peer for ever (a worker that
was killed while it wrote, a terminal that does not read) and is left behind then; the others never wait for it.
"""

import logging
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from threading import Condition, Thread
from typing import TypeVar

from shared.market import Market
from shared.wire import Event, QuoteBatch, Request, WorkerReport, decode_request, decode_upward, encode

PICTURE_INTERVAL_S = 1.0
FINISH_LIMIT_S = 0.5
REQUEST_LIMIT = 1000
"""Bytes: what is longer is no request."""

_T = TypeVar("_T")

log = logging.getLogger(__name__)


class Drain:
    """Reads the queue of one worker incarnation in a thread of its own, until the worker's end of it is closed."""

    def __init__(self, worker: int, queue: "Queue[bytes]", take: Callable[["Drain", bytes], None]) -> None:
        self.worker = worker
        self.is_abandoned = False
        self._queue = queue
        self._take = take
        self._thread = Thread(target=self._run, name=f"drain-{worker + 1}", daemon=True)
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        try:
            return not self._queue.empty()
        except (OSError, ValueError):
            return False  # it is closed

    def finish(self, timeout_s: float) -> None:
        """The worker is gone: wait until what it left behind is read, and give up on what is not by then."""
        self._thread.join(timeout_s)
        self.is_abandoned = True

    def _run(self) -> None:
        while not self.is_abandoned:
            try:
                self._take(self, self._queue.get())
            except (EOFError, OSError):
                break
            except Exception:
                log.exception("worker %d sent what cannot be used", self.worker + 1)
        self._queue.close()


class Hub:
    """Owner of the program's Market. Every method may be called by any thread; none blocks for long."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._changed = Condition()
        self._drains: dict[int, Drain] = {}
        self._reported_at = market.totals.reported_at

    # ---- workers

    def add_worker(self, worker: int, queue: "Queue[bytes]") -> None:
        """Start to read the queue of a new incarnation of `worker`."""
        with self._changed:
            self._reported_at.pop(worker, None)
        self._drains[worker] = Drain(worker, queue, self._take)

    def finish_worker(self, worker: int, within_s: float = FINISH_LIMIT_S) -> None:
        """The process of `worker` has ended: take what it left in its queue. Blocks for `within_s` at most."""
        if (drain := self._drains.pop(worker, None)) is not None:
            drain.finish(within_s)

    def reported_at(self, worker: int) -> float | None:
        """When the present incarnation of `worker` last reported (monotonic); None before its first report."""
        return self._reported_at.get(worker)

    def is_behind(self, worker: int) -> bool:
        """Whether `worker` has sent what is not yet read: then its silence is ours."""
        drain = self._drains.get(worker)
        return drain is not None and drain.is_behind

    def _take(self, drain: Drain, data: bytes) -> None:
        message = decode_upward(data)
        with self._changed:
            if drain.is_abandoned:
                return
            match message:
                case QuoteBatch():
                    self._market.apply(message, time.time() * 1000, time.monotonic())
                case WorkerReport():
                    self._market.report(message)
                    self._reported_at[drain.worker] = time.monotonic()
            self._changed.notify_all()

    # ---- the program itself

    def update(self, change: Callable[[Market], _T]) -> _T:
        """Change the market under its lock, and return what `change` says of it, which must return at once."""
        with self._changed:
            said = change(self._market)
            self._changed.notify_all()
            return said

    def read(self, look: Callable[[Market], _T]) -> _T:
        """What `look` makes of the market under its lock; it must return soon, and keep nothing that may change."""
        with self._changed:
            return look(self._market)

    def tell(self, source: str, text: str) -> None:
        """An event for the screen and the summary; the log is the caller's affair."""
        self.update(lambda market: market.tell(Event(time.time(), source, text)))

    # ---- watchers

    def add_watcher(self, connection: Connection, on_quit: Callable[[], object]) -> None:
        """Feed pictures to whoever is at the other end, until it closes. `on_quit` is called when it says QUIT."""
        Thread(target=self._watch, args=(connection, on_quit), name="watcher", daemon=True).start()

    def _watch(self, connection: Connection, on_quit: Callable[[], object]) -> None:
        try:
            self.feed(connection, on_quit)
        except Exception:
            log.exception("a watcher cannot be fed")
        finally:
            connection.close()

    def feed(self, connection: Connection, on_quit: Callable[[], object], interval_s: float = 0.0) -> None:
        """One picture for each NEXT: a watcher that is slow gets fewer, and nothing is kept for it meanwhile.

        The one method that blocks for as long as the watcher stays; `interval_s` lies between two pictures at least.
        Raises msgspec.DecodeError when it says something else.
        """
        revision, next_at = -1, 0.0
        try:
            while True:
                request = decode_request(connection.recv_bytes(REQUEST_LIMIT))
                if request is Request.QUIT:
                    on_quit()
                    continue
                if (early_s := next_at - time.monotonic()) > 0:
                    time.sleep(early_s)
                next_at = time.monotonic() + interval_s
                revision, data = self._picture_after(revision)
                connection.send_bytes(data)
                del data  # it may be long until the next one is asked for
        except (EOFError, OSError):
            pass  # it closed, or was killed

    def _picture_after(self, revision: int) -> tuple[int, bytes]:
        """The picture of what changed since `revision`: at once when something did, else after a second at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._market.revision > revision, PICTURE_INTERVAL_S)
            self._market.sample(time.monotonic())
            return self._market.revision, encode(self._market.packed_picture(revision))
