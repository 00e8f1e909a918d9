"""The protocol of sd_notify, against a real socket that the test opens."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector.notify import VALUE_LIMIT, Notifier, notifier_taken_from, watchdog_taken_from


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A service manager's socket, and its address as systemd would tell it."""
    path = str(tmp_path / "notify")
    name = f"moex-monitor-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(path if request.param == "path" else "\0" + name)
        made.setblocking(False)
        yield made, path if request.param == "path" else "@" + name


def test_values_are_the_lines_of_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listening, address = manager
    notifier = Notifier(address)
    assert notifier.is_used
    notifier.send(READY="1", STATUS="30/30 online | цена")
    assert listening.recv(1000).decode() == "READY=1\nSTATUS=30/30 online | цена"
    notifier.close()
    notifier.send(READY="1")
    with pytest.raises(BlockingIOError):
        listening.recv(1000)


def test_a_value_stays_on_its_line_and_fits(manager: tuple[socket.socket, str]) -> None:
    listening, address = manager
    with closing(Notifier(address)) as notifier:
        notifier.send(STATUS="a\nREADY=1 " + "x" * 10**6)
    said = listening.recv(100_000).decode()
    assert said.startswith("STATUS=a READY=1 xxx")
    assert len(said) == len("STATUS=") + VALUE_LIMIT


def test_a_manager_that_does_not_read_holds_up_nothing(manager: tuple[socket.socket, str]) -> None:
    with closing(Notifier(manager[1])) as notifier:
        for _ in range(10_000):
            notifier.send(STATUS="x" * VALUE_LIMIT)


@pytest.mark.parametrize("address", ["/nowhere/notify", "", "vsock:2:1234", "relative"])
def test_without_a_manager_nothing_is_sent(address: str) -> None:
    notifier = Notifier(address)
    assert notifier.is_used is address.startswith("/")
    notifier.send(READY="1")
    notifier.close()


def test_what_the_manager_said_is_taken_out_of_the_environment() -> None:
    environment = {
        "NOTIFY_SOCKET": "/nowhere",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    with closing(notifier_taken_from(environment)) as notifier:
        assert notifier.is_used
    assert watchdog_taken_from(environment) == 30.0
    assert environment == {"HOME": "/"}
    assert not notifier_taken_from(environment).is_used


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_signs_of_life_are_wanted_from_the_process_that_was_named(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_taken_from(environment) == seconds
