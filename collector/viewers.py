"""Serves those who look at the running program from outside, over a Unix socket: `run.py attach` and `run.py health`.

One thread listens, and each viewer has one of its own, which may be stuck with it for ever: the others do not notice,
and nothing is kept for a viewer that does not read but the one picture that is on its way to it.
"""

import contextlib
import logging
import os
import resource
import socket
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Lock, Thread

import msgspec

from collector.socket_file import SocketFile, Taken, ensure_nobody_answers
from shared import handshake
from shared.errors import AlreadyRunning
from shared.logs import OncePer
from shared.service_socket import AUTO, NONE, is_named, limit_waiting, own_paths, paths_to_try

PICTURE_INTERVAL_S = 0.1
"""No viewer gets pictures more often, however fast it asks."""

GREETING_LIMIT_S = 5
LOOK_INTERVAL_S = 10.0
PAUSE_S = 1.0
"""After a failure to accept a viewer, which is most likely a lack of descriptors."""

SAY_AGAIN_AFTER_S = 3600.0
END_LIMIT_S = 0.5

MOST_BRIEF = 8
"""Those who only ask for the state of the moment are not turned away for the sake of those who stay."""

ALWAYS_WELCOME, EVER_WELCOME = 4, 256
"""Viewers at once where descriptors are few, and where they are many."""

OWN_DESCRIPTORS = 100
DESCRIPTORS_OF_A_VIEWER = 2

Feed = Callable[[Connection, Callable[[], object], float], None]

log = logging.getLogger(__name__)


def most_viewers(descriptors: int) -> int:
    """As many as anybody can want, but not so many that the program itself would be short of its `descriptors`."""
    if descriptors == resource.RLIM_INFINITY:
        return EVER_WELCOME
    left = (descriptors - OWN_DESCRIPTORS) // DESCRIPTORS_OF_A_VIEWER - MOST_BRIEF
    return min(EVER_WELCOME, max(ALWAYS_WELCOME, left))


