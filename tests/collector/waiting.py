"""Waiting for a condition, generously: a machine may be slow, a test is not to be flaky."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT_S = 20.0


def wait_until(condition: Callable[[], bool], within_s: float = LIMIT_S) -> None:
    """Returns as soon as `condition` holds. Raises TimeoutError."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within_s:g} s")
        time.sleep(0.005)


@contextmanager
def nothing_left_over() -> Iterator[None]:
    """The block ends with as many threads and file descriptors of this process as there were before it."""
    threads, descriptors = set(threading.enumerate()), _open_descriptors()
    yield
    wait_until(lambda: set(threading.enumerate()) <= threads)
    wait_until(lambda: _open_descriptors() <= descriptors)


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
