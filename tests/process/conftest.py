"""Fixtures of the tests with the whole program."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.gateway import GatewayProcess
from tests.process.program import Program

Start = Callable[..., Program]

SMALL = ("--workers", "2", "--connections", "4", "--tickers-per-connection", "10", "--seed", "1")


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    """An exchange in a process of its own, independent of the built-in one."""
    with GatewayProcess() as process:
        yield process


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the program; whatever a test leaves running is killed."""
    with ExitStack() as programs:

        def start_program(*arguments: str, **options: Any) -> Program:
            return programs.enter_context(Program(tmp_path, *arguments, **options))

        yield start_program


@pytest.fixture
def at(gateway: GatewayProcess) -> tuple[str, ...]:
    """Arguments that lead the program to `gateway`."""
    return ("--url", gateway.url, "--iss-url", gateway.iss_url, "--display", "none")
