"""The usual way: one asyncio script on `websockets`, a task for each connection, `json` for the bodies.

    python -m bench.clients.asyncio_script URL CONNECTIONS TICKERS_PER_CONNECTION STREAM[,STREAM]

Ends on SIGTERM and prints how many messages it consumed.
"""

import asyncio
import json
import signal
import sys
from typing import Any

import websockets
from websockets.typing import Subprotocol

from bench.clients.plan import tickers_of


class Script:
    """Keeps the best bid and ask of each ticker, and the columns of the securities stream."""

    def __init__(self) -> None:
        self.messages = 0
        self.quotes: dict[str, dict[str, Any]] = {}

    async def connection(self, url: str, tickers: list[str], streams: list[str]) -> None:
        async with websockets.connect(url, subprotocols=[Subprotocol("STOMP")], compression=None) as socket:
            await socket.send(b"CONNECT\ndomain:DEMO\nlogin:guest\npasscode:guest\n\n\0")
            await socket.recv()
            for number, (ticker, stream) in enumerate((t, s) for t in tickers for s in streams):
                identity = f"{number}-{ticker}"
                head = f"SUBSCRIBE\nid:{identity}\nreceipt:{identity}\ndestination:MXSE.{stream}\n"
                await socket.send(f'{head}selector:TICKER="MXSE.TQBR.{ticker}"\n\n\0'.encode())
            async for message in socket:
                assert isinstance(message, bytes)
                self.take(message)

    def take(self, message: bytes) -> None:
        head, _, body = message.partition(b"\n\n")
        command, *lines = head.decode().split("\n")
        if command != "MESSAGE":
            return
        headers = dict(line.split(":", 1) for line in lines)
        content = json.loads(body.rstrip(b"\0"))
        quote = self.quotes.setdefault(headers["subscription"].partition("-")[2], {})
        if headers["destination"].endswith("orderbooks"):
            quote["bid"] = max(row[1][0] for row in content["data"] if row[0] == "B")
            quote["ask"] = min(row[1][0] for row in content["data"] if row[0] == "S")
        else:
            quote.update(zip(content["columns"], content["data"][0], strict=True))
        self.messages += 1


async def main(url: str, connections: int, per_connection: int, streams: list[str]) -> None:
    script, stopped = Script(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    tasks = [
        asyncio.create_task(script.connection(url, tickers_of(n, per_connection), streams)) for n in range(connections)
    ]
    await stopped.wait()
    print(json.dumps({"messages": script.messages}), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(",")))
