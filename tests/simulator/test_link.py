"""One client's link: slow readers, and bytes that are no frames."""

import socket
from urllib.parse import urlsplit

from shared.settings import SimulatorSettings
from simulator.background import RunningExchange, running_exchange
from simulator.instruments import all_instruments
from simulator.link import CONGESTED_BYTES
from tests.simulator.client import Answer, Client, merged
from tests.simulator.waiting import wait_for

RATE = 20_000
BOUND_BYTES = 4 * CONGESTED_BYTES
SECIDS = [each.secid for each in all_instruments()[:20]]


def slow_socket(url: str) -> socket.socket:
    """A TCP connection that takes few bytes before they are read."""
    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    tcp.connect(("127.0.0.1", urlsplit(url).port))
    return tcp


def unsent_bytes(exchange: RunningExchange) -> int:
    return exchange.ask(lambda each: max(link.connection.unsent_bytes for link in each.links))


def test_a_slow_client_costs_bounded_memory_blocks_nobody_and_is_right_in_the_end() -> None:
    with (
        running_exchange(SimulatorSettings(rate=RATE, seed=1)) as exchange,
        Client(exchange.url, tcp=slow_socket(exchange.url)) as slow,
        Client(exchange.url) as fast,
    ):
        for secid in SECIDS:
            slow.subscribe(secid, "securities", secid)
            slow.subscribe(f"book {secid}", "orderbooks", secid)
        wait_for(lambda: exchange.ask(lambda each: each.clients_behind) == 1)
        fast.subscribe("SBER", "orderbooks")
        assert [fast.next_message("SBER") for _ in range(20)]
        assert unsent_bytes(exchange) < BOUND_BYTES
        exchange.faults.stands_still = True
        received = slow.drain(1.0)
        assert exchange.ask(lambda each: each.clients_behind) == 0
        for secid in SECIDS:
            fast.subscribe(f"new {secid}", "securities", secid)
            fast.subscribe(f"new book {secid}", "orderbooks", secid)
        present = fast.drain()
    for secid in SECIDS:
        assert merged(received, secid) == merged(present, f"new {secid}")
        assert last_book(received, f"book {secid}") == last_book(present, f"new book {secid}")


def last_book(answers: list[Answer], subscription: str) -> list[dict[str, object]]:
    return [each for each in answers if each.headers.get("subscription") == subscription][-1].rows


def test_bytes_that_are_no_frame_are_answered_by_an_error(open_exchange: RunningExchange) -> None:
    with Client(open_exchange.url, login=False) as client:
        client.socket.send(b"\xff\xfe nonsense\0")
        assert client.next() == Answer("ERROR", {"message": "gateway.exception"}, b"")


def test_a_frame_may_come_over_several_messages(open_exchange: RunningExchange) -> None:
    with Client(open_exchange.url, login=False) as client:
        for piece in ("CONN", "ECT\ndomain:DEMO\nlogin:gu", "est\npasscode:guest\n\n", "\0\n"):
            client.socket.send(piece)
        assert client.next().command == "CONNECTED"


def test_a_client_that_goes_away_leaves_nothing_behind(faulty_exchange: RunningExchange) -> None:
    with Client(faulty_exchange.url) as client:
        client.subscribe("SBER")
        client.next()
    wait_for(lambda: faulty_exchange.connections == 0)
    assert faulty_exchange.subscriptions == 0
