"""How a simulated exchange is told from a real one."""

import pytest

from shared.simulated import SIMULATOR_NAME, is_simulator


@pytest.mark.parametrize("server", [SIMULATOR_NAME, f"{SIMULATOR_NAME}/0.1"])
def test_the_built_in_exchange_is_known_by_its_name(server: str) -> None:
    assert is_simulator(server)


@pytest.mark.parametrize("server", [None, "", "infocx/3.1", "not-a-moex-monitor-simulator"])
def test_any_other_server_is_not_simulated(server: str | None) -> None:
    assert not is_simulator(server)
