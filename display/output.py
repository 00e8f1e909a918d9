"""Standard output of a program that prints for pipes: it may be slow or closed, and signals have to be heard."""

import os
import select
import sys

from display.signals import Recorder

STANDARD_OUTPUT = 1
CHUNK = select.PIPE_BUF
"""Bytes: so many can be written without waiting, once a pipe takes any."""


class Output:
    """Text out, as fast as it is read. `is_over` once nobody reads it, or a signal was recorded. Used by one thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._descriptor = STANDARD_OUTPUT
        self._encoding = "utf-8" if sys.stdout is None else sys.stdout.encoding
        self.is_over = sys.stdout is None

    def write(self, text: str) -> None:
        """Blocks until it is written, or it is over. Does nothing then. Raises OSError when a disk does not take it."""
        data = memoryview(text.encode(self._encoding, "replace"))
        while data and self._is_ready():
            try:
                data = data[os.write(self._descriptor, data[:CHUNK]) :]
            except BrokenPipeError:
                self.is_over = True

    def wait(self, source: int, timeout_s: float) -> bool:
        """Whether `source` became readable in time; the end of whoever reads is noticed meanwhile."""
        return self._poll({source: select.POLLIN, self._descriptor: 0}, timeout_s).get(source, False)

    def _is_ready(self) -> bool:
        while not self.is_over:
            if self._poll({self._descriptor: select.POLLOUT}, None).get(self._descriptor):
                return True
        return False

    def _poll(self, wanted: dict[int, int], timeout_s: float | None) -> dict[int, bool]:
        """Which of these are ready for what is wanted of them."""
        poll = select.poll()
        poll.register(self._recorder.fileno(), select.POLLIN)
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        found = dict(poll.poll(None if timeout_s is None else max(0, round(timeout_s * 1000))))
        is_closed = found.get(self._descriptor, 0) & (select.POLLERR | select.POLLHUP | select.POLLNVAL)
        self.is_over = self.is_over or bool(is_closed) or bool(self._recorder.take())
        return {descriptor: bool(found.get(descriptor)) for descriptor in wanted}
