"""Fixtures of the drills. `--long` has them run in their long form (`make drills`)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.drills.drill import CONFIG, TRUTH_WITHIN_S, Drill, Record
from tests.fakes.forwarder import Forwarder
from tests.fakes.gateway import GatewayProcess
from tests.process.program import LIMIT_S, Program

StartDrill = Callable[..., Drill]


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    """Whether the drill has as much time as it likes."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def grace_s(is_long: bool) -> float:
    """By how much a promised time may be exceeded: the machine of the short form may be busy with anything."""
    return 0.0 if is_long else 5.0


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    """An exchange in a process of its own, independent of the built-in one."""
    with GatewayProcess() as process:
        yield process
        assert process.violations == []


@pytest.fixture
def forwarder(gateway: GatewayProcess) -> Iterator[Forwarder]:
    """The network between the program and the exchange."""
    with Forwarder(gateway.port) as between:
        yield between


@pytest.fixture
def drill(tmp_path: Path, gateway: GatewayProcess, record_property: Record, is_long: bool) -> Iterator[StartDrill]:
    """Starts the program with the drills' settings; `port` leads it through a forwarder, `arguments` come on top.

    How soon the truth is shown is held to in the long form, for which the machine has time.
    """
    truth_within_s = TRUTH_WITHIN_S if is_long else LIMIT_S
    with ExitStack() as programs:

        def start(
            *arguments: str, port: int | None = None, connections: int = 4, tickers: int = 10, **more: Any
        ) -> Drill:
            at = gateway.url if port is None else gateway.url.replace(f":{gateway.port}/", f":{port}/")
            size = ("--connections", str(connections), "--tickers-per-connection", str(tickers))
            led = ("--url", at, "--iss-url", gateway.iss_url, "--display", "none", *size, *arguments)
            program = programs.enter_context(Program(tmp_path, *led, **{"config": CONFIG, **more}))
            return Drill(program, gateway, connections, tickers, truth_within_s, record_property)

        yield start
