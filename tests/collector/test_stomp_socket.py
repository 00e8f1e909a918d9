"""One attempt at one connection: what is said, what is read, and how it ends."""

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from websockets.frames import Opcode

from collector import stomp_socket as module
from collector.framing import FRAME_LIMIT, LARGE_READ_SIZE, READ_SIZE
from collector.stomp_socket import Arrival, StompSocket
from shared.errors import ConnectionFailed
from tests.collector.raw_peer import LIMIT_S, RawPeer, upgraded
from tests.collector.waiting import nothing_left_over, wait_until
from tests.fakes.wire import Command, CommandReader, stomp, websocket

CHECKOUT = Path(__file__).parents[2]
OPEN_TIMEOUT_S = 10.0
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def wakeup() -> Iterator[tuple[int, int]]:
    """Reading and writing end of the pipe that wakes a reader."""
    pipe = os.pipe()
    yield pipe
    for descriptor in pipe:
        os.close(descriptor)


@pytest.fixture
def stomp_socket(wakeup: tuple[int, int]) -> Iterator[StompSocket]:
    with closing(StompSocket(wakeup[0])) as unopened:
        yield unopened


@pytest.fixture
def peer(stomp_socket: StompSocket) -> Iterator[socket.socket]:
    """The server's end of `stomp_socket`, which is open."""
    with RawPeer() as raw:
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
        yield raw.connection


def message(body: bytes, subscription: str = "0-SBER") -> bytes:
    return stomp("MESSAGE", {"subscription": subscription, "destination": "MXSE.orderbooks"}, body)


def read_until(stomp_socket: StompSocket, condition: Callable[[Arrival], bool]) -> Arrival:
    """Everything that was read until all of it together fulfils `condition`; bodies by `bodies_of`."""
    end = time.monotonic() + LIMIT_S
    so_far = Arrival({}, [], 0, [])
    while time.monotonic() < end:
        arrival = stomp_socket.read(0.1)
        for subscription, bodies in bodies_of(arrival).items():
            so_far.messages.setdefault(subscription, []).extend((body, 0, len(body)) for body in bodies)
        frames, pings = so_far.frames + arrival.frames, [*so_far.pings, *arrival.pings]
        so_far = Arrival(so_far.messages, frames, so_far.size + arrival.size, pings)
        if condition(so_far):
            return so_far
    raise TimeoutError(f"after {so_far.size} bytes")


def bodies_of(arrival: Arrival) -> dict[bytes, list[bytes]]:
    """The bodies by subscription."""
    return {
        subscription: [bytes(buffer[start:end]) for buffer, start, end in messages]
        for subscription, messages in arrival.messages.items()
    }


def count_of(arrival: Arrival) -> int:
    return sum(len(messages) for messages in arrival.messages.values())


def read_messages(stomp_socket: StompSocket, count: int) -> dict[bytes, list[bytes]]:
    """The bodies of the next messages by subscription."""
    return bodies_of(read_until(stomp_socket, lambda so_far: count_of(so_far) >= count))


def failure_of(stomp_socket: StompSocket) -> str:
    """The reason with which reading ends."""
    with pytest.raises(ConnectionFailed) as failure:
        read_until(stomp_socket, lambda _: False)
    return str(failure.value)


def refusal_of(answer: Callable[[bytes], bytes], stomp_socket: StompSocket) -> str:
    """Why opening fails when the server answers the upgrade like that."""
    with RawPeer(answer) as raw, pytest.raises(ConnectionFailed) as failure:
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
    return str(failure.value)