MOST_VIEWERS = most_viewers(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
MOST_CONNECTIONS = MOST_VIEWERS + MOST_BRIEF


class Viewers:
    """The socket and whoever is connected to it. `open`, `serve` and `close` are for one thread, in this order."""

    def __init__(self, feed: Feed, setting: str, environment: Mapping[str, str] = os.environ) -> None:
        """`feed` is the hub's, `setting` is that of the socket."""
        self._feed = feed
        self._setting = setting
        self._environment = environment
        self._file: SocketFile | None = None
        self._listener: socket.socket | None = None
        self._thread = Thread(target=self._run, name="viewers", daemon=True)
        self._lock = Lock()
        self._connected: dict[socket.socket, bool] = {}
        self._is_over = False
        self._once = OncePer(SAY_AGAIN_AFTER_S)

    def open(self) -> str | None:
        """Make the socket. Returns why there is none, in one line for a person; None when all is as it should be.

        Where no socket was named there is none beside another program that a viewer would find, wherever that has its
        own: which of the two is looked at would depend on who looks. Starts no thread yet. Raises AlreadyRunning when a
        living program has the socket that this one was told to have.
        """
        if self._setting == NONE:
            return None
        is_told = is_named(self._setting, self._environment)
        try:
            if not is_told:
                ensure_nobody_answers(paths_to_try(self._setting, self._environment))
            self._file, self._listener = self._opened()
        except Taken as taken:
            if is_told:
                raise AlreadyRunning(f"already running: {taken}; to run beside it: --socket PATH, or none") from None
            return f"already running: {taken}, so attach and health find it, not this one; to see this: --socket PATH"
        except OSError as error:
            return f"attach and health cannot see this program: {error}"
        return None

    def serve(self) -> None:
        """Let viewers in from now on, where there is a socket."""
        if self._listener is not None:
            self._thread.start()

    def close(self) -> None:
        """Serve nobody any more, and send those away who are connected."""
        self._is_over = True
        if self._file is None or self._listener is None:
            return
        self._file.remove()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for peer in self._connected:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(END_LIMIT_S)
        else:
            self._listener.close()

    def _opened(self) -> tuple[SocketFile, socket.socket]:
        """At the first place that can be used. Raises Taken, OSError that of the place that was tried last."""
        is_ours = self._setting == AUTO
        paths = own_paths(self._environment) if is_ours else [Path(self._setting)]
        for number, path in enumerate(paths, 1):
            file = SocketFile(path)
            try:
                return file, file.listen(is_folder_ours=is_ours)
            except OSError as error:
                if number == len(paths):
                    raise
                log.debug("no socket: %s", error)
        raise AssertionError("there is always a place to try")

    # ---- the thread that listens

    def _run(self) -> None:
        try:
            while not self._is_over:
                self._accept()
        except Exception:
            log.exception("no viewer is served any more")
        finally:
            if self._listener is not None:
                self._listener.close()

    def _accept(self) -> None:
        assert self._listener is not None
        if not wait([self._listener], LOOK_INTERVAL_S):
            self._mend()
            return
        try:
            peer, _ = self._listener.accept()
        except OSError as error:
            if not self._is_over:
                self._say("accept", f"no viewer can be let in: {error.strerror}")
                time.sleep(PAUSE_S)
            return
        self._admit(peer)

    def _mend(self) -> None:
        """The folder of a session goes with it, and comes back at the next login."""
        if self._file is None or self._file.is_there:
            return
        try:
            listener = self._file.listen(is_folder_ours=self._setting == AUTO)
        except (OSError, Taken) as error:
            if not self._is_over:
                self._say("mend", f"the socket for viewers is gone, and cannot be made again: {error}")
            return
        assert self._listener is not None
        self._listener.close()
        self._listener = listener
        log.info("the socket for viewers was gone, and was made again")

    def _admit(self, peer: socket.socket) -> None:
        with self._lock:
            is_full = len(self._connected) >= MOST_CONNECTIONS
            if not is_full:
                self._connected[peer] = False
        if is_full:
            with contextlib.closing(Connection(peer.detach())) as connection, contextlib.suppress(OSError):
                connection.send_bytes(handshake.welcome(os.getpid(), _full()))
            return
        try:
            Thread(target=self._serve, args=(peer,), name="viewer", daemon=True).start()
        except RuntimeError as error:
            self._say("thread", f"no viewer can be served: {error}")
            self._forget(peer)

    # ---- the thread of one viewer

    def _serve(self, peer: socket.socket) -> None:
        try:
            with contextlib.closing(Connection(os.dup(peer.fileno()))) as connection:
                if self._is_over:
                    return
                limit_waiting(peer, GREETING_LIMIT_S, socket.SO_RCVTIMEO)
                if self._greet(peer, connection):
                    limit_waiting(peer, 0, socket.SO_RCVTIMEO)
                    self._feed(connection, lambda: None, PICTURE_INTERVAL_S)
        except (EOFError, OSError):
            pass  # it closed, was killed, or never said who it is
        except msgspec.DecodeError:
            self._say("junk", "a viewer sent what cannot be used")
        except Exception as error:
            self._say("failure", "a viewer cannot be served", error)
        finally:
            self._forget(peer)

    def _forget(self, peer: socket.socket) -> None:
        with self._lock:
            del self._connected[peer]
        peer.close()

    def _greet(self, peer: socket.socket, connection: Connection) -> bool:
        """Whether pictures may follow. The viewer is told everything that it needs to say why not."""
        hello = handshake.read_hello(connection.recv_bytes(handshake.HELLO_LIMIT))
        is_understood = handshake.is_understood(hello)
        with self._lock:
            is_full = not hello.is_brief and sum(self._connected.values()) >= MOST_VIEWERS
            self._connected[peer] = is_understood and not hello.is_brief and not is_full
        connection.send_bytes(handshake.welcome(os.getpid(), _full() if is_full else ""))
        return is_understood and not is_full

    def _say(self, key: str, text: str, error: Exception | None = None) -> None:
        """What may repeat as often as somebody likes is said once an hour."""
        with self._lock:
            more = self._once.allows(key, time.monotonic())
        if more is not None:
            log.warning("%s%s", text, more, exc_info=error)


def _full() -> str:
    return f"{MOST_VIEWERS} viewers are attached already"
