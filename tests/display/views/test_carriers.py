import pytest

from display.views.carriers import carrier_lines
from display.views.palette import COLOURLESS, Palette
from shared.market import Market
from shared.wire import ConnectionState, ConnectionStatus
from tests.display.looks import painted
from tests.display.samples import TAGGED, connection, market


def carried(*connections: ConnectionStatus) -> Market:
    shown = market(connections=connections)
    shown.carriers = {"SBER": [status.number for status in connections]}
    return shown


def lines_of(shown: Market, *, limit: int = 5, width: int = 200, palette: Palette = COLOURLESS) -> list[str]:
    return [painted(line, width, palette) for line in carrier_lines(shown, "SBER", limit, width, palette)]


def measured(number: int, latency_ms: float | None = 12.34) -> ConnectionStatus:
    status = connection(number)
    status.latency_ms = latency_ms
    return status


def test_connections_and_workers_count_from_one_and_tell_their_states_and_latencies() -> None:
    assert lines_of(carried(measured(3), measured(17, None))) == [
        "Carried by 4 (worker 1) online 12.3 ms, 18 (worker 4) online"
    ]


def test_a_connection_that_brings_nothing_comes_first_and_says_why() -> None:
    refusing = connection(5, refusals={"SBER": "Access denied"})
    waiting = connection(12, ConnectionState.WAITING, "connection \x1b[2J lost")
    assert lines_of(carried(measured(3), refusing, waiting)) == [
        "Carried by 6 (worker 2) refused: Access denied, "
        "13 (worker 3) waiting: connection \N{REPLACEMENT CHARACTER}[2J lost, 4 (worker 1) online 12.3 ms"
    ]


@pytest.mark.parametrize(
    ("state", "role"),
    [
        (ConnectionState.ONLINE, "good"),
        (ConnectionState.SUBSCRIBING, "warning"),
        (ConnectionState.WAITING, "warning"),
        (ConnectionState.REFUSED, "trouble"),
        (ConnectionState.DOWN, "trouble"),
        (ConnectionState.STOPPED, "quiet"),
    ],
)
def test_the_state_has_its_colour(state: ConnectionState, role: str) -> None:
    (line,) = lines_of(carried(connection(0, state, "")), palette=TAGGED)
    assert line == f"<dim>Carried by </>1 (worker 1) <{role}>{state}</>"


def test_those_that_find_no_room_are_counted() -> None:
    many = carried(*(measured(number) for number in range(30)))
    assert lines_of(many, limit=2, width=60) == [
        "Carried by 1 (worker 1) online 12.3 ms",
        "           2 (worker 1) online 12.3 ms, 28 more",
    ]
    assert lines_of(many, limit=1, width=30) == ["Carried by 30 connections"]
    assert len(lines_of(many, limit=50, width=10_000)) == 1
    assert lines_of(many, limit=50, width=10_000)[0].endswith(", 24 (worker 5) online 12.3 ms, 6 more")


def test_before_the_plan_is_known_nobody_is_named() -> None:
    assert lines_of(market()) == ["Carried by a connection that is not known yet"]
    unplanned = market()
    unplanned.carriers = {"SBER": [3]}
    assert lines_of(unplanned) == lines_of(market())


@pytest.mark.parametrize("limit", range(-1, 4))
@pytest.mark.parametrize("width", range(0, 80, 7))
def test_there_are_never_more_lines_than_there_is_room(limit: int, width: int) -> None:
    shown = carried(connection(5, refusals={"SBER": "x" * 200}), *(measured(number) for number in range(6, 20)))
    assert len(lines_of(shown, limit=limit, width=width)) <= max(0, limit)
