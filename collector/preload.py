"""What the fork server does before it forks anything, so that every worker shares it instead of doing it again."""

import atexit
import gc
import os
import shutil

from collector import worker
from collector.dialing import tls_context
from shared.processes import SCRATCH_FOLDER

__all__ = ["worker"]


def _clean_up_after(parent: int, folder: str) -> None:
    """A parent that was killed could not remove its folder, and its next start has another one."""
    if os.getppid() != parent:
        shutil.rmtree(folder, ignore_errors=True)


if (folder := os.environ.pop(SCRATCH_FOLDER, None)) is not None:
    atexit.register(_clean_up_after, os.getppid(), folder)

tls_context()  # the system's authorities: 5 MB and 30 ms
gc.freeze()  # what is loaded is no garbage: a collection would look at all of it, and by that unshare its pages
