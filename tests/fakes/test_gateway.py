"""The tests' gateway is itself held to the protocol page."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from tests.fakes.behaviour import Behaviour
from tests.fakes.client import LIMIT_S, Client, content
from tests.fakes.control import Control, GatewayError
from tests.fakes.gateway import CHECKOUT, FakeGateway, GatewayProcess

TICKERS = ("VEON-RX", "X5", "T", "SiZ6", "SBER", "QAAA", "QAAB", "QABC")


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as running:
        yield running


@pytest.fixture(params=[FakeGateway, GatewayProcess])
def either_form(request: pytest.FixtureRequest) -> Iterator[Control]:
    with request.param() as running:
        yield running


def rest(gateway: Control, page: str) -> Any:
    with urllib.request.urlopen(gateway.iss_url + page, timeout=LIMIT_S) as response:
        return json.load(response)


def rows_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(message["columns"], row, strict=True)) for row in message["data"]]


class Reader:
    """What a program that follows the protocol page knows after reading the frames of one ticker."""

    def __init__(self) -> None:
        self.bid: float | None = None
        self.ask: float | None = None
        self.fields: dict[str, Any] = {}
        self.stamps: list[tuple[int, int]] = []

    def take(self, stream: str, message: dict[str, Any]) -> None:
        properties, rows = message["properties"], rows_of(message)
        self.stamps.append((int(properties["timestamp"]), int(properties["seqnum"])))
        if stream == "orderbooks":
            self.bid = max((row["PRICE"][0] for row in rows if row["BUYSELL"] == "B"), default=None)
            self.ask = min((row["PRICE"][0] for row in rows if row["BUYSELL"] == "S"), default=None)
        else:
            self.fields |= rows[0]

    def number(self, column: str) -> Any:
        cell = self.fields[column]
        return cell[0] if isinstance(cell, list) else cell


def test_after_quiet_the_ledger_is_what_a_reader_knows(either_form: Control) -> None:
    readers: dict[str, Reader] = {ticker: Reader() for ticker in TICKERS}
    with Client(either_form.url) as client:
        client.login()
        for ticker in TICKERS:
            client.subscribe(f"b/{ticker}", "orderbooks", ticker)
            client.subscribe(f"s/{ticker}", "securities", ticker)
        either_form.start(rate=2000)
        either_form.wait_until(lambda ledger: ledger.frames_sent > 500)
        ledger = either_form.quiet()
        for _ in range(ledger.frames_sent):
            frame = client.next_of("MESSAGE")
            stream, _, ticker = frame.headers["subscription"].partition("/")
            readers[ticker].take({"b": "orderbooks", "s": "securities"}[stream], content(frame))
    for ticker, reader in readers.items():
        sent = ledger.quotes[ticker]
        assert (reader.bid, reader.ask) == (sent.bid, sent.ask)
        assert (reader.number("LAST"), reader.number("VOLTODAY")) == (sent.last, sent.volume)
        assert reader.stamps == sorted(set(reader.stamps))
        assert len(reader.stamps) == sent.frames
    assert ledger.violations == []


def test_the_stamps_are_those_of_all_messages_and_told_once(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        client.confirmed("7-SBER", "orderbooks", "SBER")
        assert [ticker for ticker, _ in gateway.stamps()] == ["SBER"]
        gateway.blast(frames=20)
        ledger = gateway.quiet()
    stamps = gateway.stamps()
    assert [ticker for ticker, _ in stamps] == ["SBER"] * 20
    assert stamps == sorted(stamps)
    assert stamps[-1][1] == ledger.quotes["SBER"].sent_ms
    assert gateway.stamps() == []


def test_an_event_goes_to_every_subscription_of_its_ticker(gateway: FakeGateway) -> None:
    with Client(gateway.url) as first, Client(gateway.url) as second:
        for client in (first, second):
            client.login()
            client.confirmed("7-SBER", "orderbooks", "SBER")
        gateway.blast(frames=20)
        ledger = gateway.quiet()
        bodies = [[client.next_of("MESSAGE").body for _ in range(10)] for client in (first, second)]
    assert ledger.frames_sent == 22
    assert ledger.online == 2
    assert [seen.frames for seen in ledger.connections.values()] == [11, 11]
    assert bodies[0] == bodies[1]


def test_a_late_subscriber_is_told_what_the_earlier_ones_know(gateway: FakeGateway) -> None:
    reader = Reader()
    with Client(gateway.url) as early, Client(gateway.url) as late:
        early.login()
        reader.take("securities", early.confirmed("1", "securities", "VEON-RX"))
        gateway.blast(frames=50)
        for _ in range(50):
            reader.take("securities", content(early.next_of("MESSAGE")))
        late.login()
        snapshot = late.confirmed("1", "securities", "VEON-RX")
    assert snapshot["properties"]["type"] == "snapshot"
    assert rows_of(snapshot) == [reader.fields]


def test_the_first_securities_snapshot_has_41_columns_and_updates_only_the_changed_ones(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        assert len(client.confirmed("1", "securities", "SBER")["columns"]) == 41
        gateway.blast(frames=40)
        updates = [content(client.next_of("MESSAGE")) for _ in range(40)]
    assert {update["properties"]["type"] for update in updates} == {"updates"}
    assert {"TICKER", "BIDDEPTHT"} in [set(update["columns"]) for update in updates]
    assert all(len(update["columns"]) < 12 for update in updates)


def test_candles_start_with_rows_and_go_on_with_one(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        client.send('SUBSCRIBE\nid:1\ndestination:MXSE.candles\nselector:TICKER="MXSE.TQBR.T" and interval="M1"\n\n')
        assert len(content(client.next())["data"]) == 3
        gateway.blast(frames=1)
        assert len(content(client.next())["data"]) == 1
    assert gateway.violations == []


def test_messages_hold_several_frames_or_parts_of_one_and_heart_beats(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        for ticker in TICKERS:
            client.confirmed(ticker, "orderbooks", ticker)
        gateway.blast(frames=1000)
        messages: list[bytes] = []
        while sum(message.count(b"\0") for message in messages) < 1000:
            messages.append(client.websocket.recv(LIMIT_S, decode=False))
    assert any(message.count(b"\0") > 1 for message in messages)
    assert any(b"\0" not in message and message != b"\n" for message in messages)
    assert b"\n" in messages


def test_plain_packing_is_one_frame_a_message(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(packing="plain"))
    with Client(gateway.url) as client:
        client.login()
        client.confirmed("1", "orderbooks", "SBER")
        gateway.blast(frames=300)
        messages = [client.websocket.recv(LIMIT_S, decode=False) for _ in range(300)]
    assert all(message.endswith(b"\0") and message.count(b"\0") == 1 for message in messages)


def test_connected_carries_more_than_one_socket_read(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        connected = client.login()
    assert connected.name == "CONNECTED"
    assert len(connected.body) > 100_000
    assert [stream["name"] for stream in content(connected)["structure"]["MXSE"]["streams"]] == [
        "candles",
        "orderbooks",
        "securities",
    ]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ("CONNECT\ndomain:DEMO\nlogin:guest\npasscode:guest\nhost:moex\n\n", "gateway.exception"),
        ("CONNECT\nlogin:guest\npasscode:guest\n\n", "gateway.exception"),
        ('SUBSCRIBE\nid:1\ndestination:MXSE.orderbooks\nselector:TICKER="MXSE.TQBR.T"\n\n', "gateway.not-connected"),
        ("STOMP\naccept-version:1.1\n\n", "gateway.not-connected"),
    ],
)
def test_a_wrong_first_command_is_refused_and_recorded(gateway: FakeGateway, frame: str, message: str) -> None:
    with Client(gateway.url) as client:
        client.send(frame)
        error = client.next()
    assert (error.name, error.headers["message"]) == ("ERROR", message)
    assert len(gateway.violations) == 1


@pytest.mark.parametrize(
    "frame",
    [
        "SUBSCRIBE\nid:1\nreceipt:1\ndestination:MXSE.orderbooks\nselector:TICKER='MXSE.TQBR.T'\n\n",
        'SUBSCRIBE\nid:1\nreceipt:1\ndestination:MXSE.orderbooks\nselector:TICKER="MXSE.TQBR.NONE"\n\n',
        'SUBSCRIBE\nid:1\nreceipt:1\ndestination:MXSE.trades\nselector:TICKER="MXSE.TQBR.T"\n\n',
        'SUBSCRIBE\ndestination:MXSE.orderbooks\nselector:TICKER="MXSE.TQBR.T"\n\n',
        "UNSUBSCRIBE\nid:9\n\n",
    ],
)
def test_a_wrong_request_is_refused_and_recorded(gateway: FakeGateway, frame: str) -> None:
    with Client(gateway.url) as client:
        client.login()
        client.send(frame)
        error = client.next()
    assert (error.name, error.headers["message"]) == ("ERROR", "gateway.invalidrequest")
    assert len(gateway.violations) == 1


def test_an_id_cannot_be_subscribed_twice(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        client.confirmed("1", "orderbooks", "SBER")
        client.subscribe("1", "orderbooks", "T")
        assert client.next().name == "ERROR"
    assert len(gateway.violations) == 1


def test_carriage_returns_cost_the_connection(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.send("CONNECT\r\ndomain:DEMO\r\n\r\n")
        with pytest.raises(ConnectionClosedError):
            client.next()
    assert "CR" in gateway.violations[0]


def test_another_subprotocol_is_refused_and_recorded(gateway: FakeGateway) -> None:
    with pytest.raises(InvalidStatus):
        Client(gateway.url, subprotocol="v12.stomp")
    assert "v12.stomp" in gateway.violations[0]


def test_a_wrong_passcode_is_refused_without_being_a_violation(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        error = client.login(passcode="wrong")
    assert (error.name, error.headers, error.body) == ("ERROR", {"message": "Access denied"}, b"")
    ledger = gateway.ledger()
    assert (ledger.logins_refused, ledger.violations) == (1, [])


def test_a_login_can_be_refused_and_cut_on_demand(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(greeting="refuse", closes_after_refusal=True))
    with Client(gateway.url) as client:
        assert client.login().name == "ERROR"
        with pytest.raises(ConnectionClosed):
            client.next()


def test_a_ticker_can_be_refused_and_another_left_unconfirmed(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(refused_tickers=frozenset({"T"}), unconfirmed_tickers=frozenset({"X5"})))
    with Client(gateway.url) as client:
        client.login()
        client.subscribe("1", "orderbooks", "T")
        error = client.next()
        assert error.headers["message"] == "gateway.access-denied"
        assert "1" in (error.headers.get("subscription"), error.headers.get("receipt-id"))
        client.subscribe("2", "orderbooks", "X5")
        client.confirmed("3", "orderbooks", "SBER")
        assert client.frames == []
    ledger = gateway.ledger()
    assert (ledger.tickers_refused, ledger.subscriptions_seen, ledger.violations) == (1, 2, [])


def test_commands_and_pings_are_answered_and_counted(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        client.confirmed("1", "orderbooks", "SBER")
        client.send('REQUEST\nid:r1\ndestination:SEARCH.ticker\nselector:pattern="SBER"\n\n')
        reply = client.next()
        assert (reply.name, reply.headers["request-id"]) == ("REPLY", "r1")
        assert content(reply)["data"] == [["MXSE.TQBR.SBER"], ["MXSE.TQBR.SBERP"]]
        assert client.websocket.ping().wait(LIMIT_S)
        client.send("UNSUBSCRIBE\nid:1\nreceipt:u1\n\n")
        assert client.next().headers == {"receipt-id": "u1"}
        client.send("DISCONNECT\nreceipt:bye\n\n")
        assert client.next().headers == {"receipt-id": "bye"}
    ledger = gateway.wait_until(lambda ledger: ledger.disconnects == 1)
    assert (ledger.connects, ledger.pings, ledger.disconnect_frames, ledger.subscriptions) == (1, 1, 1, 0)
    assert ledger.violations == []


def test_a_quiet_gateway_sends_nothing_but_pongs(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        client.confirmed("1", "orderbooks", "SBER")
        gateway.start(rate=500)
        gateway.wait_until(lambda ledger: ledger.frames_sent > 20)
        sent = gateway.quiet().frames_sent
        assert client.websocket.ping().wait(LIMIT_S)
        assert gateway.ledger().frames_sent == sent


def test_a_drop_takes_one_connection_and_leaves_the_others(gateway: FakeGateway) -> None:
    with Client(gateway.url) as dropped, Client(gateway.url) as kept:
        dropped.login()
        kept.login()
        gateway.drop(0)
        with pytest.raises(ConnectionClosed) as end:
            dropped.next()
        assert end.value.rcvd is not None
        kept.confirmed("1", "orderbooks", "SBER")
    gateway.wait_until(lambda ledger: ledger.disconnects == 2)
    with pytest.raises(GatewayError):
        gateway.drop(0)


def test_a_reset_is_no_closing_handshake(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        gateway.drop(how="reset")
        with pytest.raises(ConnectionClosedError) as end:
            client.next()
    assert end.value.rcvd is None


def raw_websocket(gateway: Control) -> socket.socket:
    """A socket on which the upgrade was asked for."""
    raw = socket.create_connection(("127.0.0.1", gateway.port), LIMIT_S)
    raw.sendall(
        b"GET /infocx/v3/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: STOMP\r\n\r\n"
    )
    return raw


def test_a_close_frame_may_leave_tcp_open(gateway: FakeGateway) -> None:
    with closing(raw_websocket(gateway)) as raw:
        assert raw.recv(4096).startswith(b"HTTP/1.1 101 ")
        gateway.drop(how="close_frame")
        assert raw.recv(4096) == b"\x88\x02\x03\xe9"
        raw.settimeout(0.1)
        with pytest.raises(TimeoutError):
            raw.recv(4096)


def test_a_peer_that_does_not_read_is_cut(gateway: FakeGateway) -> None:
    with closing(raw_websocket(gateway)):
        gateway.wait_until(lambda ledger: ledger.connects == 1)
        for _ in range(8):
            gateway.send(b"x" * 4_000_000)
        assert gateway.wait_until(lambda ledger: ledger.disconnects == 1).slow_peers == 1


def test_an_unmasked_frame_of_a_client_is_recorded(gateway: FakeGateway) -> None:
    with closing(raw_websocket(gateway)) as raw:
        raw.sendall(b"\x81\x01\n")
        gateway.wait_until(lambda ledger: ledger.connects == 1)
    gateway.wait_until(lambda ledger: len(ledger.violations) == 1 and "mask" in ledger.violations[0])


def test_an_upgrade_may_be_held_for_ever_or_refused(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(upgrade="hold"))
    with closing(raw_websocket(gateway)) as raw:
        gateway.wait_until(lambda ledger: ledger.held_back == 1)
        raw.settimeout(0.1)
        with pytest.raises(TimeoutError):
            raw.recv(4096)
    gateway.behave(Behaviour(upgrade="refuse"))
    with pytest.raises(InvalidStatus):
        Client(gateway.url)
    assert gateway.ledger().connects == 0


def test_connect_may_stay_unanswered_while_pongs_go_on(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(greeting="none"))
    with Client(gateway.url) as client:
        client.send("CONNECT\ndomain:DEMO\nlogin:guest\npasscode:guest\n\n")
        assert client.websocket.ping().wait(LIMIT_S)
        with pytest.raises(TimeoutError):
            client.next(within_s=0.05)


def test_a_frozen_connection_neither_sends_nor_answers_until_it_thaws(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        client.confirmed("1", "orderbooks", "SBER")
        gateway.freeze(0)
        assert gateway.blast(frames=5) == 0
        pong = client.websocket.ping()
        assert not pong.wait(0.1)
        gateway.thaw(0)
        assert pong.wait(LIMIT_S)
        assert gateway.blast(frames=5) == 5


def test_any_bytes_can_be_sent_as_a_message(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        gateway.send(b"MESSAGE\nfoo:bar\n\n{\xff\0", 0)
        assert client.next().body == b"{\xff"
        gateway.send_tcp(b"\x82\x05A\n\nB\0", 0)
        assert client.next().body == b"B"


def test_one_subscription_can_fall_silent_or_be_closed(gateway: FakeGateway) -> None:
    with Client(gateway.url) as client:
        client.login()
        client.confirmed("1", "orderbooks", "SBER")
        client.confirmed("2", "orderbooks", "T")
        gateway.mute("SBER")
        gateway.blast(frames=10)
        assert {client.next().headers["subscription"] for _ in range(10)} == {"2"}
        gateway.end_subscription("T")
        closed = client.next()
    assert (closed.name, closed.headers) == ("CLOSED", {"subscription": "2"})


def test_a_closed_port_lets_nobody_in_until_it_opens_again(gateway: FakeGateway) -> None:
    gateway.close_port()
    with pytest.raises(ConnectionRefusedError):
        Client(gateway.url)
    gateway.open_port()
    with Client(gateway.url) as client:
        assert client.login().name == "CONNECTED"


LIST_PAGE = "/engines/stock/markets/shares/boards/TQBR/securities.json"


def test_rest_lists_258_tickers_in_columns_of_its_own_order(gateway: FakeGateway) -> None:
    table = rest(gateway, f"{LIST_PAGE}?iss.meta=off&iss.only=securities&securities.columns=SECID,LOTSIZE,DECIMALS")
    assert set(table) == {"securities"}
    assert table["securities"]["columns"] == ["LOTSIZE", "DECIMALS", "SECID"]
    assert [row[2] for row in table["securities"]["data"]] == gateway.tickers
    assert len(set(gateway.tickers)) == 258
    assert {row[1] for row in table["securities"]["data"]} == {0, 1, 2, 3, 4, 5, 6}


def test_rest_can_fail_on_demand(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(rest="error"))
    with pytest.raises(urllib.error.HTTPError) as failure:
        rest(gateway, LIST_PAGE)
    failure.value.close()
    assert failure.value.code == 503


def test_a_taken_port_is_said_so(gateway: FakeGateway) -> None:
    with pytest.raises(OSError, match="in use"):
        FakeGateway(gateway.port)


def test_a_stopped_process_is_ended_all_the_same() -> None:
    with GatewayProcess() as gateway:
        os.kill(gateway.pid, signal.SIGSTOP)
    assert not Path(f"/proc/{gateway.pid}").exists()


def test_an_answer_that_comes_too_late_is_not_taken_for_another() -> None:
    with GatewayProcess() as gateway:
        os.kill(gateway.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            gateway.ask(b'{"do": "subscriptions"}', within_s=0.05)
        os.kill(gateway.pid, signal.SIGCONT)
        assert gateway.ledger().violations == []


def test_a_process_obeys_json_lines_until_it_is_told_to_close() -> None:
    commands = b'{"do": "start", "rate": 10}\n{"do": "quiet"}\n{"do": "nonsense"}\n{"do": "close"}\n'
    answers = subprocess.run(
        [sys.executable, "-m", "tests.fakes.gateway"],
        cwd=CHECKOUT,
        input=commands,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    ).stdout.splitlines()
    assert list(json.loads(answers[0])) == ["port"]
    assert answers[1:3] == [b'{"result":null}'] * 2
    assert "error" in json.loads(answers[3])


def test_a_killed_process_is_said_so() -> None:
    with GatewayProcess() as gateway:
        os.kill(gateway.pid, signal.SIGKILL)
        with pytest.raises(GatewayError, match="gone"):
            gateway.wait_until(lambda _: False)