@contextmanager
def deaf_server() -> Iterator[int]:
    """A port whose queue of connections is full, so that the next one hangs; gives the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(address)
            waiting.append(client)
        yield address[1]
        for client in waiting:
            client.close()


# ---- opening


def test_the_upgrade_offers_exactly_stomp_and_no_extension_and_names_no_origin(stomp_socket: StompSocket) -> None:
    with RawPeer() as raw:
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
        request_line, *lines = raw.request.decode().split("\r\n")
    headers = [line.partition(": ")[::2] for line in lines if line]
    names = {name.lower() for name, _ in headers}
    assert request_line == "GET /infocx/v3/websocket HTTP/1.1"
    assert [value for name, value in headers if name.lower() == "sec-websocket-protocol"] == ["STOMP"]
    assert names & {"origin", "sec-websocket-extensions", "cookie", "authorization"} == set()


def test_a_port_where_nobody_listens_is_a_reason_a_person_understands(stomp_socket: StompSocket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionFailed, match=r"^connection refused$"):
        stomp_socket.open(f"ws://127.0.0.1:{port}/", OPEN_TIMEOUT_S)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_cannot_be_resolved_is_said_so(
    stomp_socket: StompSocket, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ConnectionFailed, match=r"the host name cannot be resolved"):
        stomp_socket.open("wss://nowhere.invalid/", OPEN_TIMEOUT_S)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nsorry\n", "the server answered HTTP 403 instead"),
        (b"HTTP/1.1 503 \x1b[2J\r\n\r\n", "the server answered HTTP 503 instead"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "content-length"),
        (b"", "the connection was closed during the handshake"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "SSH-2.0"),
    ],
)
def test_a_server_that_is_no_gateway_is_a_reason_of_one_line(
    stomp_socket: StompSocket, answer: bytes, reason: str
) -> None:
    with RawPeer(lambda _: answer, ends=True) as raw, pytest.raises(ConnectionFailed) as failure:
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
    assert reason in str(failure.value)
    assert str(failure.value).isprintable()
    assert len(str(failure.value)) <= 200


def test_a_redirect_to_another_host_is_refused_and_not_followed(stomp_socket: StompSocket) -> None:
    with RawPeer() as elsewhere:

        def redirect(_: bytes) -> bytes:
            return f"HTTP/1.1 301 Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()

        assert "redirect" in refusal_of(redirect, stomp_socket).lower()
        assert elsewhere.request == b""


@pytest.mark.parametrize("subprotocol", [b"", b"Sec-WebSocket-Protocol: v12.stomp\r\n"])
def test_a_server_that_does_not_agree_to_stomp_is_refused(stomp_socket: StompSocket, subprotocol: bytes) -> None:
    reason = refusal_of(lambda request: upgraded(request, subprotocol=subprotocol), stomp_socket)
    assert reason
    with pytest.raises(ConnectionFailed, match="closed"):
        stomp_socket.read(0)


@pytest.mark.parametrize("cookie", ["a=1; Domain=localhost", "a@b=1; Domain=localhost"])
def test_a_cookie_is_never_sent_back_nor_one_that_cannot_be_read_an_error(wakeup: tuple[int, int], cookie: str) -> None:
    def with_cookie(request: bytes) -> bytes:
        return upgraded(request).replace(b"\r\n\r\n", f"\r\nSet-Cookie: {cookie}\r\n\r\n".encode())

    for answer in (with_cookie, upgraded):
        with RawPeer(answer) as raw, closing(StompSocket(wakeup[0])) as attempt:
            attempt.open(raw.url, OPEN_TIMEOUT_S)
            assert "cookie:" not in raw.request.decode().lower()


def test_to_import_stomp_asks_no_resolver() -> None:
    """Which may be silent for 20 s."""
    code = """
import socket
asked = []
def fail(*question):
    asked.append(question)
    raise OSError
