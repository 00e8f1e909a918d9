"""Faults inside the program's own processes, for what no signal from outside can bring about.

`planted` makes the environment of a program whose every Python process imports this file when it starts. In its folder
a file with the name of a process (`worker-1`, `display`) says what becomes of each new process of that name:

die      it ends before its program begins; `deaths` in the folder grows by one byte
fail     its program raises ZeroDivisionError once its log is there (workers only)
hang     its program never begins
deaf     SIGTERM does nothing

While there is a file `deaf-hub`, the hub takes nothing of what workers send; while there is `stuck-supervisor`, the
supervisor's loop stands still and its other threads go on. A file named as a constant, such as
`collector.child.BOOT_PATIENCE_S`, holds the value that it has in the processes of run.py itself.
"""

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from shared.processes import show_name

FOLDER = "DRILL_FAULTS"
DEATHS = "deaths"
DEAF_HUB = "deaf-hub"
STUCK_SUPERVISOR = "stuck-supervisor"
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
    if any(argument.endswith("run.py") for argument in sys.orig_argv):
        _plant_in_supervisor(folder)
    begin: Callable[..., int] = BaseProcess._bootstrap  # type: ignore[attr-defined]

    def begin_with_fault(process: BaseProcess, *arguments: object, **more: object) -> int:
        fault = folder / process.name
        if fault.exists():
            FAULTS[fault.read_text()](process)
        return begin(process, *arguments, **more)

    BaseProcess._bootstrap = begin_with_fault  # type: ignore[attr-defined]


def _plant_in_supervisor(folder: Path) -> None:
    for constant in folder.glob("*.*.*"):
        module, _, name = constant.name.rpartition(".")
        setattr(importlib.import_module(module), name, float(constant.read_text()))
    from collector import hub, supervisor

    take, wait = hub.Hub._take, supervisor.Supervisor._wait

    def take_when_it_hears(self: hub.Hub, drain: hub.Drain, data: bytes) -> None:
        while (folder / DEAF_HUB).exists():
            time.sleep(0.02)
        take(self, drain, data)

    def wait_while_it_is_stuck(self: supervisor.Supervisor, timeout_s: float) -> None:
        wait(self, timeout_s)
        while (folder / STUCK_SUPERVISOR).exists():
            time.sleep(0.02)

    hub.Hub._take = take_when_it_hears  # type: ignore[method-assign]
    supervisor.Supervisor._wait = wait_while_it_is_stuck  # type: ignore[method-assign]


def _die(process: BaseProcess) -> None:
    with Path(os.environ[FOLDER], DEATHS).open("ab") as file:
        file.write(b".")
    os._exit(9)


def _fail(process: BaseProcess) -> None:
    from collector.worker import Worker

    Worker.run = lambda worker: 1 / 0  # type: ignore[method-assign, assignment]


def _hang(process: BaseProcess) -> None:
    show_name(f"moex-{process.name}")
    while True:
        time.sleep(3600)


def _become_deaf(process: BaseProcess) -> None:
    set_handler = signal.signal
    set_handler(signal.SIGTERM, signal.SIG_IGN)
    signal.signal = lambda number, handler: None if number == signal.SIGTERM else set_handler(number, handler)  # type: ignore[assignment]


FAULTS: dict[str, Callable[[BaseProcess], None]] = {"die": _die, "fail": _fail, "hang": _hang, "deaf": _become_deaf}
