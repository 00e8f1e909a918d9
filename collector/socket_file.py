"""The Unix socket that viewers connect to, as a file: made for its user alone, replaced when nobody answers on it."""

import contextlib
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock

from shared.errors import MonitorError
from shared.service_socket import folder_fault, length_fault, peer_pid
from shared.timing import Deadline

BACKLOG = 16
ANSWER_LIMIT_S = 1.0
LOCK_LIMIT_S = 2.0
LOCK_RETRY_S = 0.05
ONLY_FOR_ITS_USER = 0o600


class Taken(MonitorError):
    """A living program has this socket; `pid` is its process, None where the system does not tell."""

    def __init__(self, path: Path, pid: int | None) -> None:
        super().__init__(f"{'another program' if pid is None else f'pid {pid}'} has the socket {path}")


class SocketFile:
    """One socket at `path`; after `listen` the file is there. `remove` may be called by another thread meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None
        self._lock = Lock()
        self._is_removed = False

    def listen(self, *, is_folder_ours: bool) -> socket.socket:
        """Listen at the path, in place of a socket that a killed program left there. Takes three seconds at most.

        `is_folder_ours`: the folder is made if need be, and must be the user's alone. Raises Taken, or OSError with one
        sentence when no socket can be there.
        """
        if (fault := length_fault(str(self.path))) is not None:
            raise OSError(f"{self.path} {fault}")
        try:
            if is_folder_ours:
                _prepare(self.path.parent)
            with _locked(self.path.parent):
                self._make_room()
                return self._bound()
        except OSError as error:
            raise OSError(f"{self.path}: {error.strerror or error}") from error

    @property
    def is_there(self) -> bool:
        """Whether viewers still find what `listen` made: a clean-up of the folder may have taken it away."""
        return self._identity is not None and _identity_of(self.path) == self._identity

    def remove(self) -> None:
        """Take the file away for good, unless it is gone already, or another program's by now. Never raises."""
        with self._lock, contextlib.suppress(OSError):
            self._is_removed, is_there, self._identity = True, self.is_there, None
            if is_there:
                self.path.unlink()

    def _make_room(self) -> None:
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise OSError("there is something that is no socket")
        _ensure_nobody_answers(self.path)
        self.path.unlink()

    def _bound(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with self._lock:
                if self._is_removed:
                    raise OSError("it was removed for good")
                listener.bind(str(self.path))
                self.path.chmod(ONLY_FOR_ITS_USER)
                self._identity = _identity_of(self.path)
            listener.listen(BACKLOG)  # before this nobody could connect, whatever the mode was
        except OSError:
            listener.close()
            raise
        return listener


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (fault := folder_fault(folder)) is not None:
        raise OSError(f"its folder {fault}")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Of two programs that start at the same moment the second one has to find the socket of the first.

    The lock is the kernel's, and ends with its process.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = Deadline(LOCK_LIMIT_S)
        while not _try_to_lock(descriptor):
            if deadline.is_over():
                raise OSError("another program holds its folder")
            time.sleep(LOCK_RETRY_S)
        yield
    finally:
        os.close(descriptor)


def _try_to_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def ensure_nobody_answers(paths: Iterable[Path]) -> None:
    """Raises Taken for the first of `paths` on which a program answers. One that we may not open is none of ours."""
    for path in paths:
        with contextlib.suppress(OSError):
            _ensure_nobody_answers(path)


def _ensure_nobody_answers(path: Path) -> None:
    """Raises Taken; OSError when it cannot be told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_LIMIT_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except (TimeoutError, BlockingIOError):
            raise Taken(path, None) from None  # alive, and too busy to say so
        raise Taken(path, peer_pid(probe))


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