socket.gethostbyname = socket.gethostbyname_ex = socket.getfqdn = socket.gethostbyaddr = socket.getaddrinfo = fail
import collector.stomp_socket
assert asked == []
"""
    environment = {name: value for name, value in os.environ.items() if name != "STOMP_SKIP_HOSTNAME_SCAN"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=CHECKOUT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def open_until_aborted(stomp_socket: StompSocket, url: str) -> str:
    """Open in a thread, abort once it waits, and give the reason."""
    reasons: list[str] = []

    def attempt() -> None:
        try:
            stomp_socket.open(url, 60.0)
        except ConnectionFailed as failure:
            reasons.append(str(failure))

    thread = threading.Thread(target=attempt)
    thread.start()
    with pytest.raises(TimeoutError):
        wait_until(lambda: not thread.is_alive(), within_s=0.2)
    stomp_socket.abort()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    return reasons[0]


def test_abort_ends_the_wait_for_a_server_that_never_speaks(stomp_socket: StompSocket) -> None:
    with nothing_left_over(), socket.create_server(("127.0.0.1", 0)) as listener:
        assert open_until_aborted(stomp_socket, f"ws://127.0.0.1:{listener.getsockname()[1]}/")


def test_abort_ends_the_wait_for_a_server_that_drips_its_answer(stomp_socket: StompSocket) -> None:
    is_over = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            while not is_over.wait(0.01):
                try:
                    connection.send(b"H")
                except OSError:
                    return

    with nothing_left_over(), socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip)
        thread.start()
        assert open_until_aborted(stomp_socket, f"ws://127.0.0.1:{listener.getsockname()[1]}/")
        is_over.set()
        thread.join()


def test_abort_ends_the_wait_for_a_host_that_does_not_answer_at_all(stomp_socket: StompSocket) -> None:
    with nothing_left_over(), deaf_server() as port:
        assert open_until_aborted(stomp_socket, f"ws://127.0.0.1:{port}/")


def test_abort_ends_the_wait_for_a_tls_handshake(stomp_socket: StompSocket) -> None:
    with nothing_left_over(), socket.create_server(("127.0.0.1", 0)) as listener:
        assert open_until_aborted(stomp_socket, f"wss://127.0.0.1:{listener.getsockname()[1]}/")


def test_an_attempt_that_was_aborted_before_it_began_fails_at_once(stomp_socket: StompSocket) -> None:
    stomp_socket.abort()
    with RawPeer() as raw, pytest.raises(ConnectionFailed):
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)


def test_the_time_limit_holds_for_a_server_that_never_speaks(stomp_socket: StompSocket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(ConnectionFailed, match=r"^timed out$"):
        stomp_socket.open(f"ws://127.0.0.1:{listener.getsockname()[1]}/", 0.2)


def test_a_failed_attempt_leaves_no_descriptor_behind(wakeup: tuple[int, int]) -> None:
    with nothing_left_over(), RawPeer(lambda _: b"HTTP/1.1 403 No\r\n\r\n") as raw, pytest.raises(ConnectionFailed):
        StompSocket(wakeup[0]).open(raw.url, OPEN_TIMEOUT_S)


# ---- sending


def sent_commands(peer: socket.socket, count: int) -> tuple[list[Command], list[int]]:
    """The next commands that the client sent, and the opcodes of the frames that carried them."""
    reader, commands, opcodes, unread = CommandReader(), list[Command](), list[int](), b""
    while len(commands) < count:
        unread += peer.recv(65_536)
        while len(unread) >= 6 and len(unread) >= 6 + (unread[1] & 0x7F):
            size, mask = unread[1] & 0x7F, unread[2:6]
            start = 6
            if size == 126:
                size, mask, start = struct.unpack("!H", unread[2:4])[0], unread[4:8], 8
            assert unread[1] & 0x80, "a client's frames are masked"
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(unread[start : start + size]))
            opcodes.append(unread[0])
            unread = unread[start + size :]
            if opcodes[-1] in (0x81, 0x82):
                assert b"\r" not in payload
                commands += reader.read(payload)
    return commands, opcodes


def test_connect_carries_the_login_alone_and_unescaped(stomp_socket: StompSocket, peer: socket.socket) -> None:
    login = {"domain": "passport", "login": "me@example.org", "passcode": "a:b\\c пароль"}
    stomp_socket.send_frame("CONNECT", login)
    [command], _ = sent_commands(peer, 1)
    assert command == Command("CONNECT", login, b"")


def test_subscribe_arrives_as_it_was_given(stomp_socket: StompSocket, peer: socket.socket) -> None:
    headers = {
        "id": "7-VEON-RX",
        "receipt": "7-VEON-RX",
        "destination": "MXSE.candles",
        "selector": 'TICKER="MXSE.TQBR.VEON-RX" and interval="M1"',
    }
    stomp_socket.send_frame("SUBSCRIBE", headers)
    stomp_socket.send_frame("DISCONNECT", {"receipt": "disconnect"})
    [subscribe, disconnect], opcodes = sent_commands(peer, 2)
    assert subscribe == Command("SUBSCRIBE", headers, b"")
    assert disconnect == Command("DISCONNECT", {"receipt": "disconnect"}, b"")
    assert opcodes == [0x82, 0x82]


def test_a_ping_of_ours_is_a_ping_frame(stomp_socket: StompSocket, peer: socket.socket) -> None:
    stomp_socket.ping()
    assert peer.recv(6)[:2] == b"\x89\x80"


def test_sending_to_a_peer_that_is_gone_is_told(stomp_socket: StompSocket, peer: socket.socket) -> None:
    peer.close()

    def send_on() -> None:
        for _ in range(1000):
            stomp_socket.ping()

    with pytest.raises(ConnectionFailed, match=r"sending failed: connection reset"):
        send_on()


def test_sending_to_a_peer_that_does_not_read_ends(stomp_socket: StompSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would last for ever, and hold the lock that every ping needs."""
    monkeypatch.setattr(module, "SEND_TIMEOUT_S", 0.1)

    def send_on() -> None:
        while True:
            stomp_socket.send_frame("SUBSCRIBE", {"id": "x" * 100_000})

    with RawPeer() as raw:
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
        with pytest.raises(ConnectionFailed, match=r"sending failed: timed out"):
            send_on()


