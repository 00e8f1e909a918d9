"""What every child process does first: signals as this program uses them, and an end with its parent."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import wait
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
