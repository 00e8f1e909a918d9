"""One TCP connection of the tests' gateway: a REST request, or a WebSocket that carries STOMP."""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from tests.fakes.dialogue import Dialogue
from tests.fakes.ledger import ConnectionSeen
from tests.fakes.pages import rest_page
from tests.fakes.wire import packed, websocket

if TYPE_CHECKING:
    from tests.fakes.exchange import Exchange

GATEWAY_PATH = "/infocx/v3/websocket"
SUBPROTOCOL = Subprotocol("STOMP")
UNREAD_LIMIT_BYTES = 16 * 1024 * 1024


class Endpoint(asyncio.Protocol):
    """The server's end of one connection. `number` and `seen` mean something once it is a WebSocket."""

    def __init__(self, exchange: "Exchange") -> None:
        self.number = -1
        self.seen = ConnectionSeen()
        self.is_frozen = False
        self.dialogue = Dialogue(exchange, self)
        self._exchange = exchange
        self._websocket = ServerProtocol(subprotocols=[SUBPROTOCOL])
        self._frames: list[bytes] = []
        self._message = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._exchange.arrived(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not isinstance(exc, OSError):
            self.violation(f"the gateway itself failed: {exc!r}")
        if isinstance(self._websocket.parser_exc, ProtocolError | PayloadTooBig):
            self.violation(str(self._websocket.parser_exc))
        self._exchange.left(self)

    def data_received(self, data: bytes) -> None:
        self._websocket.receive_data(data)
        self._take_events()

    def eof_received(self) -> None:
        self._websocket.receive_eof()
        self._take_events()

    @property
    def is_websocket(self) -> bool:
        return self.number >= 0

    @property
    def is_listening(self) -> bool:
        """Whether what is sent now can arrive."""
        return not self.is_frozen and self._websocket.state is State.OPEN and not self._transport.is_closing()

    @property
    def unread_bytes(self) -> int:
        """Bytes that the peer's socket did not take yet."""
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def violation(self, text: str) -> None:
        self._exchange.violation(f"connection {self.number}: {text}" if self.is_websocket else text)

    def queue(self, frame: bytes) -> None:
        """Keep a STOMP frame until `flush`."""
        if not self._frames:
            self._exchange.unflushed.append(self)
        self._frames.append(frame)

    def flush(self) -> None:
        """Write all queued frames out, at once."""
        frames, self._frames = self._frames, []
        if self.is_frozen or not frames:
            return
        if self._exchange.behaviour.packing == "plain":
            self.write(b"".join(map(websocket, frames)))
        else:
            self.write(packed(frames, self._exchange.random))

    def write(self, data: bytes) -> None:
        """Write bytes as they are, unless the connection is going."""
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT_BYTES:
            self._exchange.ledger.slow_peers += 1
            self.abort()

    def freeze(self) -> None:
        """Neither read nor write any more; the kernel goes on acknowledging."""
        self.is_frozen = True
        self._transport.pause_reading()

    def thaw(self) -> None:
        self.is_frozen = False
        self._transport.resume_reading()

    def close(self) -> None:
        """The WebSocket closing handshake, after all that is queued."""
        self.flush()
        if self._websocket.state is State.OPEN:
            self._websocket.send_close(CloseCode.GOING_AWAY)
        self._write_replies()

    def close_frame_only(self) -> None:
        """A CLOSE frame, then nothing: TCP stays open."""
        self.flush()
        self.write(websocket(struct.pack("!H", CloseCode.GOING_AWAY), Opcode.CLOSE))
        self.freeze()

    def abort(self) -> None:
        """Cut TCP by RST; what the peer did not take yet is lost."""
        peer: socket.socket = self._transport.get_extra_info("socket")
        if not self._transport.is_closing():
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _take_events(self) -> None:
        for event in self._websocket.events_received():
            if isinstance(event, Request):
                self._answer_request(event)
            elif isinstance(event, Frame):
                self._take_frame(event)
        self._exchange.flush()
        self._write_replies()

    def _write_replies(self) -> None:
        """Write what the WebSocket itself has to say: handshake, pongs, CLOSE."""
        for data in self._websocket.data_to_send():
            if self.is_frozen or self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PING:
            self.seen.pings += 1
            self._exchange.ledger.pings += 1
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._message += bytes(frame.data)
            if frame.fin:
                message, self._message = self._message, b""
                self.dialogue.read(message)

    def _answer_request(self, request: Request) -> None:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            self._answer_rest(request)
        elif self._exchange.behaviour.upgrade == "hold":
            self._exchange.ledger.held_back += 1
        elif self._exchange.behaviour.upgrade == "refuse":
            self._websocket.send_response(self._websocket.reject(503, "Service Unavailable\n"))
        elif request.path != GATEWAY_PATH:
            self.violation(f"a WebSocket under the path {request.path!r}")
            self._websocket.send_response(self._websocket.reject(404, "Not Found\n"))
        else:
            self._upgrade(request)

    def _upgrade(self, request: Request) -> None:
        if (offered := request.headers.get_all("Sec-WebSocket-Protocol")) != [SUBPROTOCOL]:
            self.violation(f"the subprotocols {offered} instead of {SUBPROTOCOL}")
        if extensions := request.headers.get("Sec-WebSocket-Extensions"):
            self.violation(f"the extension {extensions!r} is offered")
        response = self._websocket.accept(request)
        self._websocket.send_response(response)
        self._write_replies()
        if self._websocket.state is State.OPEN:
            self._exchange.upgraded(self)

    def _answer_rest(self, request: Request) -> None:
        self._exchange.ledger.rest_requests += 1
        if self._exchange.behaviour.rest == "hold":
            self._exchange.ledger.held_back += 1
            return
        page = rest_page(request.path, self._exchange.shares.values())
        if self._exchange.behaviour.rest == "error":
            response = self._websocket.reject(503, "Service Unavailable\n")
        elif page is None:
            response = self._websocket.reject(404, "Not Found\n")
        else:
            response = self._websocket.reject(200, page.decode())
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "application/json; charset=utf-8"
        self._websocket.send_response(response)
