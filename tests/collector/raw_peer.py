"""A server of one connection that says, byte for byte, what a test has it say."""

import base64
import contextlib
import hashlib
import re
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

LIMIT_S = 20.0
KEY = re.compile(rb"Sec-WebSocket-Key: (\S+)\r\n")
ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Answer = Callable[[bytes], bytes]
"""From the head of the HTTP request to the bytes that are sent back."""


def accept_key(request: bytes) -> bytes:
    """The Sec-WebSocket-Accept that belongs to a request (RFC 6455, 4.2.2)."""
    match = KEY.search(request)
    assert match is not None, request
    return base64.b64encode(hashlib.sha1(match[1] + ACCEPT_SUFFIX).digest())


def upgraded(request: bytes, *, subprotocol: bytes = b"Sec-WebSocket-Protocol: STOMP\r\n") -> bytes:
    """A right answer to the upgrade."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(request) + b"\r\n" + subprotocol + b"\r\n"
    )


class RawPeer:
    """Listens on 127.0.0.1; a thread accepts one connection, reads the request's head and sends `answer(head)`.

    After that the connection belongs to the test, see `connection`, unless `ends`: then it is closed. With `tls` the
    bytes go through TLS.
    """

    def __init__(self, answer: Answer = upgraded, *, tls: ssl.SSLContext | None = None, ends: bool = False) -> None:
        self.request = b""
        self._ends = ends
        self._answer = answer
        self._tls = tls
        self._accepted: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LIMIT_S)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="raw-peer", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._thread.is_alive():
            _shut(self._listener)
            if self._accepted is not None:
                _shut(self._accepted)
            self._thread.join(0.05)
        if self._accepted is not None:
            self._accepted.close()
        self._listener.close()

    @property
    def url(self) -> str:
        return f"{'ws' if self._tls is None else 'wss'}://localhost:{self.port}/infocx/v3/websocket"

    @property
    def connection(self) -> socket.socket:
        """The accepted connection, once the handshake is over."""
        self._thread.join(LIMIT_S)
        assert self._accepted is not None, "nobody came"
        return self._accepted

    def _serve(self) -> None:
        try:
            self._accepted, _ = self._listener.accept()
            self._accepted.settimeout(LIMIT_S)
            if self._tls is not None:
                self._accepted = self._tls.wrap_socket(self._accepted, server_side=True)
            while b"\r\n\r\n" not in self.request:
                chunk = self._accepted.recv(65_536)
                if not chunk:
                    return
                self.request += chunk
            self._accepted.sendall(self._answer(self.request))
            if self._ends:
                self._accepted.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client gave up, or the test ended


def _shut(sock: socket.socket) -> None:
    """End what another thread waits for on this socket."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
