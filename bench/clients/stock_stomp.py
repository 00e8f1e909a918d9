"""stomp.py as it comes: a `WSStompConnection` in a thread for each connection, `json` for the bodies.

Called as asyncio_script is.
"""

import json
import os
import signal
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("STOMP_SKIP_HOSTNAME_SCAN", "1")

import stomp

from bench.clients.plan import tickers_of


class Listener(stomp.ConnectionListener):  # type: ignore[misc]
    """Keeps what the asyncio script keeps."""

    def __init__(self) -> None:
        self.greeted = threading.Event()
        self.messages = 0
        self.quotes: dict[str, dict[str, Any]] = {}

    def on_connected(self, frame: Any) -> None:
        self.greeted.set()

    def on_message(self, frame: Any) -> None:
        content = json.loads(frame.body)
        quote = self.quotes.setdefault(frame.headers["subscription"].partition("-")[2], {})
        if frame.headers["destination"].endswith("orderbooks"):
            quote["bid"] = max(row[1][0] for row in content["data"] if row[0] == "B")
            quote["ask"] = min(row[1][0] for row in content["data"] if row[0] == "S")
        else:
            quote.update(zip(content["columns"], content["data"][0], strict=True))
        self.messages += 1


def connect(url: str, tickers: list[str], streams: list[str]) -> Listener:
    parts = urlsplit(url)
    connection = stomp.WSStompConnection(
        [(parts.hostname, parts.port)], ws_path=parts.path, header={"Sec-WebSocket-Protocol": "STOMP"}
    )
    listener = Listener()
    connection.set_listener("", listener)
    connection.transport.start()
    connection.send_frame("CONNECT", {"domain": "DEMO", "login": "guest", "passcode": "guest"})
    listener.greeted.wait(30)
    for number, (ticker, stream) in enumerate((t, s) for t in tickers for s in streams):
        identity = f"{number}-{ticker}"
        headers = {"receipt": identity, "selector": f'TICKER="MXSE.TQBR.{ticker}"'}
        connection.send_frame("SUBSCRIBE", {"id": identity, "destination": f"MXSE.{stream}", **headers})
    return listener


def main(url: str, connections: int, per_connection: int, streams: list[str]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    listeners = [connect(url, tickers_of(n, per_connection), streams) for n in range(connections)]
    signal.sigwait({signal.SIGTERM})
    print(json.dumps({"messages": sum(listener.messages for listener in listeners)}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(","))