def test_sending_before_opening_and_after_closing_is_told(stomp_socket: StompSocket) -> None:
    with pytest.raises(ConnectionFailed, match="closed"):
        stomp_socket.ping()
    with RawPeer() as raw:
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
        stomp_socket.close()
        with pytest.raises(ConnectionFailed, match="closed"):
            stomp_socket.send_frame("DISCONNECT", {})


# ---- reading

FIRST, SECOND = message(b'{"n": 1}'), message(b'{"n": 2}', "1-GAZP")
BOTH = {b"0-SBER": [b'{"n": 1}'], b"1-GAZP": [b'{"n": 2}']}


@pytest.mark.parametrize(
    "data",
    [
        websocket(FIRST) + websocket(SECOND),
        websocket(FIRST, Opcode.TEXT) + websocket(SECOND, Opcode.TEXT),
        websocket(FIRST + SECOND),
        websocket(FIRST + b"\n\n" + SECOND + b"\n"),
        websocket(FIRST[:20]) + websocket(FIRST[20:] + SECOND),
        websocket(FIRST[:20], is_last=False) + websocket(FIRST[20:], Opcode.CONT) + websocket(SECOND),
        websocket(FIRST[:9], is_last=False)
        + websocket(b"", Opcode.PONG)
        + websocket(FIRST[9:30], Opcode.CONT, is_last=False)
        + websocket(FIRST[30:] + SECOND, Opcode.CONT),
        websocket(b"\n") + websocket(FIRST) + websocket(b"\n") + websocket(b"\n" + SECOND),
        websocket(FIRST.replace(b"\n", b"\r\n")) + websocket(SECOND),
        websocket(FIRST) + websocket(b"") + websocket(SECOND),
        websocket(FIRST[:20]) + websocket(FIRST[20:]) + websocket(b"\n\n\n" + SECOND),
    ],
    ids=[
        "one each",
        "TEXT frames",
        "two in one message",
        "line ends between",
        "one over two messages",
        "fragments",
        "a pong between fragments",
        "heart-beats",
        "CRLF",
        "an empty message between",
        "line ends first",
    ],
)
def test_the_same_messages_are_read_however_they_are_packed(
    stomp_socket: StompSocket, peer: socket.socket, data: bytes
) -> None:
    peer.sendall(data)
    assert read_messages(stomp_socket, 2) == BOTH


@pytest.mark.parametrize("size", [1, 2, 5])
def test_fragments_are_read_whatever_the_pieces_they_come_in(
    stomp_socket: StompSocket, peer: socket.socket, size: int
) -> None:
    first = websocket(FIRST[:20], is_last=False) + websocket(FIRST[20:40], Opcode.CONT, is_last=False)
    data = first + websocket(FIRST[40:], Opcode.CONT) + websocket(SECOND)
    messages: dict[bytes, list[bytes]] = {}
    for start in range(0, len(data), size):
        peer.sendall(data[start : start + size])
        messages |= bodies_of(read_until(stomp_socket, lambda so_far: so_far.size > 0))
    assert messages == BOTH


