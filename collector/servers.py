"""The two servers of multiprocessing that every start of a child depends on: begun first of all, replaced when stopped.

The fork server forks the children and tells of their deaths; the resource tracker removes the semaphores that a killed
program leaves behind.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Iterator, Sequence
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from threading import Event, Thread

from shared.errors import BootError
from shared.logs import OncePer
from shared.processes import SCRATCH_FOLDER, run_state, signals_blocked

LOOK_INTERVAL_S = 0.25
SAY_AGAIN_AFTER_S = 60.0
"""One that cannot be started at all is found dead at every look."""

STANDARD_ERROR = 2
ONE_ARENA = ("MALLOC_ARENA_MAX", "1")
"""glibc gives each thread a part of memory of its own, which fills with holes; a GIL makes one enough for all."""

log = logging.getLogger(__name__)


class Servers:
    """`start` is for their parent, before it has work in progress or threads besides that of its log."""

    def __init__(self) -> None:
        self._is_over = Event()
        self._once = OncePer(SAY_AGAIN_AFTER_S)
        self._watch = Thread(target=self._run, name="servers", daemon=True)

    def start(self, preload: Sequence[str], folder: Path) -> None:
        """Start both, and look after them from then on; `preload` are modules in `folder`, which all children share.

        Raises BootError where the sockets of multiprocessing cannot be made.
        """
        paths = [str(folder), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # where it looks for what it preloads
        os.environ.setdefault(*ONE_ARENA)
        forkserver.set_forkserver_preload(list(preload))
        _start_resource_tracker()
        try:
            os.environ[SCRATCH_FOLDER] = util.get_temp_dir()
            with signals_blocked():
                forkserver.ensure_running()
        except OSError as error:
            raise BootError(f"the folder for temporary files ($TMPDIR) can hold no socket: {error}") from None
        self._watch.start()

    def close(self) -> None:
        """Look after them no more. They end by themselves after the last process that knows them, if they run."""
        self._is_over.set()
        if self._watch.is_alive():
            self._watch.join()
            if (fault := _fault_of_fork_server()) is not None:
                _end_fork_server(fault)
            _mend_resource_tracker(self._once)

    @staticmethod
    def processes() -> dict[str, int]:
        """Their processes by their names, as far as they were started."""
        pids = {"fork server": _fork_server_pid(), "resource tracker": _resource_tracker_pid()}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def _run(self) -> None:
        """In a thread of its own: whoever starts a child while the fork server is stopped, waits for it for ever."""
        fault_before = None
        while not self._is_over.wait(LOOK_INTERVAL_S):
            fault = _fault_of_fork_server()
            try:
                if fault is not None and fault == fault_before:  # not only seen so while all of us go on after Ctrl+Z
                    Path(util.get_temp_dir()).mkdir(mode=0o700, parents=True, exist_ok=True)  # for the next one
                    _end_fork_server(fault)
                fault_before = fault
                _mend_resource_tracker(self._once)
            except OSError as error:  # most likely a lack of descriptors or processes, which may pass
                _warn(self._once, f"the servers of multiprocessing cannot be mended yet: {error.strerror}")


def _fork_server_pid() -> int | None:
    pid: int | None = getattr(forkserver._forkserver, "_forkserver_pid", None)
    return pid


def _resource_tracker_pid() -> int | None:
    pid: int | None = getattr(resource_tracker._resource_tracker, "_pid", None)
    return pid


def _fault_of_fork_server() -> str | None:
    """Why it starts no child any more; None: it does, or it is known to be gone."""
    state = run_state(_fork_server_pid())
    if state == "T":
        return "the fork server was stopped"
    address = getattr(forkserver._forkserver, "_forkserver_address", None)
    if state in ("Z", None) or address is None or Path(address).exists():
        return None
    return "the socket of the fork server was removed"  # by who cleans up the folder for temporary files


def _end_fork_server(fault: str) -> None:
    """When it is gone, its children count as dead, and a new one is made."""
    if (pid := _fork_server_pid()) is not None:
        log.warning("%s: it is replaced, and all children with it", fault)
        with contextlib.suppress(ProcessLookupError):  # it was, by whoever starts a child
            os.kill(pid, signal.SIGKILL)


def _warn(once: OncePer, text: str) -> None:
    if (more := once.allows(text, time.monotonic())) is not None:
        log.warning("%s%s", text, more)


def _mend_resource_tracker(once: OncePer) -> None:
    """Before anybody needs it, for then it would be replaced with much ado."""
    pid = _resource_tracker_pid()
    if pid is not None and run_state(pid) in ("T", "Z", None):
        _warn(once, "the resource tracker was stopped: it is replaced")
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # somebody else was faster
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)  # else it might still seem to be there
        _start_resource_tracker()


def _start_resource_tracker() -> None:
    """Mute: what it can say is that a killed program left semaphores behind, and it removes them anyway."""
    with signals_blocked(), _mute():
        resource_tracker.ensure_running()  # unblocks signals when it starts, so not together with the fork server


@contextlib.contextmanager
def _mute() -> Iterator[None]:
    """Neither this process nor one that is started in the block has a standard error output."""
    try:
        kept = os.dup(STANDARD_ERROR)
    except OSError:
        kept = None  # it is closed already
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with contextlib.redirect_stderr(None):
            os.dup2(nowhere, STANDARD_ERROR)
            yield
    finally:
        os.close(nowhere)
        if kept is not None:
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)
