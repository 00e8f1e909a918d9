"""TLS: only a certificate that an authority of the system vouches for, for this very name and today, is accepted."""

import fcntl
import os
import socket
import ssl
import termios
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector import dialing as module
from collector.framing import READ_SIZE
from collector.stomp_socket import SEND_TIMEOUT_S, StompSocket
from shared.errors import ConnectionFailed
from tests.collector.authority import Authority
from tests.collector.raw_peer import RawPeer, upgraded
from tests.collector.waiting import LIMIT_S, wait_until
from tests.fakes.wire import stomp, websocket

OPEN_TIMEOUT_S = 10.0


@pytest.fixture
def stomp_socket() -> Iterator[StompSocket]:
    reader, writer = os.pipe()
    with closing(StompSocket(reader)) as unopened:
        yield unopened
    os.close(reader)
    os.close(writer)


def refusal_of(tls: ssl.SSLContext, stomp_socket: StompSocket) -> str:
    with RawPeer(tls=tls) as peer, pytest.raises(ConnectionFailed) as failure:
        stomp_socket.open(peer.url, OPEN_TIMEOUT_S)
    assert peer.request == b""
    return str(failure.value)


def test_a_right_certificate_is_accepted_and_messages_pass(authority: Authority, stomp_socket: StompSocket) -> None:
    large = websocket(stomp("MESSAGE", {"subscription": "1"}, b"x" * 50_000))
    with RawPeer(lambda request: upgraded(request) + large, tls=authority.issue("localhost", "-days", "1")) as peer:
        stomp_socket.open(peer.url, OPEN_TIMEOUT_S)
        bodies: list[bytes] = []
        while not bodies:
            groups = stomp_socket.read(OPEN_TIMEOUT_S).messages.values()
            bodies = [bytes(data[start:end]) for group in groups for data, start, end in group]
        stomp_socket.send_frame("DISCONNECT", {"receipt": "disconnect"})
        assert peer.connection.recv(1) == b"\x82"
    assert bodies == [b"x" * 50_000]


def test_one_read_takes_all_records_that_are_there(authority: Authority, stomp_socket: StompSocket) -> None:
    """A record holds 16 kB: read one at a time, a busy connection would fall behind for good."""
    frames = 60 * websocket(stomp("MESSAGE", {"subscription": "1"}, b"x" * 1000))
    with RawPeer(tls=authority.issue("localhost", "-days", "1")) as peer:
        stomp_socket.open(peer.url, OPEN_TIMEOUT_S)
        peer.connection.sendall(frames)
        wait_until(lambda: unread_bytes(stomp_socket) > len(frames))
        assert stomp_socket.read(0).size == len(frames)


def test_what_a_read_had_to_leave_decrypted_is_read_by_the_next(
    authority: Authority, stomp_socket: StompSocket
) -> None:
    """The kernel holds nothing then, and would not wake anybody."""
    with RawPeer(tls=authority.issue("localhost", "-days", "1")) as peer:
        stomp_socket.open(peer.url, OPEN_TIMEOUT_S)
        for _ in range(5):
            peer.connection.sendall(websocket(b"x" * 14_996))
        wait_until(lambda: unread_bytes(stomp_socket) > 75_000)
        assert stomp_socket.read(0).size == READ_SIZE
        assert unread_bytes(stomp_socket) == 0
        assert stomp_socket.read(LIMIT_S).size == 75_000 - READ_SIZE


def unread_bytes(stomp_socket: StompSocket) -> int:
    """What the kernel holds for it, still encrypted."""
    size = array("i", [0])
    fcntl.ioctl(stomp_socket.fileno(), termios.FIONREAD, size)
    return size[0]


def test_a_record_that_is_not_whole_is_not_waited_for(authority: Authority, stomp_socket: StompSocket) -> None:
    with RawPeer(tls=authority.issue("localhost", "-days", "1")) as peer:
        stomp_socket.open(peer.url, OPEN_TIMEOUT_S)
        with peer.connection as tls:
            socket.socket.send(tls, b"\x17\x03\x03\x40\x00" + b"x" * 100)  # a header that promises 16 kB
            wait_until(lambda: unread_bytes(stomp_socket) > 0)
            began = time.monotonic()
            assert stomp_socket.read(LIMIT_S).size == 0
            assert time.monotonic() - began < SEND_TIMEOUT_S


def test_no_keys_are_written_for_a_listener(
    authority: Authority, stomp_socket: StompSocket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    module.tls_context.cache_clear()
    with RawPeer(tls=authority.issue("localhost", "-days", "1")) as peer:
        stomp_socket.open(peer.url, OPEN_TIMEOUT_S)
    assert not (tmp_path / "keys").exists()


def test_an_unknown_authority_is_refused(authority: Authority, stomp_socket: StompSocket, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    tls = Authority(tmp_path / "other").issue("localhost", "-days", "1")
    assert "the certificate is not valid: unable to get local issuer" in refusal_of(tls, stomp_socket)


def test_a_certificate_for_another_name_is_refused(authority: Authority, stomp_socket: StompSocket) -> None:
    assert "Hostname mismatch" in refusal_of(authority.issue("iss.moex.com", "-days", "1"), stomp_socket)


def test_an_expired_certificate_is_refused(authority: Authority, stomp_socket: StompSocket) -> None:
    assert "expired" in refusal_of(authority.issue("localhost", "-days", "-1"), stomp_socket)


def test_a_server_without_tls_is_a_reason_of_one_line(stomp_socket: StompSocket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ConnectionFailed, match="SSL") as failure:
            stomp_socket.open(f"wss://127.0.0.1:{listener.getsockname()[1]}/", OPEN_TIMEOUT_S)
        thread.join()
    assert str(failure.value).isprintable()


def test_what_is_aborted_does_not_fall_back_to_plain_text(authority: Authority, stomp_socket: StompSocket) -> None:
    """SSLSocket.shutdown would drop the encryption before it ends the connection that another thread is using."""
    with RawPeer(tls=authority.issue("localhost", "-days", "1")) as peer:
        stomp_socket.open(peer.url, OPEN_TIMEOUT_S)
        stomp_socket.abort()
        assert isinstance(stomp_socket._raw, ssl.SSLSocket)
        assert stomp_socket._raw.version() is not None
        with pytest.raises(ConnectionFailed):
            stomp_socket.read(OPEN_TIMEOUT_S)
