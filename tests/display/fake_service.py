"""A running program as a viewer meets it, on a socket of the test, driven by a thread of its own."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from shared import handshake
from shared.handshake import Hello, read_hello
from shared.market import Market
from shared.wire import Request, decode_request, encode

PID = 4711


class FakeService:
    """Greets with `welcome` and answers each NEXT with `answer`, both bytes made anew each time; None: not at all."""

    def __init__(self, path: Path, market: Market) -> None:
        self.path = path
        self.market = market
        self.hellos: list[Hello] = []
        self.requests: list[Request] = []
        self.welcome: Callable[[], bytes | None] = lambda: handshake.welcome(PID)
        self.answer: Callable[[], bytes | None] = lambda: encode(self.market.picture(-1))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._peers: list[socket.socket] = []
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self._peers.append(peer)
                self._threads.append(Thread(target=self._serve, args=(Connection(os.dup(peer.fileno())),)))
                self._threads[-1].start()

    def _serve(self, connection: Connection) -> None:
        with closing(connection), suppress(OSError, EOFError):
            self.hellos.append(read_hello(connection.recv_bytes()))
            said = self.welcome()
            while said is not None or connection.poll(None):
                if said is not None:
                    connection.send_bytes(said)
                self.requests.append(decode_request(connection.recv_bytes()))
                said = self.answer()

    def hang_up(self) -> None:
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.hang_up()
        for thread in self._threads:
            thread.join()
        for sock in (*self._peers, self._listener):
            sock.close()
        self.path.unlink()


@contextmanager
def fake_service(path: Path, market: Market) -> Iterator[FakeService]:
    service = FakeService(path, market)
    try:
        yield service
    finally:
        service.close()
