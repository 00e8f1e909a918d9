"""The fuzz targets hold on what they begin with and on some thousands of cases; `make drills` runs millions."""

import importlib.util
import subprocess
import sys
import traceback
from random import Random

import pytest

from tests.drills.fuzz.seeds import mutated, seeds_of
from tests.drills.fuzz.targets import TARGETS, read_by_the_program
from tests.process.program import CHECKOUT

CASES = 1500


@pytest.mark.parametrize("target", TARGETS)
def test_cases_by_chance(target: str) -> None:
    random, seeds = Random(7), seeds_of(target)
    cases = {*seeds, *(mutated(seeds, random) for _ in range(CASES))}
    assert len(cases) > 0.9 * CASES, "hardly any of them twice"
    assert {case: told for case in sorted(cases) if (told := what_fails(target, case))} == {}


def what_fails(target: str, case: bytes) -> str:
    try:
        TARGETS[target](case)
    except Exception:
        return traceback.format_exc()
    return ""


def test_the_streams_that_are_begun_with_hold_messages() -> None:
    found = [read_by_the_program([seed[2:]]) for seed in seeds_of("split")]
    assert sum(len(bodies) for read in found for bodies in read.messages.values()) > 20
    assert any(read.others for read in found)
    assert any(read.controls for read in found)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not to be had here")
def test_cases_guided_by_coverage() -> None:
    command = [sys.executable, "-m", "tests.drills.fuzz", "split", "2000"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "number_of_executed_units: 2000" in done.stderr
