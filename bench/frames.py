"""What the sender sends: frames that are built once, each with a place for the time."""

import json
import struct
from typing import Any

LEVELS = 10
TICKERS = 259
TIMESTAMP = b"%013d"
PLACEHOLDER = TIMESTAMP % 0


def websocket_frame(payload: bytes, opcode: int = 2) -> bytes:
    """Unmasked and whole, as a server sends it."""
    if len(payload) < 126:
        return bytes([0x80 | opcode, len(payload)]) + payload
    if len(payload) < 2**16:
        return bytes([0x80 | opcode, 126]) + struct.pack("!H", len(payload)) + payload
    return bytes([0x80 | opcode, 127]) + struct.pack("!Q", len(payload)) + payload


def stomp_frame(command: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    return websocket_frame(f"{command}\n{lines}\n".encode() + body + b"\0")


def instruments_page() -> bytes:
    """The answer to the question for the list of instruments."""
    rows = [[f"BNCH{n:03d}"] for n in range(TICKERS)]
    body = json.dumps({"securities": {"columns": ["SECID"], "data": rows}}).encode()
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Subscription:
    """The frames of one subscription: several different ones, each with a place for the time."""

    VARIANTS = 4

    def __init__(self, identity: str, destination: str, ticker: str) -> None:
        self.is_book = destination.endswith("orderbooks")
        build = self._book if self.is_book else self._update
        self._frames = [self._frame(identity, destination, build(ticker, n)) for n in range(self.VARIANTS)]
        self._turn = 0

    def next_frame(self, now_ms: int) -> bytes:
        """The next message, stamped with the time in milliseconds."""
        frame = self._frames[self._turn]
        self._turn = (self._turn + 1) % self.VARIANTS
        return frame.replace(PLACEHOLDER, TIMESTAMP % now_ms, 1)

    @staticmethod
    def _frame(identity: str, destination: str, content: dict[str, Any]) -> bytes:
        properties = {"type": content.pop("type"), "seqnum": 1, "timestamp": "@"}
        body = json.dumps({"properties": properties, **content}, separators=(",", ":")).encode()
        body = body.replace(b'"@"', PLACEHOLDER)
        headers = {"destination": destination, "subscription": identity, "message-id": "1"}
        return stomp_frame("MESSAGE", headers, body)

    @staticmethod
    def _book(ticker: str, variant: int) -> dict[str, Any]:
        base = 100 + sum(ticker.encode()) % 300 + variant / 100
        rows = [["B", [round(base - n / 100, 2), 2], 10 + n, None] for n in range(LEVELS, 0, -1)]
        rows += [["S", [round(base + n / 100, 2), 2], 20 + n, None] for n in range(LEVELS)]
        return {"type": "snapshot", "columns": ["BUYSELL", "PRICE", "QUANTITY", "REPOVALUE"], "data": rows}

    @staticmethod
    def _update(ticker: str, variant: int) -> dict[str, Any]:
        base = 100 + sum(ticker.encode()) % 300
        row = [ticker, [base + variant / 100, 2], [1000 + variant, 0], 10 + variant, "10:00:00"]
        return {"type": "updates", "columns": ["TICKER", "LAST", "VOLTODAY", "NUMTRADES", "TIME"], "data": [row]}