def test_a_fragment_is_added_without_copying_those_before_it(stomp_socket: StompSocket, peer: socket.socket) -> None:
    joined = []
    for fragment in (websocket(FIRST[:20], is_last=False), websocket(FIRST[20:40], Opcode.CONT, is_last=False)):
        peer.sendall(fragment)
        read_until(stomp_socket, lambda so_far: so_far.size > 0)
        assert stomp_socket._fragments.cont_data is not None
        joined.append(stomp_socket._fragments.cont_data[1])
    assert joined[0] is joined[1]
    assert bytes(joined[1]) == FIRST[:40]


def test_what_comes_with_the_answer_to_the_upgrade_is_read(stomp_socket: StompSocket) -> None:
    with RawPeer(lambda request: upgraded(request) + websocket(FIRST) + websocket(SECOND)) as raw:
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
        assert read_messages(stomp_socket, 2) == BOTH


def test_other_frames_come_with_their_headers_and_body(stomp_socket: StompSocket, peer: socket.socket) -> None:
    names = ["CONNECTED", "RECEIPT", "ERROR", "REPLY", "CLOSED", "WHATEVER"]
    for name in names:
        peer.sendall(websocket(stomp(name, {"receipt-id": "7", "message": "x"}, b"{}")))
    peer.sendall(websocket(stomp("RECEIPT", {}) + stomp("MESSAGE", {"destination": "of no subscription"})))
    frames = read_until(stomp_socket, lambda so_far: len(so_far.frames) == 8).frames
    assert [frame.command for frame in frames] == [*names, "RECEIPT", "MESSAGE"]
    assert all(frame.headers == {"receipt-id": "7", "message": "x"} and frame.body == b"{}" for frame in frames[:6])


def test_pings_of_the_peer_are_told_and_left_to_be_answered(stomp_socket: StompSocket, peer: socket.socket) -> None:
    peer.sendall(websocket(b"are you there", Opcode.PING) + websocket(FIRST) + websocket(b"", Opcode.PING))
    arrival = read_until(stomp_socket, lambda so_far: len(so_far.pings) == 2)
    assert (bodies_of(arrival), arrival.frames) == ({b"0-SBER": [b'{"n": 1}']}, [])
    assert arrival.pings == [b"are you there", b""]
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)


def test_a_ping_that_is_longer_than_any_may_be_is_not_to_be_answered(
    stomp_socket: StompSocket, peer: socket.socket
) -> None:
    peer.sendall(b"".join(websocket(b"x" * size, Opcode.PING) for size in (126, 125)))
    assert read_until(stomp_socket, lambda so_far: bool(so_far.pings)).pings == [b"x" * 125]


def test_the_answer_to_a_ping_is_a_pong_with_its_content(stomp_socket: StompSocket, peer: socket.socket) -> None:
    stomp_socket.pong(b"are you there")
    answer = peer.recv(65_536)
    assert answer[:2] == b"\x8a\x8d"
    assert bytes(byte ^ answer[2 + index % 4] for index, byte in enumerate(answer[6:])) == b"are you there"


@pytest.mark.parametrize("data", [websocket(b"", Opcode.PONG), websocket(b"\n")], ids=["pong", "heart-beat"])
def test_a_sign_of_life_shows_in_the_size_alone(stomp_socket: StompSocket, peer: socket.socket, data: bytes) -> None:
    peer.sendall(data)
    assert read_until(stomp_socket, lambda so_far: so_far.size > 0) == Arrival({}, [], len(data), [])


def test_nothing_to_read_is_an_empty_arrival(stomp_socket: StompSocket, peer: socket.socket) -> None:
    assert stomp_socket.read(0.01) == Arrival({}, [], 0, [])


def test_a_frame_larger_than_any_read_is_read_whole(stomp_socket: StompSocket, peer: socket.socket) -> None:
    large = b"x" * (4 * LARGE_READ_SIZE)
    sender = threading.Thread(target=peer.sendall, args=(websocket(message(large)) + websocket(SECOND),))
    sender.start()
    assert read_messages(stomp_socket, 2) == BOTH | {b"0-SBER": [large]}
    sender.join()
    peer.sendall(websocket(FIRST) + websocket(SECOND))
    assert read_messages(stomp_socket, 2) == BOTH


