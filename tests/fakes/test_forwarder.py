"""The tests' network: each switch does what it says."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.fakes.forwarder import Forwarder

LIMIT_S = 10.0


class EchoServer:
    """Sends back what it reads, each connection in a thread."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(LIMIT_S)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._echo, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _echo(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(4096):
                    connection.sendall(data)
            except ConnectionResetError:
                pass


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    server = EchoServer()
    with Forwarder(server.port) as running:
        yield running
    server.close()


@pytest.fixture
def client(forwarder: Forwarder) -> Iterator[socket.socket]:
    with connected(forwarder) as client:
        assert echoed(client, b"hello") == b"hello"
        yield client


def connected(forwarder: Forwarder) -> socket.socket:
    return socket.create_connection(("127.0.0.1", forwarder.port), LIMIT_S)


def echoed(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return received(client, len(data))


def received(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += client.recv(count - len(data))
    return data


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_bytes_pass_both_ways_until_the_client_ends(forwarder: Forwarder, client: socket.socket) -> None:
    data = bytes(range(256)) * 1000
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    assert received(client, len(data)) == data
    sender.join()
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    wait_until(lambda: forwarder.connections == 0)


def test_stop_holds_bytes_until_resume(forwarder: Forwarder, client: socket.socket) -> None:
    forwarder.stop()
    client.sendall(b"held")
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(4)
    assert forwarder.connections == 1
    client.settimeout(LIMIT_S)
    forwarder.resume()
    assert received(client, 4) == b"held"


def test_reset_cuts_what_is_there_and_spares_what_comes(forwarder: Forwarder, client: socket.socket) -> None:
    forwarder.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with connected(forwarder) as another:
        assert echoed(another, b"again") == b"again"
    assert forwarder.accepted == 2


def test_reset_reaches_connections_that_are_held(forwarder: Forwarder, client: socket.socket) -> None:
    forwarder.stop()
    client.sendall(b"held")
    forwarder.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_reset_may_also_meet_new_connections(forwarder: Forwarder) -> None:
    forwarder.reset(and_new_ones=True)
    with pytest.raises(ConnectionResetError), connected(forwarder) as client:
        client.recv(1)
    forwarder.resume()
    with connected(forwarder) as client:
        assert echoed(client, b"now") == b"now"


def test_drip_lets_single_bytes_pass(forwarder: Forwarder, client: socket.socket) -> None:
    forwarder.drip(every_ms=5)
    client.sendall(b"slowly")
    pieces = [client.recv(100)]
    while sum(map(len, pieces)) < 6:
        pieces.append(client.recv(100))
    assert b"".join(pieces) == b"slowly"
    assert len(pieces) > 1


def test_a_closed_listener_refuses_and_keeps_what_is_there(forwarder: Forwarder, client: socket.socket) -> None:
    forwarder.close_listener()
    with pytest.raises(ConnectionRefusedError):
        connected(forwarder)
    assert echoed(client, b"still") == b"still"
    forwarder.open_listener()
    with connected(forwarder) as another:
        assert echoed(another, b"open") == b"open"


def test_an_unreachable_target_is_a_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Forwarder(port) as forwarder, pytest.raises(ConnectionResetError), connected(forwarder) as client:
        client.recv(1)
