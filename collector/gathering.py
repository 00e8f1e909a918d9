"""The connections of a worker that are online, read together by one thread: a wake-up serves all that came meanwhile.

A thread that wakes for one message pays for the switch, for its turn with the interpreter and for cold caches, each
several times what the message itself costs. What the flush interval hides anyway is better left in the sockets.
"""

import select
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from collector.framing import READ_SIZE

BUSY = -1
"""In place of a size: something is there, and it cannot be read before the next time."""


class Member(Protocol):
    def gather(self, descriptor: int) -> int | None:
        """Read once what is there and take it: the bytes, or BUSY; None when `descriptor` is not to be read any more.

        Called by the thread that gathers. Never blocks, never raises.
        """


class Gathering:
    """`join` may be called by any thread, the other methods by the one that gathers.

    `control` is a descriptor that ends every wait as soon as it is readable; `wake` makes it so. While data flow
    (`is_flowing`), they are read at each multiple of `interval_s`; what comes after a silence is read at once, and so
    is what a read had to leave behind (`is_behind`).
    """

    def __init__(
        self, control: int, wake: Callable[[], object], interval_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._control = control
        self._wake = wake
        self._interval_s = interval_s
        self._clock = clock
        self._members: dict[int, Member] = {}
        self._joining: deque[tuple[int, Member]] = deque()
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._unasked: set[int] = set()
        self.is_flowing = False
        self.is_behind = False

    def join(self, descriptor: int, member: Member) -> None:
        """Have `member` read from now on whenever its `descriptor` is readable, until it says None."""
        self._joining.append((descriptor, member))
        self._wake()

    def wait(self, timeout_s: float) -> bool:
        """Until there is something to read and it is time to, or `control` is readable, or `timeout_s` is over.

        True when `control` is readable.
        """
        if self.is_behind or not self.is_flowing:
            ready = self._poll.poll(0 if self.is_behind else timeout_s * 1000)
            return any(descriptor == self._control for descriptor, _ in ready)
        next_read_s = self._interval_s - self._clock() % self._interval_s
        return bool(select.select([self._control], [], [], min(timeout_s, next_read_s))[0])

    def read(self) -> None:
        """One read of each connection that has something to be read."""
        while self._joining:
            descriptor, member = self._joining.popleft()
            self._members[descriptor] = member
            self._poll.register(descriptor, select.POLLIN)
            self._unasked.add(descriptor)  # what its own thread has read may hold more, unseen by poll
        ready = {descriptor for descriptor, _ in self._poll.poll(0)} | self._unasked
        ready.discard(self._control)
        self._unasked.clear()
        sizes = [self._gather(descriptor) for descriptor in ready]
        self.is_flowing = any(sizes)
        self.is_behind = any(size >= READ_SIZE for size in sizes)

    def _gather(self, descriptor: int) -> int:
        size = self._members[descriptor].gather(descriptor)
        if size is None:
            del self._members[descriptor]
            self._poll.unregister(descriptor)
            return 0
        if size == BUSY or size >= READ_SIZE:
            self._unasked.add(descriptor)
        return size
