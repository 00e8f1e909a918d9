"""Many who look at once, as fast as they may or stopped in the middle of a picture, while the exchange is busy."""

import fcntl
import struct
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from multiprocessing.connection import wait

from display.service import ServiceFeed, reach
from shared.market import Market
from shared.wire import Request
from tests.drills.drill import Record, prices_in, sent_by
from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import Start
from tests.process.program import LIMIT_S, Program, wait_for
from tests.process.test_viewers import held, memory_mb

WHOLE_MARKET = ("--workers", "2", "--connections", "6", "--tickers-per-connection", "43", "--selection", "unique")
SUBSCRIPTIONS = 2 * 6 * 43
AT_ONCE = "[exchange]\nconnect_stagger_s = 0\nsubscribe_pause_s = 0\n"
RATE = 1000
FAST, STOPPED, LOST = 40, 10, 10
PICTURES = 10
ASKED_UNREAD = 100
"""Far more pictures than the system keeps for one that does not read."""

STUCK_AFTER_S = 1.0
"""Ten times as long as until the next picture would come."""

MB_A_VIEWER = 1.0
QUEUE_LIMIT_S = 5.0


class Crowd:
    """Viewers that take every picture and ask at once for another."""

    def __init__(self, feeds: Sequence[ServiceFeed]) -> None:
        self.feeds = list(feeds)
        self.pictures = dict.fromkeys(self.feeds, 0)
        self.longest_queue_s = 0.0

    def look(self, until: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + LIMIT_S
        while not until():
            assert time.monotonic() < end, f"not within {LIMIT_S} s: {what}"
            for feed in self.feeds:
                feed.ask()
            readable = set(wait([feed.fileno() for feed in self.feeds], 0.1))
            for feed in self.feeds:
                if feed.fileno() in readable:
                    self._take(feed)

    def _take(self, feed: ServiceFeed) -> None:
        if feed.receive():
            self.pictures[feed] += 1
            self.longest_queue_s = max(self.longest_queue_s, market_of(feed).totals.queue_age_s or 0.0)


def market_of(feed: ServiceFeed) -> Market:
    assert feed.market is not None
    return feed.market


def stop_in_mid_picture(feeds: Sequence[ServiceFeed]) -> Callable[[], bool]:
    """They ask, and read nothing. Returns what tells whether all are stuck."""
    for feed in feeds:
        for _ in range(ASKED_UNREAD):
            feed._send(Request.NEXT)
    sizes, since = [0], time.monotonic()

    def are_stuck() -> bool:
        nonlocal sizes, since
        before, sizes = sizes, [unread_bytes(feed) for feed in feeds]
        since = since if sizes == before else time.monotonic()
        return time.monotonic() - since > STUCK_AFTER_S

    return are_stuck


def unread_bytes(feed: ServiceFeed) -> int:
    size: int = struct.unpack("i", fcntl.ioctl(feed.fileno(), termios.FIONREAD, bytes(4)))[0]
    return size


def messages_seen(feed: ServiceFeed) -> int:
    return 0 if feed.market is None else feed.market.totals.counters.messages


def under_load(program: Program, gateway: GatewayProcess) -> None:
    gateway.wait_until(lambda ledger: ledger.subscriptions == SUBSCRIPTIONS, LIMIT_S)
    program.wait_for_log("starting -> running", 2)
    gateway.start(RATE)
    gateway.wait_until(lambda ledger: ledger.frames_sent > RATE)


def test_sixty_viewers_of_a_busy_program_see_the_truth_cost_it_little_and_leave_nothing_behind(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...], record_property: Record
) -> None:
    """Of those that stop in the middle of a picture, half read again once the feed is quiet, and half never do."""
    program = start(*at, *WHOLE_MARKET, config=AT_ONCE)
    under_load(program, gateway)
    before, memory_before = held(program.pid), memory_mb(program.pid)
    with ExitStack() as stack:
        path = program.socket_file
        feeds = [stack.enter_context(closing(reach([path], is_brief=False))) for _ in range(FAST + STOPPED + LOST)]
        fast, slow = Crowd(feeds[:FAST]), feeds[FAST:]
        are_stuck = stop_in_mid_picture(slow)
        fast.look(lambda: are_stuck() and min(fast.pictures.values()) >= PICTURES, "pictures for all who read")
        assert held(program.pid)[0] == before[0] + len(feeds)
        more_mb = memory_mb(program.pid) - memory_before
        sent = gateway.quiet()

        looking = Crowd(feeds[: FAST + STOPPED])
        looking.look(lambda: all(messages_seen(feed) == sent.frames_sent for feed in looking.feeds), "the last message")
        assert all(prices_in(market_of(feed)) == sent_by(sent) for feed in looking.feeds)
    wait_for(lambda: held(program.pid) == before, "nothing is left")
    record_property("more memory, MB", more_mb)
    record_property("longest queue, s", fast.longest_queue_s)
    assert more_mb < MB_A_VIEWER * len(feeds)
    assert fast.longest_queue_s < QUEUE_LIMIT_S
    assert program.stop() == 0
    summary = program.summary()
    assert (summary["messages"], summary["worker_restarts"]) == (sent.frames_sent, 0)
    assert "viewer" not in program.log
