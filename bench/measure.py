"""What a program costs: processor time and memory of all processes of its session, read from /proc (Linux)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Held(NamedTuple):
    """What all processes of a session hold at one moment."""

    pss_mb: float
    descriptors: int
    threads: int


def processes(session: int) -> Iterator[Path]:
    """The /proc folders of the session's processes."""
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and os.getsid(int(path.name)) == session:
                yield path
        except OSError:
            continue


def child_of(pid: int) -> int:
    """The process that `pid` started first and that still runs."""
    return int(_text(Path(f"/proc/{pid}/task/{pid}/children")).split()[0])


def cpu_s(session: int) -> float:
    """User and system seconds of all threads that are alive."""
    total_ns = 0
    for process in processes(session):
        for task in _listed(process / "task"):
            total_ns += int((_text(task / "schedstat").split() or ["0"])[0])
    return total_ns / 1e9


def pss_mb(session: int) -> float:
    """Proportional memory: what is shared counts once."""
    kilobytes = 0
    for process in processes(session):
        for line in _text(process / "smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


def held(session: int) -> Held:
    found = list(processes(session))
    return Held(
        pss_mb=pss_mb(session),
        descriptors=sum(len(_listed(process / "fd")) for process in found),
        threads=sum(len(_listed(process / "task")) for process in found),
    )


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
