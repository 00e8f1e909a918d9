"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Look again and again until `condition` holds. Fails the test when it does not within `patience_s`."""
    give_up_at = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < give_up_at, "the condition never held"
        time.sleep(0.01)
