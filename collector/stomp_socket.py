"""One attempt at one connection to the gateway: STOMP by stomp.py over a WebSocket by websocket-client.

The only module that imports them; their exceptions leave it as ConnectionFailed. A StompSocket is used by one thread at
a time, which blocks in `open`, `read` and the sending methods, each for a bounded time; only `abort` may be called
meanwhile.
"""

import os
import select
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import NamedTuple

os.environ.setdefault("STOMP_SKIP_HOSTNAME_SCAN", "1")  # its import would ask the resolver, for 20 s if that is silent

import stomp.exception
import stomp.transport
import stomp.utils
import websocket
import websocket._handshake

from collector.dialing import dial
from collector.framing import FRAME_LIMIT, LARGE_READ_SIZE, READ_SIZE, Messages, ReceiveBuffer, StompSplitter
from collector.reading import read_now
from shared.errors import ConnectionFailed, ProtocolError
from shared.printable import printable
from shared.timing import Deadline

SUBPROTOCOL = "STOMP"
SEND_TIMEOUT_S = 5.0
LONGEST_CONTROL_FRAME = 125
"""Bytes (RFC 6455, 5.5): whoever answers a longer ping breaks the protocol as well, and may have to send megabytes."""

DISCONNECT_RECEIPT = "disconnect"


class _NoCookies:
    """For websocket-client's jar: one for the process, unbounded, shared by all threads without a lock."""

    def add(self, set_cookie: str | None) -> None:
        pass

    def get(self, host: str | None) -> str:
        return ""


websocket._handshake.CookieJar = _NoCookies()  # type: ignore[assignment]


class ServerFrame(NamedTuple):
    """A STOMP frame other than a plain MESSAGE: CONNECTED, RECEIPT, ERROR, REPLY, CLOSED, or something unknown."""

    command: str
    headers: Mapping[str, str]
    body: bytes


class Arrival(NamedTuple):
    """What one read brought, in bytes (`size`, 0 is nothing at all) and sorted.

    `pings` hold what is to be sent back by `pong`. Pongs and heart-beats show in `size` alone.
    """

    messages: Messages
    frames: list[ServerFrame]
    size: int
    pings: Sequence[bytes] = ()


