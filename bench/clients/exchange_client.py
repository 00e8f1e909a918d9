"""The exchange's own client, moexalgo/beta/issplus.py, unmodified, with a task for each connection.

Called as asyncio_script is. Its subscriptions are queues of 256 messages, which are emptied as fast as it allows.
"""

import asyncio
import importlib.util
import json
import os
import signal
import sys
from types import ModuleType
from typing import Any

from bench.clients.plan import tickers_of


def issplus() -> ModuleType:
    """That one file: the root of its package needs more than is installed."""
    package = importlib.util.find_spec("moexalgo")
    assert package is not None
    assert package.submodule_search_locations is not None
    spec = importlib.util.spec_from_file_location("issplus", package.submodule_search_locations[0] + "/beta/issplus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def connection(client: ModuleType, url: str, tickers: list[str], streams: list[str], taken: list[int]) -> None:
    async with client.connect(url, client.Credentials("DEMO", "guest", "guest")) as iss:
        subscriptions: list[Any] = [
            await iss.subscribe(f"MXSE.{stream}", f'TICKER="MXSE.TQBR.{ticker}"')
            for ticker in tickers
            for stream in streams
        ]
        for subscription in subscriptions:
            subscription._queue = Counted(taken)
        await iss


class Counted:
    """In the place of the client's queue, which would drop what is not fetched every tenth of a second."""

    def __init__(self, taken: list[int]) -> None:
        self._taken = taken

    def append(self, content: Any) -> None:
        self._taken[0] += 1


async def main(url: str, connections: int, per_connection: int, streams: list[str]) -> None:
    client, taken, stopped = issplus(), [0], asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    reading = asyncio.gather(
        *(connection(client, url, tickers_of(n, per_connection), streams, taken) for n in range(connections))
    )
    await stopped.wait()
    print(json.dumps({"messages": taken[0]}), flush=True)
    reading.cancel()
    os._exit(0)  # its goodbye would take ten seconds


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(",")))
