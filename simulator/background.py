"""The built-in exchange in a thread of its own, for tests and drills in the same process."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

from shared.settings import SimulatorSettings
from simulator.faults import Faults
from simulator.server import BuiltInExchange, gateway_url, iss_url, listen

_PATIENCE_S = 10.0

Answer = TypeVar("Answer")


class RunningExchange:
    """A running built-in exchange as another thread sees it. `faults` may be changed at any moment."""

    def __init__(self, url: str, iss_url: str, exchange: BuiltInExchange, loop: asyncio.AbstractEventLoop) -> None:
        self.url, self.iss_url = url, iss_url
        self.faults = exchange.faults
        self._exchange, self._loop = exchange, loop

    @property
    def messages_sent(self) -> int:
        """MESSAGE frames given to clients so far, first snapshots included."""
        return self.ask(lambda exchange: exchange.messages_sent)

    @property
    def connections(self) -> int:
        return self.ask(lambda exchange: exchange.connections)

    @property
    def subscriptions(self) -> int:
        return self.ask(lambda exchange: exchange.subscriptions)

    def cut(self, number: int | None = None) -> int:
        """Cut that many connections, drawn at random, or all (None); how many there were."""
        return self.ask(lambda exchange: exchange.cut(number))

    def ask(self, question: Callable[[BuiltInExchange], Answer]) -> Answer:
        """Call `question` on the exchange's own thread, where alone its state may be read; waits for the answer."""

        async def answer() -> Answer:
            return question(self._exchange)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(_PATIENCE_S)


@contextmanager
def running_exchange(
    settings: SimulatorSettings | None = None, faults: Faults | None = None
) -> Iterator[RunningExchange]:
    """An exchange on a free port of 127.0.0.1 for the time of the `with` block, which waits for its end."""
    listener = listen(0)
    exchange = BuiltInExchange(SimulatorSettings() if settings is None else settings, faults)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    running = RunningExchange(gateway_url(listener), iss_url(listener), exchange, loop)
    thread = threading.Thread(target=_run, args=(loop, exchange.run(listener, stop)), name="exchange", daemon=True)
    thread.start()
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_PATIENCE_S)


def _run(loop: asyncio.AbstractEventLoop, serving: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(serving)
