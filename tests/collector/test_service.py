"""When the program says what to its service manager."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.hub import Hub
from collector.service import Service
from shared.market import Market
from shared.wire import ConnectionState, ConnectionStatus, Totals

Said = Callable[[], list[str]]
INTERVAL_S = 10.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.setblocking(False)
        yield made


@pytest.fixture
def said(manager: socket.socket) -> Said:
    """The lines since the last look."""

    def look() -> list[str]:
        lines: list[str] = []
        while True:
            try:
                lines += manager.recv(10_000).decode().split("\n")
            except BlockingIOError:
                return lines

    return look


@pytest.fixture
def hub() -> Hub:
    return Hub(Market(Totals(started_at=0.0, connections=1, tickers_per_connection=1, gateway="x")))


@pytest.fixture
def service(tmp_path: Path, manager: socket.socket) -> Iterator[Service]:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "8000000"}
    made = Service(environment, lambda market: f"{market.online} online")
    yield made
    made.close()


def come_online(hub: Hub) -> None:
    status = ConnectionStatus(0, 0, ConnectionState.ONLINE, "", 0.0, 1)
    hub.update(lambda market: market.plan([status], 1, "the test", [["SBER"]]))


def look(service: Service, hub: Hub, now: float, advanced_at: float | None = None) -> None:
    service.look(now, hub, now if advanced_at is None else advanced_at, INTERVAL_S)


def test_it_is_ready_once_when_the_first_connection_is_online(service: Service, hub: Hub, said: Said) -> None:
    look(service, hub, 100.0)
    assert said() == ["STATUS=0 online", "WATCHDOG=1"]
    come_online(hub)
    look(service, hub, 101.0)
    assert said() == ["READY=1", "STATUS=1 online"]
    look(service, hub, 102.0)
    assert said() == []


def test_it_is_ready_after_a_minute_all_the_same(service: Service, hub: Hub, said: Said) -> None:
    look(service, hub, 100.0)
    look(service, hub, 159.9)
    assert "READY=1" not in said()
    look(service, hub, 160.0)
    assert "READY=1" in said()


def test_how_it_stands_is_said_in_the_interval_which_may_change(service: Service, hub: Hub, said: Said) -> None:
    for now in range(100, 140):
        service.look(now, hub, 0.0, 10.0 if now < 120 else 5.0)
    assert said() == ["STATUS=0 online"] * 6  # at 100, 110, 120, 125, 130, 135


def test_the_log_is_told_once_in_the_interval_which_may_change(
    service: Service, hub: Hub, said: Said, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told: list[tuple[int, str]] = []
    for now in range(100, 171):
        service.log_status(now, hub, 30.0 if now < 150 else 20.0)
        told += [(now, text) for text in caplog.messages]
        caplog.clear()
    assert told == [(130, "0 online"), (150, "0 online"), (170, "0 online")]
    assert said() == []


def test_signs_of_life_come_twice_in_the_limit_and_only_after_new_work(service: Service, hub: Hub, said: Said) -> None:
    def signs(now: float, advanced_at: float) -> int:
        look(service, hub, now, advanced_at)
        return said().count("WATCHDOG=1")

    assert signs(100.0, 99.9) == 1
    assert signs(103.9, 103.8) == 0, "not yet due"
    assert signs(104.0, 103.9) == 1
    assert [signs(now, 104.0) for now in (108.0, 112.0, 1000.0)] == [0, 0, 0], "nothing was done since"
    assert signs(1001.0, 1000.5) == 1


def test_what_the_manager_does_not_watch_sends_no_signs_of_life(tmp_path: Path, hub: Hub, said: Said) -> None:
    service = Service({"NOTIFY_SOCKET": str(tmp_path / "notify")}, lambda _: "well")
    look(service, hub, 100.0)
    assert said() == ["STATUS=well"]
    service.close()


def test_the_manager_waits_for_a_reload(service: Service, hub: Hub, said: Said) -> None:
    come_online(hub)
    look(service, hub, 100.0)
    said()
    during: list[str] = []

    def act() -> str:
        during.extend(said())
        return "done"

    assert service.reload(101.0, act) == "done"
    assert [line.partition("=")[0] for line in during] == ["RELOADING", "MONOTONIC_USEC"]
    assert int(during[1].partition("=")[2]) > 0
    assert said() == ["READY=1"]
    look(service, hub, 101.0)
    assert "STATUS=1 online" in said()


def test_a_reload_before_it_is_ready_does_not_make_it_ready(service: Service, hub: Hub, said: Said) -> None:
    assert service.reload(100.0, lambda: "done") == "done"
    assert said() == []


def test_a_reload_that_fails_is_over_for_the_manager_too(service: Service, hub: Hub, said: Said) -> None:
    come_online(hub)
    look(service, hub, 100.0)
    said()
    with pytest.raises(ZeroDivisionError):
        service.reload(101.0, lambda: str(1 / 0))
    assert said()[-1] == "READY=1"


def test_its_end_is_said(service: Service, said: Said) -> None:
    service.stop()
    assert said() == ["STOPPING=1", "STATUS=stopping"]


def test_without_a_manager_nothing_is_asked(hub: Hub) -> None:
    def fail(_: Market) -> str:
        raise AssertionError

    service = Service({}, fail)
    assert not service.is_used
    look(service, hub, 100.0)
    assert service.reload(100.0, lambda: "done") == "done"
    service.stop()
    service.close()
