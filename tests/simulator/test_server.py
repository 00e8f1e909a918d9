"""The exchange over real sockets."""

import json
import socket
import time
import urllib.request
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from shared.settings import SimulatorSettings
from shared.shipped_list import shipped_secids
from simulator.background import RunningExchange, running_exchange
from simulator.faults import JUNK, Silence
from simulator.server import BuiltInExchange, listen
from tests.simulator.client import Answer, Client, merged
from tests.simulator.waiting import wait_for


def get(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as response:
        assert response.headers["Content-Type"].startswith("application/json")
        body: bytes = response.read()
        return body


def eventually_closed(client: Client) -> ConnectionClosed:
    """Read until the connection ends."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            client.next()
    return caught.value


def is_served(client: Client) -> bool:
    try:
        client.subscribe("SBER")
        return client.next().command == "RECEIPT"
    except ConnectionClosed:
        return False


def wait_until_subscribed(client: Client, subscription: str, stream: str = "orderbooks", secid: str = "SBER") -> None:
    client.subscribe(subscription, stream, secid)
    client.next_message(subscription)


def test_rest_and_websocket_share_the_port(open_exchange: RunningExchange) -> None:
    assert open_exchange.iss_url.startswith(
        open_exchange.url.replace("ws:", "http:").removesuffix("/infocx/v3/websocket")
    )
    content = json.loads(get(f"{open_exchange.iss_url}/engines/stock/markets/shares/boards/TQBR/securities.json"))
    assert len(content["securities"]["data"]) == 259


def test_pages_that_are_not_there_are_404(open_exchange: RunningExchange) -> None:
    with pytest.raises(HTTPError) as caught:
        get(f"{open_exchange.iss_url}/nothing.json")
    assert caught.value.code == 404
    caught.value.close()


@pytest.mark.parametrize("subprotocol", ["STOMP", "v12.stomp"])
def test_the_gateway_speaks_stomp_uncompressed(open_exchange: RunningExchange, subprotocol: str) -> None:
    with connect(open_exchange.url, subprotocols=[Subprotocol(subprotocol)], proxy=None) as socket:
        assert socket.subprotocol == subprotocol
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


def test_the_gateway_refuses_a_handshake_without_its_subprotocol(open_exchange: RunningExchange) -> None:
    with pytest.raises(InvalidStatus), connect(open_exchange.url, proxy=None):
        pass


def test_pings_are_answered(client: Client) -> None:
    assert client.socket.ping().wait(10)


def test_commands_may_come_as_binary_messages(open_exchange: RunningExchange) -> None:
    with Client(open_exchange.url, login=False) as client:
        client.socket.send(b"CONNECT\ndomain:DEMO\nlogin:guest\npasscode:guest\n\n\0")
        assert client.next().command == "CONNECTED"


def test_the_three_streams_flow(client: Client) -> None:
    wait_until_subscribed(client, "books")
    wait_until_subscribed(client, "shares", "securities")
    client.subscribe("candles", "candles", more=' and interval="M1"')
    assert client.next_message("candles").content["properties"]["type"] == "snapshot"
    assert client.next_message("books").content["properties"]["type"] == "snapshot"
    assert client.next_message("shares").content["properties"]["type"] == "updates"


def test_a_client_that_ends_its_lines_in_crlf_is_dropped(open_exchange: RunningExchange) -> None:
    with Client(open_exchange.url, login=False) as client:
        client.socket.send("CONNECT\r\ndomain:DEMO\r\nlogin:guest\r\npasscode:guest\r\n\r\n\0")
        assert eventually_closed(client).rcvd is None


def test_a_refused_login_is_told_and_then_closed(open_exchange: RunningExchange) -> None:
    with Client(open_exchange.url, login=False) as client:
        client.send("CONNECT", domain="DEMO", login="guest", passcode="wrong")
        assert client.next() == Answer("ERROR", {"message": "Access denied"}, b"")
        assert client.socket.ping().wait(10)
        eventually_closed(client)


def test_disconnect_is_acknowledged_then_closed(open_exchange: RunningExchange) -> None:
    with Client(open_exchange.url) as client:
        client.send("DISCONNECT", receipt="bye")
        assert client.next() == Answer("RECEIPT", {"receipt-id": "bye"}, b"")
        ended = eventually_closed(client)
        assert ended.rcvd is not None
        assert ended.rcvd.code == 1000


def test_a_closed_session_sends_first_snapshots_and_then_silence(closed_exchange: RunningExchange) -> None:
    with Client(closed_exchange.url) as client:
        for stream in ("orderbooks", "securities", "candles"):
            client.subscribe(stream, stream)
        answers = [client.next() for _ in range(6)]
        assert [each.command for each in answers] == ["RECEIPT", "MESSAGE"] * 3
        assert answers[3].rows[0]["TRADINGSTATUS"] == "N"
        assert client.is_silent_for(0.3)


def test_a_seed_makes_the_market_repeatable_and_none_makes_it_new() -> None:
    def prices(seed: int | None) -> list[int]:
        exchange = BuiltInExchange(SimulatorSettings(seed=seed), clock=lambda: 1_769_064_680.0)
        return [share.last for share in exchange.market.shares.values()]

    assert prices(5) == prices(5)
    assert prices(None) != prices(None)


def test_every_message_is_counted(faulty_exchange: RunningExchange) -> None:
    with Client(faulty_exchange.url) as client:
        for secid in ("SBER", "GAZP", "LKOH"):
            client.subscribe(secid, secid=secid)
        received = [client.next() for _ in range(20)]
        assert (faulty_exchange.connections, faulty_exchange.subscriptions) == (1, 3)
        faulty_exchange.faults.stands_still = True
        received += client.drain()
        assert faulty_exchange.messages_sent == sum(each.command == "MESSAGE" for each in received)
    wait_for(lambda: faulty_exchange.connections == 0)
    assert faulty_exchange.subscriptions == 0


def test_the_rate_is_kept() -> None:
    with running_exchange(SimulatorSettings(rate=200, seed=1)) as exchange, Client(exchange.url) as client:
        for secid in shipped_secids():
            client.subscribe(secid, secid=secid)
        wait_for(lambda: exchange.subscriptions == 259)
        started_at, before = time.monotonic(), exchange.messages_sent
        wait_for(lambda: exchange.messages_sent >= before + 100)
        assert exchange.messages_sent - before <= 200 * (time.monotonic() - started_at) + 25


def test_once_the_market_stands_still_clients_know_its_last_state(faulty_exchange: RunningExchange) -> None:
    with Client(faulty_exchange.url) as client:
        wait_until_subscribed(client, "SBER")
        client.next_message("SBER")
        faulty_exchange.faults.stands_still = True
        best_bid = faulty_exchange.ask(lambda exchange: exchange.market.shares["SBER"].book.bids.best)
        last = client.drain()[-1]
        assert max(row["PRICE"][0] for row in last.rows if row["BUYSELL"] == "B") == best_bid / 100


def test_every_connection_is_cut_on_demand(faulty_exchange: RunningExchange) -> None:
    with Client(faulty_exchange.url) as first, Client(faulty_exchange.url) as second:
        assert faulty_exchange.cut() == 2
        for client in (first, second):
            assert eventually_closed(client).rcvd is None


def test_one_connection_is_cut_on_demand_and_the_other_lives(faulty_exchange: RunningExchange) -> None:
    with Client(faulty_exchange.url) as first, Client(faulty_exchange.url) as second:
        assert faulty_exchange.cut(1) == 1
        assert sorted(map(is_served, (first, second))) == [False, True]


def test_connections_are_cut_again_and_again(faulty_exchange: RunningExchange) -> None:
    faulty_exchange.faults.cut_every_s = 0.1
    for _ in range(3):
        with pytest.raises(ConnectionClosed), Client(faulty_exchange.url) as client:
            client.next()


def test_a_stomp_silence_leaves_the_websocket_alive(faulty_exchange: RunningExchange) -> None:
    faulty_exchange.faults.silence = Silence.STOMP
    with Client(faulty_exchange.url, login=False) as client:
        client.send("CONNECT", domain="DEMO", login="guest", passcode="guest")
        assert client.is_silent_for(0.2)
        assert client.socket.ping().wait(10)


def test_after_a_stomp_silence_clients_get_what_they_missed(faulty_exchange: RunningExchange) -> None:
    with Client(faulty_exchange.url) as client:
        client.subscribe("before", "securities")
        received = [client.next(), client.next()]
        faulty_exchange.faults.silence = Silence.STOMP
        wait_for(lambda: faulty_exchange.ask(lambda exchange: exchange.clients_behind) == 1)
        faulty_exchange.faults.silence = Silence.NONE
        faulty_exchange.faults.stands_still = True
        received += client.drain()
        client.subscribe("after", "securities")
        assert merged(received, "before") == merged(client.drain(), "after")


def test_in_a_full_silence_not_even_pings_are_answered(faulty_exchange: RunningExchange) -> None:
    with Client(faulty_exchange.url) as client:
        faulty_exchange.faults.silence = Silence.ALL
        assert not client.socket.ping().wait(0.3)


def test_in_a_full_silence_new_connections_are_accepted_and_never_greeted(faulty_exchange: RunningExchange) -> None:
    faulty_exchange.faults.silence = Silence.ALL
    stomp = [Subprotocol("STOMP")]
    with pytest.raises(TimeoutError), connect(faulty_exchange.url, subprotocols=stomp, open_timeout=0.3, proxy=None):
        pass
    faulty_exchange.faults.silence = Silence.NONE
    with Client(faulty_exchange.url) as client:
        assert client.socket.ping().wait(10)


def test_the_whole_dialogue_survives_reframing(faulty_exchange: RunningExchange) -> None:
    faulty_exchange.faults.reframes = True
    with Client(faulty_exchange.url) as client:
        wait_until_subscribed(client, "SBER")
        numbers = [client.next_message("SBER").content["properties"]["seqnum"] for _ in range(50)]
        assert numbers == sorted(set(numbers))


def test_junk_is_sent_on_demand(faulty_exchange: RunningExchange) -> None:
    faulty_exchange.faults.junk_share = 1.0
    with Client(faulty_exchange.url) as client:
        client.subscribe("SBER")
        seen = [client.next() for _ in range(100)]
    junk = {each.strip(b"\n\0") for each in JUNK}
    assert any(each.command.encode() in junk or b"nobody" in repr(each).encode() for each in seen)
    assert any(each.command == "MESSAGE" and each.headers.get("subscription") == "SBER" for each in seen)


def test_a_port_that_is_taken_is_an_error() -> None:
    with listen(0) as taken, pytest.raises(OSError):
        listen(taken.getsockname()[1])


def test_a_stop_tells_clients_that_the_exchange_goes_away() -> None:
    with running_exchange(SimulatorSettings(seed=1)) as exchange:
        client = Client(exchange.url)
    ended = eventually_closed(client)
    assert ended.rcvd is not None
    assert ended.rcvd.code == 1001
    client.close()


def test_a_stop_does_not_wait_for_clients_that_say_nothing() -> None:
    with socket.socket() as mute:
        with running_exchange(SimulatorSettings(seed=1)) as exchange:
            mute.connect(("127.0.0.1", urlsplit(exchange.url).port))
            mute.settimeout(10)
            get(f"{exchange.iss_url}/engines/stock.json")
        assert mute.recv(1) == b""
