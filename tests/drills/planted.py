"""Faults inside the program's own processes, for what no signal from outside can bring about.

`planted` makes the environment of a program whose every Python process imports this file when it starts. In its folder
a file with the name of a process (`worker-1`, `display`) says what becomes of each new process of that name:

die      it ends before its program begins
deaf     SIGTERM does nothing
watch    it runs `watching.watch` in place of its program

`BOOT_PATIENCE_S` in the folder shortens child.BOOT_PATIENCE_S.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

FOLDER = "DRILL_FAULTS"
CHECKOUT = Path(__file__).parents[2]


def planted(folder: Path, faults: Mapping[str, str]) -> dict[str, str]:
    """The environment of such a program; `faults` are the first files of `folder`, which is made."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"import {__name__}\n{__name__}.plant()\n")
    for name, fault in faults.items():
        (folder / name).write_text(fault)
    return {FOLDER: str(folder), "PYTHONPATH": os.pathsep.join([str(folder), str(CHECKOUT)])}


def plant() -> None:
    """In each process of the program, before it does anything else."""
    folder = Path(os.environ[FOLDER])
    patience = folder / "BOOT_PATIENCE_S"
    if patience.exists() and any(argument.endswith("run.py") for argument in sys.orig_argv):
        from collector import child

        child.BOOT_PATIENCE_S = float(patience.read_text())
    begin: Callable[..., int] = BaseProcess._bootstrap  # type: ignore[attr-defined]

    def begin_with_fault(process: BaseProcess, *arguments: object, **more: object) -> int:
        fault = folder / process.name
        if fault.exists():
            FAULTS[fault.read_text()](process)
        return begin(process, *arguments, **more)

    BaseProcess._bootstrap = begin_with_fault  # type: ignore[attr-defined]


def _die(process: BaseProcess) -> None:
    os._exit(9)


def _become_deaf(process: BaseProcess) -> None:
    set_handler = signal.signal
    set_handler(signal.SIGTERM, signal.SIG_IGN)
    signal.signal = lambda number, handler: None if number == signal.SIGTERM else set_handler(number, handler)  # type: ignore[assignment]


def _watch(process: BaseProcess) -> None:
    from tests.drills.watching import watch

    process._target = watch  # type: ignore[attr-defined]


FAULTS: dict[str, Callable[[BaseProcess], None]] = {"die": _die, "deaf": _become_deaf, "watch": _watch}
