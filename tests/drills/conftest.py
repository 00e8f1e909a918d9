"""Fixtures of the drills. `--long` has them run in their long form (`make drills`)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.drills.drill import CONFIG, Drill
from tests.fakes.forwarder import Forwarder
from tests.fakes.gateway import GatewayProcess
from tests.process.program import Program

StartDrill = Callable[..., Drill]

Record = Callable[[str, object], None]
"""pytest's record_property: what was measured goes into the report of `--junitxml`."""


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    """Whether the drill has as much time as it likes."""
    return bool(request.config.getoption("--long"))


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
def drill(tmp_path: Path, gateway: GatewayProcess) -> Iterator[StartDrill]:
    """Starts the program with the drills' settings; `port` leads it through a forwarder, `arguments` come on top."""
    with ExitStack() as programs:

        def start(
            *arguments: str, port: int | None = None, connections: int = 4, tickers: int = 10, **more: Any
        ) -> Drill:
            at = gateway.url if port is None else gateway.url.replace(f":{gateway.port}/", f":{port}/")
            size = ("--connections", str(connections), "--tickers-per-connection", str(tickers))
            led = ("--url", at, "--iss-url", gateway.iss_url, "--display", "none", *size, *arguments)
            program = programs.enter_context(Program(tmp_path, *led, **{"config": CONFIG, **more}))
            return Drill(program, gateway, connections, tickers)

        yield start
