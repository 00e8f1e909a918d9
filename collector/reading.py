"""Takes from a socket what is there now, plain or through TLS, without waiting for more."""

import os
import socket
import ssl
import threading

from collector.framing import READ_SIZE


class _Scratch(threading.local):
    """Where a thread reads to: bytes made for each read and cut to size would leave a hole of memory behind each."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(READ_SIZE))


_scratch = _Scratch()


def read_now(sock: socket.socket, most: int) -> bytes | None:
    """Up to `most` bytes: none at the end of the stream, None when there is nothing yet that could be read.

    For a socket with a time-out, which stays as it is. Raises OSError.
    """
    try:
        return _read_records(sock, most) if isinstance(sock, ssl.SSLSocket) else _read_plain(sock.fileno(), most)
    except (BlockingIOError, TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None


def _read_plain(descriptor: int, most: int) -> bytes:
    """Past the socket's time-out, which saves asking whether to wait."""
    if most != READ_SIZE:
        return os.read(descriptor, most)
    size = os.readv(descriptor, [_scratch.view])
    return bytes(_scratch.view[:size])


def _read_records(tls: ssl.SSLSocket, most: int) -> bytes:
    """The whole TLS records that are there: each call of the library reads 16 kB at most, and would wait for the rest
    of a record that has begun. Empty at the end of the stream; raises SSLWantReadError when nothing is whole."""
    timeout_s = tls.gettimeout()
    tls.settimeout(0)
    try:
        chunks = [tls.recv(most)]
        size = len(chunks[0])
        while 0 < size < most:
            try:
                chunks.append(tls.recv(most - size))
            except OSError:  # no more for now; the next read says so if it is the end
                break
            if not chunks[-1]:
                break
            size += len(chunks[-1])
        return b"".join(chunks)
    finally:
        tls.settimeout(timeout_s)
