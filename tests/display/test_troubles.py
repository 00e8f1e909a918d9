import pytest

from display.troubles import has_no_route, ranges, refused_tickers, troubles
from shared.wire import ConnectionState, ConnectionStatus
from tests.display.samples import connection, market, without_route


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], "none"), ([0], "1"), ([0, 1], "1-2"), ([3, 0, 1, 2, 29, 13], "1-4, 14, 30"), ([0, 2, 4], "1, 3, 5")],
)
def test_connections_are_numbered_from_one_and_neighbours_joined(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text


def waiting(number: int, reason: str, retry_at: float) -> ConnectionStatus:
    return connection(number, ConnectionState.WAITING, reason, retry_at=retry_at)


def told(*connections: ConnectionStatus) -> list[str]:
    return [str(trouble) for trouble in troubles(connections, 1000.0)]


def test_one_waiting_connection_says_for_how_long_and_why() -> None:
    assert told(waiting(12, "connection refused (127.0.0.1:9)", 1003.2)) == [
        "13 waiting 3s: connection refused (127.0.0.1:9)"
    ]


def test_connections_with_the_same_reason_are_one_trouble_with_the_first_retry() -> None:
    assert told(*(waiting(n, "no route to host", 1002.0 + n) for n in range(30))) == [
        "1-30 waiting: no route to host; next retry in 2s"
    ]


def test_the_trouble_of_most_connections_comes_first() -> None:
    found = told(waiting(0, "a", 1001), waiting(1, "b", 1001), waiting(2, "b", 1001))
    assert [text.partition(" ")[0] for text in found] == ["2-3", "1"]


def test_a_refused_login_says_what_to_check() -> None:
    refused = connection(0, ConnectionState.REFUSED, "Access denied", retry_at=1060.0)
    assert told(refused) == ["1 refused 60s: Access denied; check MOEX_DOMAIN, MOEX_LOGIN and MOEX_PASSCODE"]


def test_a_lost_worker_is_a_trouble_without_a_time() -> None:
    assert told(connection(7, ConnectionState.DOWN, "worker 2 hung")) == ["8 down: worker 2 hung"]


def test_an_attempt_is_a_trouble_only_once_it_takes_long() -> None:
    assert told(connection(0, ConnectionState.OPENING, "connecting", since=996.0)) == []
    assert told(connection(0, ConnectionState.OPENING, "connecting", since=988.0)) == ["1 opening: no answer yet"]


def test_a_connection_that_waits_for_its_turn_has_no_trouble() -> None:
    assert told(waiting(0, "starting", 1001.0)) == []


def test_a_reason_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in told(waiting(0, "bad\x1b[2J\ngateway", 1001.0))[0]


def test_no_route_is_supposed_when_every_connection_failed() -> None:
    assert has_no_route(market(connections=without_route()), 1000.0)


def test_no_route_is_supposed_while_some_of_the_failed_ones_try_again() -> None:
    trying = [connection(0, ConnectionState.OPENING, "connecting", since=999.0), *without_route()[1:]]
    assert has_no_route(market(connections=trying), 1000.0)


@pytest.mark.parametrize(
    "one",
    [
        connection(0),
        connection(0, ConnectionState.GREETING, since=999.0),
        connection(0, ConnectionState.REFUSED, "Access denied"),
    ],
)
def test_one_answer_is_enough_to_know_that_there_is_a_route(one: ConnectionStatus) -> None:
    assert not has_no_route(market(connections=[one, *without_route()[1:]]), 1000.0)


def test_a_refused_login_is_not_taken_for_a_missing_route() -> None:
    refused = [connection(n, ConnectionState.REFUSED, "Access denied") for n in range(30)]
    assert not has_no_route(market(connections=refused), 1000.0)


def test_the_simulated_exchange_is_never_out_of_reach_of_the_demo() -> None:
    assert not has_no_route(market(connections=without_route(), is_simulated=True), 1000.0)


def test_refused_tickers_are_named_once_with_their_reason() -> None:
    connections = [connection(n, refusals={"ZZZZ": "gateway.invalidrequest", "AAAA": "no\x07"}) for n in range(2)]
    assert refused_tickers(connections) == {"AAAA": "no\N{REPLACEMENT CHARACTER}", "ZZZZ": "gateway.invalidrequest"}
