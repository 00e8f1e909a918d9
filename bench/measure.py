"""What a program costs: processor time and memory of all processes of its session, read from /proc (Linux)."""

import os
from collections.abc import Iterator
from pathlib import Path


def processes(session: int) -> Iterator[Path]:
    """The /proc folders of the session's processes."""
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and os.getsid(int(path.name)) == session:
                yield path
        except OSError:
            continue


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
