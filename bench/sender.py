"""An exchange that does nothing but send: prebuilt frames, as fast as the sockets take them or at a steady pace.

Not an exchange to look at (that is simulator/): it greets, confirms subscriptions, and waits for one JSON command a
line on standard input, answered by one JSON line:

    {"do": "wait", "subscriptions": 1500}       {"seconds": ...}     once all are confirmed, since the first connection
    {"do": "blast", "messages": 200000}         {"seconds": ...}     until every client has read all of it
    {"do": "pace", "rate": 2000, "seconds": 10} {"messages": ..., "seconds": ...}

That a client has read everything is told by its pong to a ping that follows the last message.
"""

import base64
import hashlib
import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.frames import Subscription, instruments_page, stomp_frame, websocket_frame

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer:
    """One client connection: its handshake, its subscriptions, and what is still to be written to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.subscriptions: list[Subscription] = []
        self.pongs = 0
        self.is_open = True
        self._is_upgraded = False
        self._received = bytearray()
        self._unsent = bytearray()

    def take(self) -> None:
        """Read what came and answer it."""
        try:
            data = self.sock.recv(2**16)
        except OSError:
            data = b""
        self.is_open = bool(data)
        self._received += data
        if not self._is_upgraded:
            self._upgrade()
        else:
            for opcode, payload in self._frames():
                self._answer(opcode, payload)

    def write(self, data: bytes) -> None:
        """Send, or keep what the socket does not take."""
        self._unsent += data
        self.flush()

    def flush(self) -> bool:
        """Whether everything is written."""
        while self._unsent:
            try:
                del self._unsent[: self.sock.send(self._unsent)]
            except BlockingIOError:
                return False
            except OSError:
                self.is_open = False
                self._unsent.clear()
        return True

    def _upgrade(self) -> None:
        head, separator, rest = bytes(self._received).partition(b"\r\n\r\n")
        if not separator:
            return
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if head.startswith(b"GET /iss/"):
            self.write(instruments_page())
            return
        key = next(value for name, value in lines.items() if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: STOMP\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._is_upgraded = True
        self._received = bytearray(rest)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """The client's frames, unmasked; they are short."""
        data = self._received
        while len(data) >= 6:
            length, start = data[1] & 0x7F, 2
            if length == 126:
                length, start = int.from_bytes(data[2:4], "big"), 4
            end = start + 4 + length
            if len(data) < end:
                return
            mask = data[start : start + 4]
            yield data[0] & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(data[start + 4 : end]))
            del data[:end]

    def _answer(self, opcode: int, payload: bytes) -> None:
        if opcode == 0xA:
            self.pongs += 1
        elif opcode == 0x9:
            self.write(websocket_frame(payload, 0xA))
        elif opcode == 0x8:
            self.write(websocket_frame(payload, 0x8))
        else:
            for frame in payload.split(b"\0"):
                self._obey(frame.decode().strip("\n"))

    def _obey(self, frame: str) -> None:
        if not frame:
            return
        command, *lines = frame.split("\n")
        headers = dict(line.split(":", 1) for line in lines if line)
        if command in ("CONNECT", "STOMP"):
            self.write(stomp_frame("CONNECTED", {"version": "1.2"}, b'{"version": {}, "structure": {}}'))
        elif command == "SUBSCRIBE":
            self.write(stomp_frame("RECEIPT", {"receipt-id": headers.get("receipt", headers["id"])}))
            ticker = headers["selector"].partition('"')[2].partition('"')[0]
            self.subscriptions.append(Subscription(headers["id"], headers["destination"], ticker))
        elif command == "DISCONNECT" and "receipt" in headers:
            self.write(stomp_frame("RECEIPT", {"receipt-id": headers["receipt"]}))


class Sender:
    """All peers, served by one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._peers: list[Peer] = []
        self._first_at: float | None = None
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        """Obey commands until standard input ends."""
        commands = b""
        while True:
            if not self._serve(1.0):
                continue
            chunk = os.read(sys.stdin.fileno(), 4096)
            if not chunk:
                return
            *lines, commands = (commands + chunk).split(b"\n")
            for line in lines:
                print(json.dumps(self._obey(json.loads(line))), flush=True)

    def _obey(self, command: dict[str, Any]) -> dict[str, Any]:
        match command["do"]:
            case "wait":
                return self._wait(command["subscriptions"])
            case "blast":
                return self._blast(command["messages"])
            case _:
                return self._pace(command["rate"], command["seconds"])

    def _serve(self, timeout_s: float) -> bool:
        """Accept and answer for one round; True when a command came."""
        has_command = False
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is self._listener:
                self._accept()
            elif key.data is None:
                has_command = True
            else:
                self._read(key.data)
        return has_command

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(sock)
        self._first_at = self._first_at or time.monotonic()
        self._peers.append(peer)
        self._selector.register(sock, selectors.EVENT_READ, peer)

    def _read(self, peer: Peer) -> None:
        peer.take()
        peer.flush()
        if not peer.is_open:
            self._selector.unregister(peer.sock)
            self._peers.remove(peer)

    def _wait(self, subscriptions: int) -> dict[str, Any]:
        while sum(len(peer.subscriptions) for peer in self._peers) < subscriptions:
            self._serve(0.05)
        return {"seconds": time.monotonic() - (self._first_at or 0.0), "time": time.time()}

    def _blast(self, messages: int) -> dict[str, Any]:
        shares = {peer: messages // len(self._peers) for peer in self._peers}
        shares[self._peers[0]] += messages % len(self._peers)
        streams = {peer: self._blocks(peer, share) for peer, share in shares.items()}
        began = time.monotonic()
        wanted = {peer: peer.pongs + 1 for peer in self._peers}
        while any(peer.pongs < wanted[peer] for peer in wanted):
            busy = False
            for peer, blocks in streams.items():
                if peer.flush() and (block := next(blocks, None)) is not None:
                    peer.write(block)
                    busy = True
            self._serve(0 if busy else 0.001)
        return {"messages": messages, "seconds": time.monotonic() - began}

    @staticmethod
    def _blocks(peer: Peer, messages: int) -> Iterator[bytes]:
        """Large pieces, most of them prepared once and sent again, and a ping at the end."""
        now_ms = int(time.time() * 1000)
        turns = len(peer.subscriptions) * Subscription.VARIANTS
        frames = [peer.subscriptions[n % len(peer.subscriptions)].next_frame(now_ms) for n in range(turns)]
        block = b"".join(frames)
        whole, rest = divmod(messages, turns)
        for _ in range(whole):
            yield block
        yield b"".join(frames[:rest]) + websocket_frame(b"end", 0x9)

    def _pace(self, rate: float, seconds: float) -> dict[str, Any]:
        order = [(peer, subscription) for peer in self._peers for subscription in peer.subscriptions]
        order = [order[(n * 7919) % len(order)] for n in range(len(order))]
        began, sent, whole = time.monotonic(), 0, round(rate * seconds)
        while sent < whole:
            due = min(whole, (time.monotonic() - began) * rate)
            now_ms = int(time.time() * 1000)
            while sent < due:
                peer, subscription = order[sent % len(order)]
                peer.write(subscription.next_frame(now_ms))
                sent += 1
            self._serve(0.001)
        return {"messages": sent, "seconds": time.monotonic() - began}


if __name__ == "__main__":
    sender = Sender()
    print(json.dumps({"port": sender.port}), flush=True)
    sender.run()
