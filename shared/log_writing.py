"""Log lines on their way out: who logs hands over a finished line and goes on, a thread of its own writes it.

A terminal that is held, a pipe that nobody reads and a disk that hangs or is full hold up nobody: the lines wait until
they can be written, as many as there is room for.
"""

import contextlib
import fcntl
import os
import select
import stat
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Condition, Thread
from typing import Protocol

from shared.processes import signals_blocked

BACKLOG_LIMIT = 256 * 1024
"""Bytes that wait to be written: some two thousand lines."""


class Output(Protocol):
    """Where lines go. Each method blocks as long as the system does; one thread at a time calls them."""

    def write(self, line: bytes) -> int:
        """Returns how many bytes were taken, which is all of them unless the system takes a line in parts.

        Raises OSError when none can be taken now.
        """

    def close(self) -> None:
        """Raises OSError. Nothing may be called afterwards."""


class Descriptor:
    """A copy of an open descriptor: who points the original elsewhere for a moment catches no line."""

    def __init__(self, original: int) -> None:
        """Raises OSError when it is not open."""
        self._descriptor = os.dup(original)

    def write(self, line: bytes) -> int:
        return _write(self._descriptor, line)

    def close(self) -> None:
        os.close(self._descriptor)


class AppendedFile:
    """A file, by its path: once it was moved away or removed, another is begun in its place.

    With a limit of bytes, whoever of its writers finds it full moves it away, to `path.1`, and what was there on to
    `path.2`, as far as `path.<keep>`. Several processes may write to it: each line is in one of these files.
    """

    def __init__(self, path: Path, limit: int | None = None, keep: int = 1) -> None:
        """Raises OSError when it cannot be opened."""
        self._path = path
        self._limit = limit
        self._keep = keep
        self._descriptor: int | None = _opened(path)

    def write(self, line: bytes) -> int:
        if self._descriptor is not None and self._limit is not None:
            self._make_room(self._descriptor, len(line), self._limit)
        if self._descriptor is not None and self._is_elsewhere(self._descriptor):
            self.close()
        if self._descriptor is None:
            self._descriptor = _opened(self._path)
        written = _write(self._descriptor, line)
        return 0 if self._is_lost(self._descriptor) else written

    def close(self) -> None:
        if (descriptor := self._descriptor) is not None:
            self._descriptor = None
            os.close(descriptor)

    def _is_elsewhere(self, descriptor: int) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return True

    def _is_lost(self, descriptor: int) -> bool:
        """Whether it was removed before the line was in it: by the last of so many moves in a moment, or a person."""
        return os.fstat(descriptor).st_nlink == 0 and self._is_elsewhere(descriptor)

    def _make_room(self, descriptor: int, size: int, limit: int) -> None:
        """Nothing when another is about it, or it cannot be done: then the file becomes larger than it should."""
        status = os.fstat(descriptor)
        if status.st_size and status.st_size + size > limit and stat.S_ISREG(status.st_mode):
            with contextlib.suppress(OSError):
                self._move_away(descriptor)

    def _move_away(self, descriptor: int) -> None:
        """The lock is on the very file, and goes with whoever dies while holding it. Raises OSError."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            if not self._is_elsewhere(descriptor):
                self._shift()
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _shift(self) -> None:
        """Up to the first number that is free, as it is when somebody died here: no file goes too early."""
        places = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self._keep + 1))]
        free = next((index for index, place in enumerate(places) if not place.exists()), self._keep)
        for index in range(free, 0, -1):
            places[index - 1].replace(places[index])


def _opened(path: Path) -> int:
    """Not blocking: a named pipe that nobody reads would hold up the opening."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY | os.O_NONBLOCK, 0o666)


def _write(descriptor: int, line: bytes) -> int:
    """Whether the descriptor blocks or not, this does."""
    while True:
        try:
            return os.write(descriptor, line)
        except BlockingIOError:
            room = select.poll()
            room.register(descriptor, select.POLLOUT)
            room.poll()


class Backlog:
    """Lines that wait to be written, `limit` bytes of them at most. Pure.

    From the first line that has no room on, all are dropped until those that had room are written: that makes one gap,
    and `notice`, given how many lines are missing, makes the line that takes their place.
    """

    def __init__(self, limit: int, notice: Callable[[int], bytes]) -> None:
        self._limit = limit
        self._notice = notice
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0

    def add(self, line: bytes) -> None:
        if self._dropped or self._size + len(line) > self._limit:
            self._dropped += 1
        else:
            self._append(line)

    def first(self) -> bytes | None:
        """The line to write next, or what is left of it; None when there is none."""
        if not self._lines and self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._append(self._notice(dropped))
        return self._lines[0] if self._lines else None

    def written(self, count: int) -> None:
        """So many bytes of the first line were."""
        rest = self._lines.popleft()[count:]
        self._size -= count
        if rest:
            self._lines.appendleft(rest)

    def _append(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)


class LogWriter:
    """A backlog and the thread that writes it. A line that cannot be written is tried again when the next one comes."""

    def __init__(self, output: Output, notice: Callable[[int], bytes], limit: int = BACKLOG_LIMIT) -> None:
        """Starts the thread. `output` is closed by this object. `notice`: see Backlog; it must not log."""
        self._output = output
        self._backlog = Backlog(limit, notice)
        self._changed = Condition()
        self._is_due = self._is_writing = self._is_over = False
        self._thread: Thread | None = None
        self._has_thread()

    def put(self, line: bytes) -> None:
        """Have a line written; does not wait for it. One thread at a time may call it.

        Only while the system has no room for the thread, the line is written here and now.
        """
        with self._changed:
            if self._is_over:
                return
            self._backlog.add(line)
            self._is_due = True
            self._changed.notify_all()
        if not self._has_thread():
            self._write_when_due()

    def flush(self, within_s: float) -> bool:
        """Until all lines are written or one cannot be, but no longer than that. Returns whether that was enough."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_due and not self._is_writing, within_s)

    def close(self) -> None:
        """Take no more lines. Those that were taken are still written, if they can be and the process lives so long."""
        with self._changed:
            if self._is_over:
                return
            self._is_due = self._is_over = True
            self._changed.notify_all()
        if self._thread is None:
            self._run()

    def _has_thread(self) -> bool:
        if self._thread is None:
            thread = Thread(target=self._run, name="log", daemon=True)
            with signals_blocked(), contextlib.suppress(RuntimeError):  # "can't start new thread"
                thread.start()
                self._thread = thread
        return self._thread is not None

    def _run(self) -> None:
        while self._write_when_due():
            pass
        with contextlib.suppress(OSError):
            self._output.close()

    def _write_when_due(self) -> bool:
        """Wait for lines, then write until all are written or one cannot be. Returns False when no more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_due or self._is_over)
            self._is_writing, self._is_due = self._is_due, False
            if not self._is_writing:
                return False
        with contextlib.suppress(OSError):
            while (line := self._first()) is not None:
                self._written(self._output.write(line))
        with self._changed:
            self._is_writing = False
            self._changed.notify_all()
        return True

    def _first(self) -> bytes | None:
        with self._changed:
            return self._backlog.first()

    def _written(self, count: int) -> None:
        with self._changed:
            self._backlog.written(count)
