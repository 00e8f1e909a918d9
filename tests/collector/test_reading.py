"""What is there is taken at once, and what is not is never waited for. TLS: see test_stomp_socket_tls."""

import socket
import struct
from collections.abc import Iterator

import pytest

from collector.framing import LARGE_READ_SIZE, READ_SIZE
from collector.reading import read_now

TIMEOUT_S = 60.0


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The one that is read, and the one of the peer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    ours.settimeout(TIMEOUT_S)
    with ours, peer:
        yield ours, peer


def test_nothing_yet_is_none_and_not_waited_for(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = ends
    assert read_now(ours, READ_SIZE) is None
    assert ours.gettimeout() == TIMEOUT_S


@pytest.mark.parametrize("most", [10, READ_SIZE, LARGE_READ_SIZE])
def test_what_is_there_is_taken_up_to_the_limit(ends: tuple[socket.socket, socket.socket], most: int) -> None:
    ours, peer = ends
    peer.sendall(b"x" * 25)
    assert read_now(ours, most) == b"x" * min(most, 25)


def test_what_was_read_stays_as_it_is_when_more_is_read(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = ends
    peer.sendall(b"first")
    first = read_now(ours, READ_SIZE)
    peer.sendall(b"other")
    assert (first, read_now(ours, READ_SIZE)) == (b"first", b"other")


def test_the_end_of_the_stream_is_empty(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = ends
    peer.close()
    assert read_now(ours, READ_SIZE) == b""


def test_a_reset_is_raised(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = ends
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    with pytest.raises(ConnectionResetError):
        read_now(ours, READ_SIZE)
