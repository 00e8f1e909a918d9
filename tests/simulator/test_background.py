"""The exchange in a thread."""

import threading

import pytest

from shared.settings import SimulatorSettings
from simulator.background import running_exchange
from simulator.faults import Faults
from tests.simulator.client import Client


def test_it_runs_for_the_time_of_its_block_on_a_port_of_its_own() -> None:
    before = threading.active_count()
    with running_exchange(SimulatorSettings(seed=1)) as first, running_exchange(SimulatorSettings(seed=1)) as second:
        assert first.url != second.url
    assert threading.active_count() <= before
    with pytest.raises(ConnectionRefusedError), Client(first.url):
        pass


def test_it_takes_its_faults_from_the_start_on() -> None:
    faults = Faults(refuses_login=True)
    with running_exchange(faults=faults) as exchange, Client(exchange.url, login=False) as client:
        client.send("CONNECT", domain="DEMO", login="guest", passcode="guest")
        assert client.next().headers["message"] == "Access denied"
        assert exchange.faults is faults
