"""Exchanges that tests share, since starting one costs a quarter of a second."""

from collections.abc import Iterator

import pytest

from shared.settings import SimulatorSettings
from simulator.background import RunningExchange, running_exchange
from tests.simulator.client import Client


@pytest.fixture(scope="session")
def open_exchange() -> Iterator[RunningExchange]:
    """Healthy and trading. Tests do not change its faults."""
    with running_exchange(SimulatorSettings(rate=2000, seed=1)) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def closed_exchange() -> Iterator[RunningExchange]:
    """Healthy, its session closed. Tests do not change its faults."""
    with running_exchange(SimulatorSettings(rate=2000, seed=1, session="closed")) as exchange:
        yield exchange


@pytest.fixture
def faulty_exchange() -> Iterator[RunningExchange]:
    """Trading; its faults are the test's own."""
    with running_exchange(SimulatorSettings(rate=2000, seed=1)) as exchange:
        yield exchange


@pytest.fixture
def client(open_exchange: RunningExchange) -> Iterator[Client]:
    """Logged in at the open exchange."""
    with Client(open_exchange.url) as each:
        yield each
