"""The fuzz targets hold on what they begin with and on some thousands of cases; `make drills` runs millions."""

import importlib.util
import subprocess
import sys
import traceback
from collections.abc import Callable
from random import Random
from unittest import mock

import pytest

from tests.drills.fuzz.__main__ import CASES as CASES_OF_MAKE_DRILLS
from tests.drills.fuzz.seeds import SEEDS, mutated, seeds_of
from tests.drills.fuzz.splitting import read_by_the_program
from tests.drills.fuzz.targets import TARGETS
from tests.process.program import CHECKOUT

CASES = 250


def cases_of(target: str) -> list[bytes]:
    random, seeds = Random(7), seeds_of(target)
    return sorted({*seeds, *(mutated(seeds, random) for _ in range(CASES))})


def what_fails(target: str, case: bytes) -> str:
    try:
        TARGETS[target](case)
    except Exception:
        return traceback.format_exc()
    return ""


@pytest.mark.parametrize("target", TARGETS)
def test_cases_by_chance(target: str) -> None:
    cases = cases_of(target)
    assert len(cases) > 0.9 * CASES, "hardly any of them twice"
    assert {case: told for case in cases if (told := what_fails(target, case))} == {}


def same(value: object) -> object:
    return value


@pytest.mark.parametrize(
    ("target", "name", "fault"),
    [
        ("split", "collector.framing.StompSplitter._starts_of_others", lambda *_: []),
        ("body", "collector.bodies.printable", same),
        ("intake", "collector.intake.printable", same),
        ("connection", "collector.intake.printable", same),
        ("upgrade", "collector.stomp_socket.printable", same),
        ("page", "collector.instruments._valid", tuple),
        ("calendar", "collector.trading_calendar.decoded", lambda decoder, data: decoder.decode(data)),
        ("iss", "collector.iss._Session.get_redirect_target", lambda self, response: response.headers["Location"]),
        ("viewer", "shared.wire.decoded", lambda decoder, data: decoder.decode(data)),
        ("picture", "shared.handshake.decoded", lambda decoder, data: decoder.decode(data)),
        ("scrape", "collector.metrics.choose_encoder", same),
        ("exchange", "simulator.stomp.min", lambda found, default: max(found, default=default)),
    ],
)
def test_a_fault_is_found(target: str, name: str, fault: Callable[..., object]) -> None:
    with mock.patch(name, fault, create=name == "simulator.stomp.min"):
        assert any(what_fails(target, case) for case in cases_of(target))


def test_every_target_has_something_to_begin_with_and_is_run_by_make_drills() -> None:
    assert list(TARGETS) == list(SEEDS) == list(CASES_OF_MAKE_DRILLS)
    assert sum(CASES_OF_MAKE_DRILLS.values()) > 10_000_000, "as the README says"


def test_the_streams_that_are_begun_with_hold_messages() -> None:
    found = [read_by_the_program([seed[5:]]) for seed in seeds_of("split")]
    assert sum(len(bodies) for read in found for bodies in read.messages.values()) > 20
    assert any(read.others for read in found)
    assert any(read.pings for read in found)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not to be had here")
def test_cases_guided_by_coverage() -> None:
    command = [sys.executable, "-m", "tests.drills.fuzz", "page", "2000"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "number_of_executed_units: 2000" in done.stderr
