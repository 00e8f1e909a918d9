"""Processes as this program uses them: what each child does first, its signals, and its end with its parent."""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Thread
from typing import NamedTuple

STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""What ends the program: Ctrl+C, `kill` or a service manager, the terminal closed."""

_FIRST_LEVEL_SIGNAL: int | None = getattr(signal, "SIGRTMIN", None)
LEVEL_SIGNALS: Mapping[str, int] = (
    {}
    if _FIRST_LEVEL_SIGNAL is None
    else {level: _FIRST_LEVEL_SIGNAL + index for index, level in enumerate(("debug", "info", "warning", "error"), 1)}
)
"""What tells a child that its log has another level from now on; none where the system has no such signals."""

EXIT_TERMINAL_LOST = 69
"""A display's terminal is gone: there is no sense in starting another display on it."""
EXIT_OWN_FAILURE = 70
"""Of a child that failed in a way that was not foreseen."""

SCRATCH_FOLDER = "MULTIPROCESSING_FOLDER"
"""In the environment of the fork server: where its parent has what multiprocessing keeps in files, such as sockets."""

OWN_NAME = Path("/proc/self/comm")
STAT_FIELDS_READ = 22

log = logging.getLogger(__name__)


class ChildProcess(ForkServerProcess):
    """Shows its name in `top`; when its target fails it ends with EXIT_OWN_FAILURE, and the log has the traceback."""

    silent_for_s = 0.0
    """When it fails so early, only a log that has everything has the traceback."""

    def run(self) -> None:
        show_name(f"moex-{self.name}")
        began = time.monotonic()
        try:
            super().run()
        except Exception:
            level = logging.ERROR if time.monotonic() - began >= self.silent_for_s else logging.DEBUG
            log.log(level, "the process failed", exc_info=True)
            sys.exit(EXIT_OWN_FAILURE)


def show_name(name: str) -> None:
    """What `top` and `ps -o comm` call this process, and the threads it starts from now on: its first 15 bytes.

    Nothing where there is no /proc. For the main thread alone.
    """
    with contextlib.suppress(OSError):
        OWN_NAME.write_text(name)


def become_child(on_terminate: Callable[[], object], on_level: Callable[[str], object] | None = None) -> None:
    """To be called first of all in the main thread of a child process.

    Ctrl+C and a closed terminal reach the whole process group and are the supervisor's affair: ignored here. SIGTERM
    calls `on_terminate` in the main thread, one of LEVEL_SIGNALS `on_level` with the name of the level; both have to
    return at once. The parent had blocked all these signals around the start; they are unblocked here. The process
    ends, without a word, as soon as its parent is gone: nobody is left to tell or to serve.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: on_terminate())
    if on_level is not None:
        for level, signal_of_level in LEVEL_SIGNALS.items():
            signal.signal(signal_of_level, lambda *_, level=level: on_level(level))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LEVEL_SIGNALS.values())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "not a child process"
    wait([parent.sentinel])
    os._exit(1)


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Children, and the servers of multiprocessing, inherit the mask: a signal to the whole process group, as Ctrl+C
    or a closed terminal send it, or one of LEVEL_SIGNALS cannot hit them before they are ready for it, or at all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*STOP_SIGNALS, *LEVEL_SIGNALS.values()})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Usage(NamedTuple):
    """What a process has used: seconds of processor time since its start, and the memory that it occupies now.

    Pages that several processes share count in each of them.
    """

    cpu_s: float
    memory_bytes: int


def usage_of(pid: int) -> Usage | None:
    """None where /proc does not tell, or no longer."""
    if len(fields := _stat_fields(pid)) < STAT_FIELDS_READ:
        return None
    user, system, pages = int(fields[11]), int(fields[12]), int(fields[21])
    return Usage((user + system) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


def run_state(pid: int | None) -> str | None:
    """The scheduler's letter for a process's main thread (R, S, D, T, Z); None where /proc does not tell."""
    fields = _stat_fields(pid)
    return fields[0] if fields else None


def _stat_fields(pid: int | None) -> list[str]:
    """Those after the name of the process, which may hold blanks; empty where /proc does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
