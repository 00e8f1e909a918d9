"""Processes as this program uses them: what each child does first, its signals, and its end with its parent."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""What ends the program: Ctrl+C, `kill` or a service manager, the terminal closed."""

EXIT_TERMINAL_LOST = 69
"""A display's terminal is gone: there is no sense in starting another display on it."""


def become_child(on_terminate: Callable[[], object]) -> None:
    """To be called first of all in the main thread of a child process.

    Ctrl+C and a closed terminal reach the whole process group and are the supervisor's affair: ignored here. SIGTERM
    calls `on_terminate` in the main thread, which has to return at once. The parent had blocked these signals around
    the start; they are unblocked here. The process ends, without a word, as soon as its parent is gone: nobody is left
    to tell or to serve.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: on_terminate())
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
    or a closed terminal send it, cannot hit them before they are ready for it, or at all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_state(pid: int | None) -> str | None:
    """The scheduler's letter for a process's main thread (R, S, D, T, Z); None where /proc does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None