class StompSocket(stomp.transport.BaseTransport):  # type: ignore[misc]
    """See the module. `wakeup` is a file descriptor that ends a waiting `read` as soon as it is readable."""

    def __init__(self, wakeup: int) -> None:
        super().__init__(auto_decode=False)
        self._wakeup = wakeup
        self._is_aborted = False
        self._raw: socket.socket | None = None
        self._websocket: websocket.WebSocket | None = None
        self._poll = select.poll()
        self._buffer = ReceiveBuffer()
        self._read_size = READ_SIZE
        self._splitter = StompSplitter()
        self._fragments = websocket.continuous_frame(False, True)
        self._frames: list[ServerFrame] = []
        self._pings: list[bytes] = []
        self._end_reason: str | None = None  # not the exception: its traceback leads back here, a cycle of garbage

    # ---- opening

    def open(self, url: str, timeout_s: float) -> None:
        """Connect, TLS, upgrade: one attempt. Raises ConnectionFailed.

        Each system call on a socket is bounded by `timeout_s`, the whole only by `abort`, for a server can drip bytes
        for ever; the name server is not even bounded by that.
        """
        connection = websocket.WebSocket(
            skip_utf8_validation=True  # a TEXT frame would be checked in pure Python, 30 times as slow
        )
        try:
            self._connect(connection, url, Deadline(timeout_s))
        except (OSError, ValueError, websocket.WebSocketException) as error:
            self.close()
            raise ConnectionFailed(_reason(error)) from error
        connection.settimeout(SEND_TIMEOUT_S)
        self._websocket = connection
        self._raw = raw = connection.sock
        self.running = True
        assert raw is not None
        self._poll.register(raw, select.POLLIN)
        self._poll.register(self._wakeup, select.POLLIN)

    def _connect(self, connection: websocket.WebSocket, url: str, deadline: Deadline) -> None:
        connection.connect(  # type: ignore[no-untyped-call]
            url,
            timeout=max(0.1, deadline.remaining()),
            subprotocols=[SUBPROTOCOL],
            suppress_origin=True,
            redirect_limit=0,  # a redirect may lead to any host, and the password would go along
            socket=dial(url, deadline, self._hold),
        )

    def _hold(self, sock: socket.socket) -> None:
        """`abort` may have come when there was no socket yet, or the one before."""
        self._raw = sock
        if self._is_aborted:
            raise OSError("given up")

    # ---- sending

    def send_frame(self, command: str, headers: Mapping[str, str]) -> None:
        """Send a STOMP frame without a body. Raises ConnectionFailed."""
        self.transmit(stomp.utils.Frame(command, dict(headers)))

    def send(self, encoded_frame: bytes) -> None:
        """Called by stomp.py with the encoded frame."""
        self._call("send_binary", encoded_frame)

    def ping(self) -> None:
        """Ask for a sign of life. Raises ConnectionFailed."""
        self._call("ping")

    def pong(self, content: bytes) -> None:
        """Answer a ping. Raises ConnectionFailed."""
        self._call("pong", content)

    def _call(self, method: str, *arguments: object) -> None:
        if self._websocket is None:
            raise ConnectionFailed("the socket is closed")
        try:
            getattr(self._websocket, method)(*arguments)
        except (OSError, websocket.WebSocketException) as error:
            raise ConnectionFailed(f"sending failed: {_reason(error)}") from error

    # ---- reading

    def fileno(self) -> int:
        """What to wait for; -1 when it is closed."""
        return -1 if self._raw is None else self._raw.fileno()

    @property
    def has_ended(self) -> bool:
        """Whether the next `read` raises, though nothing else may come."""
        return self._end_reason is not None

    def read(self, timeout_s: float) -> Arrival:
        """Wait up to `timeout_s` for bytes, read what is there at once, and split it.

        Returns early and empty, once, when the wakeup descriptor is readable. Raises ConnectionFailed when the peer
        closed, the network broke, or no further frame can be found in what came; what was read before the end is
        delivered first, and the next call raises.
        """
        if self._end_reason is not None:
            raise ConnectionFailed(self._end_reason)
        size = self._receive() if self._is_readable(timeout_s) else 0
        messages: Messages = {}
        self._frames, self._pings = [], []
        try:
            if size:
                self._split(messages)
        except ConnectionFailed as end:
            if not messages and not self._frames:
                raise
            self._end_reason = str(end)
        return Arrival(messages, self._frames, size, self._pings)

    def _split(self, messages: Messages) -> None:
        """Messages the fast way, and whatever lies between them the libraries' way."""
        while True:
            if self._splitter.is_between_frames and not self._fragments.recving_frames:
                self._buffer.take_messages(messages)
            if (frame := self._buffer.take_frame()) is None:
                return
            self._take_rare(frame, messages)

    def _is_readable(self, timeout_s: float) -> bool:
        sock = self._raw
        if sock is None:
            raise ConnectionFailed("the socket is closed")
        if isinstance(sock, ssl.SSLSocket):
            if sock.pending():
                return True
        elif timeout_s == 0:
            return True  # reading a plain socket never waits
        ready = [fd for fd, _ in self._poll.poll(timeout_s * 1000)]
        if self._wakeup in ready:
            self._poll.unregister(self._wakeup)  # it stays readable: once is enough to be told
            ready.remove(self._wakeup)
        return bool(ready)

    def _receive(self) -> int:
        """What is there now, without waiting for more: the size, 0 when it is not enough to be read."""
        assert self._raw is not None
        try:
            chunk = read_now(self._raw, self._read_size)
        except OSError as error:
            raise ConnectionFailed(_reason(error)) from error
        if chunk is None:
            return 0  # readable, but not yet a whole TLS record
        if not chunk:
            raise ConnectionFailed("the gateway closed the connection")
        self._buffer.add(chunk)
        self._read_size = LARGE_READ_SIZE if len(chunk) >= READ_SIZE else READ_SIZE
        return len(chunk)

    def _take_rare(self, raw: bytes, messages: Messages) -> None:
        """Control frames, fragments and whatever is wrong: parsed and judged by websocket-client.

        A large read full of them would hold up its thread for seconds.
        """
        self._read_size = READ_SIZE
        source = memoryview(raw)
        position = 0

        def receive(size: int) -> bytes:
            nonlocal position
            chunk = bytes(source[position : position + size])
            position += size
            return chunk

        try:
            frame = websocket.frame_buffer(receive, True).recv_frame()
            self._obey(frame, messages)
        except websocket.WebSocketException as error:
            raise ProtocolError(f"the gateway broke the WebSocket protocol: {_reason(error)}") from error

    def _obey(self, frame: websocket.ABNF, messages: Messages) -> None:
        match frame.opcode:
            case websocket.ABNF.OPCODE_CLOSE:
                raise ConnectionFailed(_close_reason(frame.data))
            case websocket.ABNF.OPCODE_PING:
                assert isinstance(frame.data, bytes)  # what a socket brought
                if len(frame.data) <= LONGEST_CONTROL_FRAME:
                    self._pings.append(frame.data)
            case websocket.ABNF.OPCODE_PONG:
                pass
            case _:
                self._take_fragment(frame, messages)

    def _take_fragment(self, frame: websocket.ABNF, messages: Messages) -> None:
        fragments = self._fragments
        fragments.validate(frame)
        if not frame.fin and frame.opcode != websocket.ABNF.OPCODE_CONT:
            # To bytes the library would add each fragment by copying all that came before.
            frame.data = bytearray(frame.data)  # type: ignore[assignment, arg-type]
        fragments.add(frame)
        if fragments.cont_data is not None and len(fragments.cont_data[1]) > FRAME_LIMIT:
            raise ProtocolError(f"a WebSocket message of more than {FRAME_LIMIT} bytes")
        if fragments.is_fire(frame):
            self._take_payload(bytes(fragments.extract(frame)[1].data), messages)

    def _take_payload(self, payload: bytes, messages: Messages) -> None:
        for raw in self._splitter.feed(payload):
            frame = stomp.utils.parse_frame(raw)
            if frame is None:
                continue
            if frame.cmd == "MESSAGE" and "subscription" in frame.headers:
                group = messages.setdefault(frame.headers["subscription"].encode(), [])
                group.append((frame.body, 0, len(frame.body)))
            else:
                self.process_frame(frame, raw)

    def process_frame(self, frame: stomp.utils.Frame, frame_str: bytes) -> None:
        """What stomp.py does for the frames that it knows, and for every frame a note for our caller."""
        if frame.cmd in ("CONNECTED", "ERROR") or (frame.cmd == "RECEIPT" and "receipt-id" in frame.headers):
            super().process_frame(frame, frame_str)
        self._frames.append(ServerFrame(printable(frame.cmd), frame.headers, frame.body))

    # ---- ending

    def abort(self) -> None:
        """End whatever the connection's thread is blocked in. May be called by any thread, any number of times."""
        self._is_aborted = True
        if (sock := self._raw) is not None:
            try:
                # Not the method of an SSLSocket: it would have the other thread go on in plain text.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return  # it is not connected any more

    def close(self) -> None:
        """Let go of the socket, at once and without a word. Idempotent."""
        self.running = False
        self.abort()
        if self._websocket is not None:
            self._websocket.shutdown()  # type: ignore[no-untyped-call]
            self._websocket.frame_buffer.recv = None  # type: ignore[assignment]  # a method of it: a cycle
        if self._raw is not None:
            self._raw.close()
        self._raw = self._websocket = None


def _close_reason(data: str | bytes) -> str:
    assert isinstance(data, bytes)  # what a socket brought
    if len(data) < 2:
        return "the gateway closed the connection"
    code, text = int.from_bytes(data[:2], "big"), data[2:].decode(errors="replace")
    return printable(f"the gateway closed the connection: {code} {text}".rstrip())


def _reason(error: BaseException) -> str:
    """A foreign exception in one short line that a person understands."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not valid: {printable(error.verify_message)}"
        case TimeoutError() | websocket.WebSocketTimeoutException():
            return "timed out"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | BrokenPipeError():
            return "connection reset by the peer"
        case socket.gaierror() | UnicodeError():
            return "the host name cannot be resolved"
        case websocket.WebSocketBadStatusException():
            return f"the server answered HTTP {error.status_code} instead of a WebSocket"
        case websocket.WebSocketException() if "Redirect" in str(error):
            return "the server redirects to another address, which is refused"
        case websocket.WebSocketConnectionClosedException():
            return "the connection was closed during the handshake"
        case OSError() if error.strerror:
            return printable(error.strerror)
    return printable(str(error))[:200] or type(error).__name__
