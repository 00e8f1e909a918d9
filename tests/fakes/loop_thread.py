"""An asyncio event loop in a daemon thread, for fakes that live beside a test."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

Result = TypeVar("Result")

LIMIT_S = 5.0


class LoopThread:
    """Runs from construction until `close`. May be used by any thread but its own."""

    def __init__(self, name: str) -> None:
        self._is_running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name=name, daemon=True)
        self._thread.start()
        self._is_running.wait(LIMIT_S)

    def call(self, coroutine: Coroutine[object, object, Result], within_s: float = 10.0) -> Result:
        """Run a coroutine on the loop and wait for its result. Raises what it raises, or TimeoutError."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(within_s)

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """Await `last` on the loop, then end it: every task is cancelled. At most 5 s; harmless when repeated."""
        if self._thread.is_alive():
            self._last = last
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(LIMIT_S)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._is_running.set()
        await self._stop.wait()
        await self._last()