def test_a_frame_that_just_fills_a_read_is_read_whole(stomp_socket: StompSocket, peer: socket.socket) -> None:
    for size in range(READ_SIZE - 2, READ_SIZE + 3):
        data = websocket(message(b"x" * (size - len(websocket(message(b"x" * 60_000))) + 60_000)))
        assert len(data) == size
        sender = threading.Thread(target=peer.sendall, args=(data + websocket(SECOND),))
        sender.start()
        assert set(read_messages(stomp_socket, 2)) == set(BOTH)
        sender.join()


def make_room(stomp_socket: StompSocket, peer: socket.socket) -> None:
    """For several large reads on their way."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * LARGE_READ_SIZE)
    assert stomp_socket._raw is not None
    stomp_socket._raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * LARGE_READ_SIZE)


def test_reads_are_larger_after_one_that_was_filled_until_one_brings_less(
    stomp_socket: StompSocket, peer: socket.socket
) -> None:
    make_room(stomp_socket, peer)
    whole = websocket(message(b"{}".ljust(READ_SIZE // 16 - len(message(b"")) - 4)))
    assert len(whole) == READ_SIZE // 16
    for _ in range(2):
        peer.sendall(whole * 64)
        wait_until(lambda: unread_bytes(stomp_socket) == 4 * READ_SIZE)
        assert [stomp_socket.read(0).size for _ in range(2)] == [READ_SIZE, 3 * READ_SIZE]
        peer.sendall(whole)
        wait_until(lambda: unread_bytes(stomp_socket) == len(whole))
        assert stomp_socket.read(0).size == len(whole)


def test_reads_stay_short_while_they_bring_what_takes_long_to_read(
    stomp_socket: StompSocket, peer: socket.socket
) -> None:
    make_room(stomp_socket, peer)
    pong = websocket(b"x" * 125, Opcode.PONG)
    peer.sendall(pong * (3 * READ_SIZE // len(pong)))
    wait_until(lambda: unread_bytes(stomp_socket) > 2 * READ_SIZE)
    assert [stomp_socket.read(0).size for _ in range(2)] == [READ_SIZE, READ_SIZE]


def unread_bytes(stomp_socket: StompSocket) -> int:
    """What the kernel holds for it."""
    size = array("i", [0])
    fcntl.ioctl(stomp_socket.fileno(), termios.FIONREAD, size)
    return size[0]


def test_a_frame_beyond_the_limit_ends_the_connection_before_it_is_received(
    stomp_socket: StompSocket, peer: socket.socket
) -> None:
    peer.sendall(b"\x82\x7f" + struct.pack("!Q", FRAME_LIMIT + 1))
    assert str(FRAME_LIMIT) in failure_of(stomp_socket)


def test_fragments_beyond_the_limit_end_the_connection(stomp_socket: StompSocket, peer: socket.socket) -> None:
    fragment = b"x" * (FRAME_LIMIT // 4)
    frames = websocket(fragment, is_last=False) + 4 * websocket(fragment, Opcode.CONT, is_last=False)
    sender = threading.Thread(target=peer.sendall, args=(frames,))
    sender.start()
    assert str(FRAME_LIMIT) in failure_of(stomp_socket)
    sender.join()


# ---- waking


def test_the_wakeup_descriptor_ends_a_waiting_read_at_once_and_only_once(
    stomp_socket: StompSocket, peer: socket.socket, wakeup: tuple[int, int]
) -> None:
    os.write(wakeup[1], b"\0")
    began = time.monotonic()
    assert stomp_socket.read(60.0) == Arrival({}, [], 0, [])
    assert time.monotonic() - began < 30
    began = time.monotonic()
    assert stomp_socket.read(0.1) == Arrival({}, [], 0, [])
    assert time.monotonic() - began >= 0.1
    peer.sendall(websocket(FIRST) + websocket(SECOND))
    assert read_messages(stomp_socket, 2) == BOTH


def test_what_waits_in_the_socket_is_read_together_with_the_wakeup(
    stomp_socket: StompSocket, peer: socket.socket, wakeup: tuple[int, int]
) -> None:
    peer.sendall(websocket(FIRST))
    os.write(wakeup[1], b"\0")
    assert count_of(stomp_socket.read(LIMIT_S)) == 1


# ---- the end


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the gateway closed the connection"),
        (struct.pack("!H", 1001) + b"maintenance", "the gateway closed the connection: 1001 maintenance"),
        (struct.pack("!H", 1000), "the gateway closed the connection: 1000"),
        (struct.pack("!H", 1000) + b"\x1b[2J\xff", "the gateway closed the connection: 1000 \ufffd[2J\ufffd"),
    ],
)
def test_a_close_frame_ends_with_its_code_and_its_cleaned_reason(
    stomp_socket: StompSocket, peer: socket.socket, content: bytes, reason: str
) -> None:
    peer.sendall(websocket(content, Opcode.CLOSE))
    assert failure_of(stomp_socket) == reason


def test_what_came_before_the_close_frame_is_delivered_first(stomp_socket: StompSocket, peer: socket.socket) -> None:
    refused = stomp("ERROR", {"message": "Access denied"})
    peer.sendall(websocket(FIRST) + websocket(refused) + websocket(struct.pack("!H", 1001), Opcode.CLOSE))
    arrival = read_until(stomp_socket, lambda so_far: count_of(so_far) == len(so_far.frames) == 1)
    assert arrival.frames[0].headers == {"message": "Access denied"}
    assert stomp_socket.has_ended
    assert "1001" in failure_of(stomp_socket)


def test_the_end_of_the_stream_is_told(stomp_socket: StompSocket, peer: socket.socket) -> None:
    peer.shutdown(socket.SHUT_WR)
    assert failure_of(stomp_socket) == "the gateway closed the connection"


def test_a_reset_is_told(stomp_socket: StompSocket, peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    assert failure_of(stomp_socket) == "connection reset by the peer"


@pytest.mark.parametrize(
    "data",
    [
        b"\xc2\x00",
        b"\x83\x00",
        b"\x09\x00",
        b"\x80\x00",
        websocket(b"a", is_last=False) + websocket(b"b"),
        websocket(b"x", Opcode.CLOSE),
    ],
    ids=["compressed", "reserved opcode", "half a ping", "continuation of nothing", "message in a message", "CLOSE"],
)
def test_bytes_against_the_websocket_protocol_end_the_connection(
    stomp_socket: StompSocket, peer: socket.socket, data: bytes
) -> None:
    peer.sendall(data)
    assert failure_of(stomp_socket).startswith("the gateway broke the WebSocket protocol")


def test_abort_of_another_thread_ends_a_waiting_read(stomp_socket: StompSocket, peer: socket.socket) -> None:
    timer = threading.Timer(0.05, stomp_socket.abort)
    timer.start()
    with pytest.raises(ConnectionFailed):
        stomp_socket.read(60.0)
    timer.join()


def test_closing_twice_and_aborting_afterwards_is_harmless(wakeup: tuple[int, int]) -> None:
    with nothing_left_over(), RawPeer() as raw:
        stomp_socket = StompSocket(wakeup[0])
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
        for _ in range(2):
            stomp_socket.close()
            stomp_socket.abort()
        with pytest.raises(ConnectionFailed, match="closed"):
            stomp_socket.read(0)
        assert raw.connection.recv(1) == b""


def test_the_descriptor_to_wait_for_is_there_while_it_is_open(stomp_socket: StompSocket) -> None:
    assert stomp_socket.fileno() == -1
    with RawPeer() as raw:
        stomp_socket.open(raw.url, OPEN_TIMEOUT_S)
        raw.connection.sendall(websocket(FIRST))
        assert select.select([stomp_socket.fileno()], [], [], LIMIT_S)[0]
        stomp_socket.close()
    assert stomp_socket.fileno() == -1


# ---- a proxy


def test_a_proxy_is_asked_for_a_tunnel_and_may_refuse(
    stomp_socket: StompSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawPeer(lambda _: b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectionFailed, match="407") as failure:
            stomp_socket.open("wss://gateway.invalid/infocx", OPEN_TIMEOUT_S)
    assert proxy.request.startswith(b"CONNECT gateway.invalid:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in proxy.request
    assert "secret" not in str(failure.value)
