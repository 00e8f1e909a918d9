"""Costs are those of every process of a session, and of nobody else."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench import measure

FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "print(sum(range(10**7)), flush=True); input()"])
print(flush=True)
child.wait()
"""


@pytest.fixture
def family() -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a session of its own, and a child of it that has worked; both wait for the end of their input."""
    process = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert {len(process.stdout.readline()) > 1, len(process.stdout.readline()) > 1} == {True, False}
    yield process
    end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.communicate(b"\n")


def test_the_processes_of_a_session_are_found(family: "subprocess.Popen[bytes]") -> None:
    child = measure.child_of(family.pid)
    assert {int(path.name) for path in measure.processes(family.pid)} == {family.pid, child}
    assert os.getpid() not in {family.pid, child}


def test_what_a_child_has_worked_and_holds_counts(family: "subprocess.Popen[bytes]") -> None:
    assert measure.cpu_s(family.pid) > 0.05
    held = measure.held(family.pid)
    assert held.pss_mb > 1
    assert held.threads == 2
    assert held.descriptors >= 6


def test_a_session_that_is_gone_costs_nothing(family: "subprocess.Popen[bytes]") -> None:
    end(family)
    assert (measure.cpu_s(family.pid), measure.pss_mb(family.pid)) == (0.0, 0.0)
