"""The running program as a viewer finds it: its socket, the handshake, and its pictures. Read-only."""

import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

import msgspec

from display.feed import Feed
from shared import handshake
from shared.errors import NoService
from shared.handshake import Welcome, is_understood, misunderstanding
from shared.market import Market
from shared.printable import printable
from shared.service_socket import length_fault, limit_waiting, peer_pid
from shared.timing import Deadline

ANSWER_LIMIT_S = 5
"""How long the program may take for a sign of life, and for the state of the moment."""

WELCOME_LIMIT = 10_000
LENGTH = struct.Struct("!i")
"""What `Connection` sends before each message."""

READ_SIZE = 1_000_000


class ServiceFeed(Feed):
    """The hub of the running program. `quit` ends the looking alone: nothing that a viewer does is told to it."""

    def __init__(self, connection: Connection, pid: int) -> None:
        super().__init__(connection)
        self.pid = pid
        self.has_left = False
        self._arrived = bytearray()
        os.set_blocking(connection.fileno(), False)

    def quit(self) -> None:
        self.has_left = self.is_over = True

    def close(self) -> None:
        self.is_over = True
        self._connection.close()

    def receive(self) -> bool:
        """Fold in a picture that has come, as a whole; False when there is none. Never blocks; raises NoService."""
        try:
            return super().receive()
        except msgspec.DecodeError:
            raise NoService(f"the running program (pid {self.pid}) sent what cannot be read") from None

    def state_of_now(self) -> Market:
        """The whole market, at once. Blocks for ANSWER_LIMIT_S at most; raises NoService."""
        self.ask()
        deadline = Deadline(ANSWER_LIMIT_S)
        while self.market is None:
            if self.is_over or deadline.is_over():
                raise NoService(
                    f"the running program (pid {self.pid}) " + ("has ended" if self.is_over else _silence())
                )
            wait([self.fileno()], deadline.remaining())
            self.receive()
        return self.market

    def _receive(self) -> bytes | None:
        """The program may be stopped in the middle of a picture: what has come of it is kept, and its rest awaited."""
        while not self.is_over:
            if (data := self._whole()) is not None:
                return data
            try:
                more = os.read(self.fileno(), READ_SIZE)
            except BlockingIOError:
                break
            except OSError:
                more = b""
            self.is_over = not more
            self._arrived += more
        return None

    def _whole(self) -> bytes | None:
        """The first message, once all of it is here."""
        if len(self._arrived) < LENGTH.size:
            return None
        end = LENGTH.size + LENGTH.unpack_from(self._arrived)[0]
        if len(self._arrived) < end:
            return None
        data = bytes(self._arrived[LENGTH.size : end])
        del self._arrived[:end]
        return data


class _Reached(NamedTuple):
    socket: socket.socket
    path: Path


def reach(paths: Sequence[Path], *, is_brief: bool) -> ServiceFeed:
    """The program behind the first of `paths` on which one answers. Blocks for seconds at most; raises NoService.

    `is_brief`: only its state of the moment is wanted.
    """
    reached = _connected(paths)
    pid = peer_pid(reached.socket)
    reached.socket.setblocking(True)
    limit_waiting(reached.socket, ANSWER_LIMIT_S, socket.SO_RCVTIMEO, socket.SO_SNDTIMEO)
    connection = Connection(reached.socket.detach())
    try:
        welcome = _welcome(connection, f"the program behind {reached.path}{f' (pid {pid})' if pid else ''}", is_brief)
        if not is_understood(welcome):
            raise NoService(misunderstanding(welcome))
        if welcome.refusal:
            raise NoService(f"the running program (pid {welcome.pid}) lets nobody in: {printable(welcome.refusal)}")
    except BaseException:
        connection.close()
        raise
    return ServiceFeed(connection, welcome.pid)


def _connected(paths: Sequence[Path]) -> _Reached:
    if not paths:
        raise NoService('the settings say that no program has a socket: [service] socket = "none"')
    closed = ""
    for path in paths:
        if (fault := length_fault(str(path))) is not None:
            if len(paths) == 1:
                raise NoService(f"{path} {fault}")
            continue
        attempt = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        attempt.settimeout(ANSWER_LIMIT_S)
        try:
            attempt.connect(str(path))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            attempt.close()
        except (TimeoutError, BlockingIOError):
            attempt.close()
            raise NoService(f"the program behind {path} {_silence()}") from None
        except OSError as error:
            attempt.close()
            closed = closed or f"{path} cannot be opened: {error.strerror}"
        else:
            return _Reached(attempt, path)
    raise NoService(closed or f"no program is running: nobody answers at {' or '.join(map(str, paths))}")


def _welcome(connection: Connection, who: str, is_brief: bool) -> Welcome:
    with contextlib.suppress(OSError):  # what it says may be there all the same
        connection.send_bytes(handshake.hello(is_brief=is_brief))
    try:
        return handshake.read_welcome(connection.recv_bytes(WELCOME_LIMIT))
    except BlockingIOError:
        raise NoService(f"{who} {_silence()}") from None
    except (EOFError, OSError):
        raise NoService(f"{who} ended when it was asked") from None
    except msgspec.DecodeError:
        raise NoService(f"{who} is not moex-monitor") from None


def _silence() -> str:
    return f"gives no answer within {ANSWER_LIMIT_S} s"
