"""One connection against a gateway: what it becomes, what it counts, and how it ends.

While it is online it is read by its own thread or gathered by another, see `reader`: that makes no difference.
"""

import fcntl
import gc
import logging
import os
import select
import socket
import ssl
import struct
import termios
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec
import pytest
from websockets.frames import Opcode

from collector import gathering as gathering_module
from collector import intake as intake_module
from collector import lifecycle as lifecycle_module
from collector import stomp_socket as socket_module
from collector.connection import Connection
from collector.gathering import BUSY
from collector.issplus import connect_headers, subscriptions
from collector.outbox import Outbox
from collector.stomp_socket import StompSocket
from shared.errors import ConnectionFailed
from shared.quotes import Quote
from shared.settings import Credentials, ExchangeSettings, Secret
from shared.wire import ConnectionState, ConnectionStatus, Counters
from tests.collector.authority import Authority
from tests.collector.gatherer import Gatherer
from tests.collector.raw_peer import RawPeer
from tests.collector.waiting import LIMIT_S, nothing_left_over, wait_until
from tests.fakes.behaviour import Behaviour
from tests.fakes.gateway import FakeGateway
from tests.fakes.ledger import Ledger
from tests.fakes.wire import stomp, websocket

QUICK = ExchangeSettings(
    streams=("orderbooks", "securities"),
    ping_interval_s=20.0,
    dead_after_s=30.0,
    open_timeout_s=10.0,
    subscribe_pause_s=0.0,
    retry_first_s=0.05,
    retry_cap_s=0.05,
    refused_retry_first_s=60.0,
    refused_retry_cap_s=60.0,
)
GUEST = Credentials()
TICKERS = ("SBER", "VEON-RX", "T")
FAR_AWAY_S = 1e9
WHOLE_BOOK = b"""{"properties": {"type": "snapshot"}, "columns": ["BUYSELL", "PRICE", "QUANTITY"], "data":
 [["B", [%d, 0], 1], ["S", [%d, 0], 1]]}"""


class Subject:
    """A Connection as a worker holds it, and everything that it reported so far."""

    def __init__(
        self, exchange: ExchangeSettings, tickers: Sequence[str], credentials: Credentials, reader: Gatherer | None
    ) -> None:
        self.news = 0
        self.outbox = Outbox(on_news=self._take_news)
        self.total = Counters()
        self._wakeup, self._waker = os.pipe()
        self._reader = reader
        wanted = subscriptions(tickers, exchange.streams, "TQBR")
        self.planned = len(wanted)
        gathering = None if reader is None else reader.gathering
        self.connection = Connection(4, 2, wanted, exchange, credentials, self.outbox, self._wakeup, gathering)
        self.connection.start(0.0)

    def _take_news(self) -> None:
        self.news += 1

    @property
    def status(self) -> ConnectionStatus:
        status = self.connection.status()
        self.total.add(status.total)
        return status

    @property
    def is_ended(self) -> bool:
        return not self.connection._thread.is_alive()

    def wait_for(self, state: ConnectionState) -> ConnectionStatus:
        wait_until(lambda: self.status.state is state)
        return self.status

    def wait_until_online(self) -> None:
        """Online, and read by whoever is to read it then."""
        self.wait_for(ConnectionState.ONLINE)
        if self._reader is not None:
            wait_until(lambda: self._is_gathered)

    @property
    def _is_gathered(self) -> bool:
        """And has been asked for the first time."""
        assert self._reader is not None
        gathering = self._reader.gathering
        return gathering._members.get(self.descriptor) is self.connection and not gathering._unasked

    @property
    def descriptor(self) -> int:
        assert self.connection._socket is not None
        return self.connection._socket.fileno()

    def wait_for_counters(self, **expected: int) -> None:
        """Until all of these were counted; more than that fails at once."""

        def counted() -> dict[str, int]:
            _ = self.status
            return {name: getattr(self.total, name) for name in expected}

        wait_until(lambda: all(counted()[name] >= count for name, count in expected.items()))
        assert counted() == expected

    def wait_until_confirmed(self) -> None:
        wait_until(lambda: self.status.confirmed == self.planned)

    def quotes(self) -> dict[str, Quote]:
        return {quote.ticker: quote for quote in self.outbox.take()}

    def stop(self) -> None:
        self.connection.stop()
        os.write(self._waker, b"\0")

    def close(self) -> None:
        """As a worker does: it gathers no more when it stops its connections."""
        if self._reader is not None:
            self._reader.stop()
        self.stop()
        self.connection.join(5.0)
        assert self.is_ended
        os.close(self._wakeup)
        os.close(self._waker)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as running:
        yield running
        assert running.violations == []


@pytest.fixture
def gatherer() -> Iterator[Gatherer]:
    with Gatherer() as running:
        yield running


@pytest.fixture(params=["its own thread", "gathered"])
def reader(request: pytest.FixtureRequest) -> Gatherer | None:
    """Who reads the connection while it is online; None is its own thread."""
    if request.param != "gathered":
        return None
    running = request.getfixturevalue("gatherer")
    assert isinstance(running, Gatherer)
    return running


class Server(Protocol):
    @property
    def url(self) -> str: ...


@contextmanager
def connected_to(
    server: Server,
    tickers: Sequence[str] = TICKERS,
    credentials: Credentials = GUEST,
    reader: Gatherer | None = None,
    **changes: Any,
) -> Iterator[Subject]:
    exchange = msgspec.structs.replace(QUICK, url=server.url, **changes)
    subject = Subject(exchange, tickers, credentials, reader)
    try:
        yield subject
    finally:
        subject.close()


@contextmanager
def said_by_hand(
    reader: Gatherer | None, tls: ssl.SSLContext | None = None, *, after_greeting: bytes = b"", **changes: Any
) -> Iterator[tuple[socket.socket, Subject]]:
    """Online with the order book of SBER; what the gateway says, and whether it reads, is up to the test."""
    with (
        RawPeer(tls=tls) as raw,
        connected_to(raw, ["SBER"], reader=reader, streams=("orderbooks",), **changes) as subject,
    ):
        peer = raw.connection
        assert peer.recv(65_536)
        peer.sendall(websocket(stomp("CONNECTED", {})) + after_greeting)
        subject.wait_until_online()
        yield peer, subject
        with suppress(OSError):
            socket.socket.shutdown(peer, socket.SHUT_RDWR)  # it would not answer the goodbye


def book(price: int) -> bytes:
    return stomp("MESSAGE", {"subscription": "0-SBER"}, WHOLE_BOOK % (price, price + 1))


@pytest.fixture
def online(gateway: FakeGateway, reader: Gatherer | None) -> Iterator[Subject]:
    """Online with SBER, every first snapshot taken and forgotten, all counters at 0."""
    with connected_to(gateway, ["SBER"], reader=reader) as subject:
        subject.wait_until_online()
        subject.wait_until_confirmed()
        subject.wait_for_counters(messages=2, updates=2)
        subject.quotes()
        subject.total = Counters()
        yield subject


# ---- coming online


def test_it_comes_online_and_every_subscription_is_confirmed(gateway: FakeGateway, reader: Gatherer | None) -> None:
    with connected_to(gateway, reader=reader) as subject:
        status = subject.wait_for(ConnectionState.ONLINE)
        subject.wait_until_confirmed()
        assert (status.number, status.worker, status.planned, status.refused) == (4, 2, 6, 0)
        assert sorted((seen.ticker, seen.stream) for seen in gateway.subscriptions()) == sorted(
            (ticker, stream) for ticker in TICKERS for stream in QUICK.streams
        )


def test_it_is_online_without_any_ticker(gateway: FakeGateway) -> None:
    with connected_to(gateway, []) as subject:
        assert subject.wait_for(ConnectionState.ONLINE).planned == 0


def test_once_the_feed_is_quiet_every_message_is_counted_and_every_quote_is_the_last_one_sent(
    gateway: FakeGateway, reader: Gatherer | None
) -> None:
    with connected_to(gateway, reader=reader) as subject:
        subject.wait_until_online()
        subject.wait_until_confirmed()
        gateway.blast(frames=3000)
        knows_the_truth(subject, gateway.quiet())
    assert subject.total.bytes > 3000 * 100


def test_whoever_reads_when_each_message_is_counted_once(gateway: FakeGateway, gatherer: Gatherer) -> None:
    """Its own thread reads as well, whenever there is something to do for it."""
    with connected_to(gateway, reader=gatherer) as subject:
        subject.wait_until_online()
        subject.wait_until_confirmed()
        blast = threading.Thread(target=gateway.blast, args=(3000,))
        blast.start()
        while blast.is_alive():
            subject.connection._called.set()
            blast.join(0.001)
        knows_the_truth(subject, gateway.quiet())


def knows_the_truth(subject: Subject, ledger: Ledger) -> None:
    subject.wait_for_counters(messages=ledger.frames_sent, updates=ledger.frames_sent, decode_errors=0)
    assert {ticker: shown(quote) for ticker, quote in subject.quotes().items()} == {
        ticker: (sent.frames, sent.bid, sent.ask, sent.last, sent.volume) for ticker, sent in ledger.quotes.items()
    }


def shown(quote: Quote) -> tuple[int, float | None, float | None, float | None, int | None]:
    bid, ask, last = (None if price is None else price.value for price in (quote.bid, quote.ask, quote.last))
    return quote.updates, bid, ask, last, quote.volume


def test_subscribing_is_paced(gateway: FakeGateway) -> None:
    with connected_to(gateway, subscribe_pause_s=0.05) as subject:
        wait_until(lambda: subject.status.state is ConnectionState.SUBSCRIBING)
        began = subject.status.since
        status = subject.wait_for(ConnectionState.ONLINE)
    assert status.since - began >= 5 * 0.05


def test_a_message_confirms_a_subscription_as_well_as_a_receipt(gateway: FakeGateway, reader: Gatherer | None) -> None:
    gateway.behave(Behaviour(unconfirmed_tickers=frozenset({"T"})))
    with connected_to(gateway, reader=reader) as subject:
        subject.wait_until_confirmed()


# ---- how long it takes


def stamped(sent_ms: float) -> bytes:
    body = WHOLE_BOOK.replace(b'"snapshot"', b'"snapshot", "timestamp": %d' % sent_ms) % (1, 2)
    return stomp("MESSAGE", {"subscription": "0-SBER"}, body)


def test_the_delay_is_from_the_exchanges_own_time_to_receipt_and_of_news_only(reader: Gatherer | None) -> None:
    with said_by_hand(reader) as (peer, subject):
        sent_ms = time.time() * 1000 - 5000
        peer.sendall(websocket(stamped(sent_ms - 3_600_000)))
        subject.wait_for_counters(messages=1)
        assert subject.status.latency_ms is None
        peer.sendall(websocket(stamped(sent_ms)))
        subject.wait_for_counters(messages=2)
        wait_until(lambda: subject.status.latency_ms is not None)
        delay_ms = subject.status.latency_ms
        assert delay_ms is not None
        assert 5000 <= delay_ms <= time.time() * 1000 - sent_ms + 1


def test_a_connection_that_was_lost_has_no_delay_until_it_has_news_again(reader: Gatherer | None) -> None:
    with said_by_hand(reader, retry_first_s=60.0, retry_cap_s=60.0) as (peer, subject):
        for sent_ms in (1000, 2000):
            peer.sendall(websocket(stamped(time.time() * 1000 - 10_000 + sent_ms)))
        wait_until(lambda: subject.status.latency_ms is not None)
        socket.socket.shutdown(peer, socket.SHUT_RDWR)
        status = subject.wait_for(ConnectionState.WAITING)
        assert status.latency_ms is None
        assert status.last_loss == status.reason


# ---- refusals


def test_a_refused_login_is_said_in_the_gateways_words_and_retried_slowly(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(greeting="refuse"))
    with connected_to(gateway) as subject:
        status = subject.wait_for(ConnectionState.REFUSED)
        assert status.reason == "Access denied"
        assert status.retry_at is not None
        assert status.retry_at - status.since == pytest.approx(60.0)
        assert gateway.ledger().logins_refused == 1


def test_a_refused_login_is_still_one_when_the_gateway_closes_at_once(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(greeting="refuse", closes_after_refusal=True))
    for _ in range(5):
        with connected_to(gateway) as subject:
            wait_until(lambda: subject.status.state in (ConnectionState.REFUSED, ConnectionState.WAITING))
            wait_until(lambda: gateway.ledger().logins_refused > 0)
            assert subject.wait_for(ConnectionState.REFUSED).reason == "Access denied"
    assert gateway.ledger().logins_refused == 5


def test_a_second_error_does_not_make_a_refused_login_a_lost_connection(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(greeting="none"))
    with connected_to(gateway) as subject:
        subject.wait_for(ConnectionState.GREETING)
        gateway.wait_until(lambda ledger: ledger.connects == 1)
        gateway.send(2 * stomp("ERROR", {"message": "Access denied"}))
        assert subject.wait_for(ConnectionState.REFUSED).reason == "Access denied"


@pytest.mark.parametrize("message", ["gateway.exception", "gateway.timeout", "gateway.transport"])
def test_trouble_of_the_gateway_itself_during_the_login_is_retried_soon(gateway: FakeGateway, message: str) -> None:
    gateway.behave(Behaviour(greeting="none"))
    with connected_to(gateway, retry_first_s=30.0, retry_cap_s=30.0) as subject:
        subject.wait_for(ConnectionState.GREETING)
        gateway.send(stomp("ERROR", {"message": message}))
        status = subject.wait_for(ConnectionState.WAITING)
    assert message in status.reason
    assert status.retry_at is not None
    assert status.retry_at - status.since == pytest.approx(30.0)


def test_a_refused_ticker_is_marked_alone_and_the_others_go_on(gateway: FakeGateway, reader: Gatherer | None) -> None:
    gateway.behave(Behaviour(refused_tickers=frozenset({"T"})))
    with connected_to(gateway, streams=("orderbooks",), reader=reader) as subject:
        wait_until(lambda: (subject.status.confirmed, subject.status.refused) == (2, 1))
        status = subject.wait_for(ConnectionState.ONLINE)
        assert status.refusals == {"T": "gateway.access-denied"}
        gateway.blast(frames=20)
        ledger = gateway.quiet()
        subject.wait_for_counters(messages=ledger.frames_sent)
        assert set(subject.quotes()) == {"SBER", "VEON-RX"}


def test_a_closed_subscription_is_marked_and_no_longer_confirmed(gateway: FakeGateway, online: Subject) -> None:
    gateway.end_subscription("SBER")
    wait_until(lambda: online.status.refused == 2)
    status = online.status
    assert (status.state, status.confirmed) == (ConnectionState.ONLINE, 0)
    assert status.refusals == {"SBER": "closed by the exchange"}


def test_closed_after_the_last_message_of_the_same_read_stays_closed(gateway: FakeGateway, online: Subject) -> None:
    gateway.send(book(7) + stomp("CLOSED", {"subscription": "0-SBER"}))
    online.wait_for_counters(messages=1, updates=1)
    wait_until(lambda: (online.status.confirmed, online.status.refused) == (1, 1))
    gateway.send(stomp("MESSAGE", {"subscription": "1-SBER"}, b"{}"))
    online.wait_for_counters(messages=2)
    status = online.status
    assert (status.confirmed, status.refused) == (1, 1)
    assert status.refusals == {"SBER": "closed by the exchange"}


def test_a_refusal_is_forgotten_once_the_gateway_is_asked_anew(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(refused_tickers=frozenset({"T"})))
    with connected_to(gateway) as subject:
        wait_until(lambda: subject.status.refused == 2)
        subject.connection._lifecycle._settings = msgspec.structs.replace(QUICK, subscribe_pause_s=60.0)
        gateway.drop()
        wait_until(lambda: (subject.status.state, subject.status.refused) == (ConnectionState.SUBSCRIBING, 0))


# ---- losing and finding again


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("close", "the gateway closed the connection: 1001"),
        ("reset", "connection reset by the peer"),
        ("close_frame", "the gateway closed the connection: 1001"),
    ],
)
def test_a_dropped_connection_waits_with_the_reason_and_comes_back(
    gateway: FakeGateway, reader: Gatherer | None, how: Any, reason: str
) -> None:
    with connected_to(gateway, retry_first_s=0.5, retry_cap_s=0.5, reader=reader) as subject:
        subject.wait_until_confirmed()
        subject.wait_until_online()
        gateway.drop(how=how)
        status = subject.wait_for(ConnectionState.WAITING)
        assert (status.reason, status.confirmed) == (reason, 0)
        subject.wait_for(ConnectionState.ONLINE)
        subject.wait_until_confirmed()
        subject.wait_for_counters(reconnects=1)


def test_an_error_that_names_no_subscription_ends_the_connection(gateway: FakeGateway, reader: Gatherer | None) -> None:
    with connected_to(gateway, ["SBER"], retry_first_s=30.0, retry_cap_s=30.0, reader=reader) as subject:
        subject.wait_until_confirmed()
        subject.wait_for_counters(messages=2)
        gateway.send(book(7) + stomp("ERROR", {"message": "gateway.transport"}))
        assert subject.wait_for(ConnectionState.WAITING).reason == "the gateway reported gateway.transport"
        subject.wait_for_counters(messages=3)


def test_of_a_reason_without_end_the_beginning_is_told(gateway: FakeGateway) -> None:
    with connected_to(gateway, ["SBER"], retry_first_s=30.0, retry_cap_s=30.0) as subject:
        subject.wait_until_online()
        gateway.send(stomp("ERROR", {"message": "x" * 3000}))
        reason = subject.wait_for(ConnectionState.WAITING).reason
        assert reason == "the gateway reported " + "x" * intake_module.TOLD_LENGTH


def test_a_close_frame_right_behind_the_last_message_is_noticed_though_tcp_stays_open(
    gateway: FakeGateway, online: Subject
) -> None:
    gateway.send_tcp(websocket(book(7)) + websocket(struct.pack("!H", 1001), Opcode.CLOSE))
    online.wait_for_counters(reconnects=1)
    assert online.total.messages >= 1


def test_messages_that_came_with_a_ping_are_taken_though_it_cannot_be_answered(
    gateway: FakeGateway, reader: Gatherer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ConnectionFailed("sending failed: timed out")

    monkeypatch.setattr(StompSocket, "pong", fail)
    with connected_to(gateway, ["SBER"], reader=reader, retry_first_s=30.0, retry_cap_s=30.0) as subject:
        subject.wait_until_online()
        subject.wait_for_counters(messages=2)
        gateway.send_tcp(websocket(b"", Opcode.PING) + websocket(book(7)))
        assert subject.wait_for(ConnectionState.WAITING).reason == "sending failed: timed out"
        subject.wait_for_counters(messages=3)


def test_a_ping_of_the_gateway_is_answered(reader: Gatherer | None) -> None:
    with said_by_hand(reader) as (peer, subject):
        peer.sendall(websocket(b"are you there", Opcode.PING))
        answer = b""
        while (at := answer.find(b"\x8a\x8d")) < 0 or len(answer) < at + 19:
            answer += peer.recv(65_536)
        mask, content = answer[at + 2 : at + 6], answer[at + 6 : at + 19]
        assert bytes(byte ^ mask[index % 4] for index, byte in enumerate(content)) == b"are you there"
        assert subject.status.state is ConnectionState.ONLINE


def test_a_port_where_nobody_listens_is_tried_again_until_somebody_does(gateway: FakeGateway) -> None:
    gateway.close_port()
    with connected_to(gateway) as subject:
        wait_until(lambda: subject.status.reason == "connection refused")
        gateway.open_port()
        subject.wait_for(ConnectionState.ONLINE)
        subject.wait_for_counters(reconnects=0)


def test_who_waits_for_long_may_be_hurried(gateway: FakeGateway) -> None:
    gateway.close_port()
    with connected_to(gateway, retry_first_s=0.5, retry_cap_s=0.5) as subject:
        wait_until(lambda: subject.status.reason == "connection refused")
        subject.connection._lifecycle.retry_at = FAR_AWAY_S
        standing = subject.connection.standing()
        assert (standing.state, standing.retry_at) == (ConnectionState.WAITING, FAR_AWAY_S)
        assert standing.tried_at is not None
        assert standing.tried_at <= standing.since
        gateway.open_port()
        subject.connection.hurry(0.0)
        subject.wait_for(ConnectionState.ONLINE)
        assert subject.connection.standing().retry_at is None


def test_a_frozen_gateway_is_noticed(gateway: FakeGateway, reader: Gatherer | None) -> None:
    with connected_to(
        gateway, ping_interval_s=0.2, dead_after_s=0.6, retry_first_s=30.0, retry_cap_s=30.0, reader=reader
    ) as subject:
        subject.wait_until_online()
        gateway.freeze()
        assert subject.wait_for(ConnectionState.WAITING).reason == "no pong and no data for 0.5 s"


def test_silence_with_pongs_is_no_reason_to_reconnect(gateway: FakeGateway, reader: Gatherer | None) -> None:
    with connected_to(gateway, ping_interval_s=0.05, dead_after_s=5.0, reader=reader) as subject:
        subject.wait_until_online()
        gateway.wait_until(lambda ledger: ledger.pings >= 10)
        assert subject.status.state is ConnectionState.ONLINE
        assert gateway.ledger().connects == 1


def test_an_unanswered_connect_is_given_up(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(greeting="none"))
    with connected_to(gateway, open_timeout_s=0.3, retry_first_s=30.0, retry_cap_s=30.0) as subject:
        assert subject.wait_for(ConnectionState.WAITING).reason in ("starting", "no answer to CONNECT within 0.3 s")
        wait_until(lambda: subject.status.reason == "no answer to CONNECT within 0.3 s")


def test_an_upgrade_without_an_answer_is_given_up_by_the_check(gateway: FakeGateway) -> None:
    gateway.behave(Behaviour(upgrade="hold"))
    with connected_to(gateway, open_timeout_s=0.3, retry_first_s=30.0, retry_cap_s=30.0) as subject:

        def is_given_up() -> bool:
            subject.connection.check()
            return subject.status.reason == "no WebSocket within 0.3 s"

        wait_until(is_given_up)


# ---- stopping


def stopped(subject: Subject) -> ConnectionStatus:
    subject.stop()
    wait_until(lambda: subject.is_ended, within_s=5.0)
    return subject.status


def test_stopping_says_goodbye_and_leaves_nothing(gateway: FakeGateway, reader: Gatherer | None) -> None:
    with nothing_left_over():
        with connected_to(gateway, reader=reader) as subject:
            subject.wait_until_confirmed()
            status = stopped(subject)
            assert (status.state, status.reason) == (ConnectionState.STOPPED, "stopped")
        gateway.wait_until(lambda ledger: ledger.disconnect_frames == ledger.disconnects == 1)


def test_stopping_takes_what_was_sent_before_the_goodbye(
    gateway: FakeGateway, reader: Gatherer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle_module, "CLOSING_LIMIT_S", LIMIT_S)  # a busy machine may need more than its second
    with connected_to(gateway, reader=reader) as subject:
        subject.wait_until_confirmed()
        gateway.start(rate=5000)
        gateway.wait_until(lambda ledger: ledger.frames_sent > 300)
        subject.stop()
        wait_until(lambda: subject.is_ended)
        ledger = gateway.wait_until(lambda ledger: ledger.disconnects == 1)
        subject.wait_for_counters(messages=ledger.frames_sent)


def test_stopping_does_not_wait_until_messages_are_gathered(gateway: FakeGateway) -> None:
    with Gatherer(interval_s=3600.0) as gatherer, connected_to(gateway, reader=gatherer) as subject:
        subject.wait_until_online()
        gateway.start(rate=1000)
        wait_until(lambda: gatherer.gathering.is_flowing)
        assert stopped(subject).state is ConnectionState.STOPPED


def test_stopping_takes_what_nobody_has_gathered(gateway: FakeGateway, gatherer: Gatherer) -> None:
    with connected_to(gateway, ["SBER"], reader=gatherer) as subject:
        subject.wait_until_online()
        subject.wait_for_counters(messages=2)
        with gatherer.paused():
            gateway.send(book(7) + book(8))
            wait_until(lambda: unread_bytes(subject) > 0)
            stopped(subject)
        subject.wait_for_counters(messages=4, updates=4)


def test_stopping_while_the_connection_is_being_lost_ends_it_all_the_same(
    gateway: FakeGateway, reader: Gatherer | None
) -> None:
    with connected_to(gateway, reader=reader, retry_first_s=60.0, retry_cap_s=60.0) as subject:
        subject.wait_until_online()
        gateway.drop(how="reset")
        assert stopped(subject).state is ConnectionState.STOPPED


def test_stopping_is_quick_while_it_subscribes(gateway: FakeGateway, reader: Gatherer | None) -> None:
    with connected_to(gateway, reader=reader, subscribe_pause_s=60.0) as subject:
        subject.wait_for(ConnectionState.SUBSCRIBING)
        assert stopped(subject).state is ConnectionState.STOPPED
        gateway.wait_until(lambda ledger: ledger.disconnect_frames == 1)


def test_stopping_is_quick_after_a_connection_that_was_gathered_is_lost(
    gateway: FakeGateway, gatherer: Gatherer
) -> None:
    with connected_to(gateway, reader=gatherer, retry_first_s=60.0, retry_cap_s=60.0) as subject:
        subject.wait_until_online()
        gateway.drop(how="reset")
        subject.wait_for(ConnectionState.WAITING)
        assert stopped(subject).state is ConnectionState.STOPPED


def test_stopping_does_not_wait_for_a_gateway_that_is_frozen(gateway: FakeGateway, reader: Gatherer | None) -> None:
    with connected_to(gateway, reader=reader) as subject:
        subject.wait_until_online()
        gateway.freeze()
        assert stopped(subject).state is ConnectionState.STOPPED


@pytest.mark.parametrize("greeting", ["refuse", "none"])
def test_stopping_is_quick_while_it_waits(gateway: FakeGateway, reader: Gatherer | None, greeting: Any) -> None:
    gateway.behave(Behaviour(greeting=greeting))
    with connected_to(gateway, retry_first_s=60.0, retry_cap_s=60.0, reader=reader) as subject:
        subject.wait_for(ConnectionState.REFUSED if greeting == "refuse" else ConnectionState.GREETING)
        assert stopped(subject).state is ConnectionState.STOPPED


def test_stopping_is_quick_while_the_retry_is_far_away(gateway: FakeGateway, reader: Gatherer | None) -> None:
    gateway.close_port()
    with connected_to(gateway, retry_first_s=60.0, retry_cap_s=60.0, reader=reader) as subject:
        wait_until(lambda: subject.status.reason == "connection refused")
        assert stopped(subject).state is ConnectionState.STOPPED


def test_stopping_is_quick_while_it_opens(gateway: FakeGateway, reader: Gatherer | None) -> None:
    gateway.behave(Behaviour(upgrade="hold"))
    with nothing_left_over(), connected_to(gateway, retry_first_s=60.0, retry_cap_s=60.0, reader=reader) as subject:
        gateway.wait_until(lambda ledger: ledger.held_back == 1)
        assert subject.status.state is ConnectionState.OPENING
        assert stopped(subject).state is ConnectionState.STOPPED


# ---- order books in one read


def test_only_the_newest_of_several_books_in_one_read_is_parsed_and_all_are_counted(
    gateway: FakeGateway, online: Subject
) -> None:
    gateway.send(book(1) + book(2) + stomp("MESSAGE", {"subscription": "0-SBER"}, b"no JSON") + book(3))
    online.wait_for_counters(messages=4, updates=4, conflated=3, decode_errors=0)
    quote = online.quotes()["SBER"]
    assert (quote.updates, quote.bid and quote.bid.value) == (4, 3.0)


def test_books_in_several_reads_are_all_parsed(gateway: FakeGateway, online: Subject) -> None:
    for number in range(3):
        gateway.send(book(number))
        online.wait_for_counters(messages=number + 1, updates=number + 1, conflated=0)
    assert online.quotes()["SBER"].updates == 3


# ---- what does not fit

MISFITS = [
    stomp("MESSAGE", {"subscription": "0-SBER"}, b"{"),
    stomp("MESSAGE", {"subscription": "99-NONE"}, b"{}"),
    stomp("MESSAGE", {"destination": "MXSE.orderbooks"}, b"{}"),
    stomp("RECEIPT", {"receipt-id": "99"}),
    stomp("RECEIPT", {}),
    stomp("REPLY", {"request-id": "1"}, b"{}"),
    stomp("CLOSED", {"subscription": "99"}),
    stomp("ERROR", {"request-id": "1", "message": "gateway.timeout"}),
    stomp("ERROR", {"subscription": "999-NOBODY", "message": "gateway.timeout"}),
    stomp("CONNECTED", {}),
    stomp("\x1b[2J", {}),
]


@pytest.mark.parametrize("frame", MISFITS)
def test_a_frame_that_does_not_fit_is_counted_and_the_connection_goes_on(
    gateway: FakeGateway, online: Subject, frame: bytes
) -> None:
    gateway.send(frame)
    online.wait_for_counters(decode_errors=1, messages=frame.startswith(b"MESSAGE"))
    status = online.status
    assert (status.state, status.confirmed, status.refused) == (ConnectionState.ONLINE, 2, 0)


def test_what_was_not_foreseen_ends_the_attempt_and_not_the_thread(
    gateway: FakeGateway, online: Subject, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(intake_module, "decode", fail)
    gateway.send(book(1))
    wait_until(lambda: "not foreseen" in caplog.text)
    wait_until(lambda: online.connection._failures._said["failure"][1] >= 2)  # its first snapshots are books as well
    monkeypatch.undo()
    online.wait_for(ConnectionState.ONLINE)
    assert caplog.text.count("not foreseen") == 1
    assert "ZeroDivisionError" in caplog.text


# ---- who reads it


def unread_bytes(subject: Subject) -> int:
    """What the kernel holds for it."""
    size = array("i", [0])
    fcntl.ioctl(subject.descriptor, termios.FIONREAD, size)
    return size[0]


def test_what_is_gathered_is_no_news_to_who_gathers(gateway: FakeGateway, online: Subject) -> None:
    is_gathered, news = online.connection._is_gathered, online.news
    gateway.send(book(7))
    online.wait_for_counters(messages=1)
    assert online.news - news == (0 if is_gathered else 1)
    assert online.quotes()["SBER"].updates == 1


def test_it_is_gathered_while_it_is_online_and_under_its_own_descriptor_alone(
    gateway: FakeGateway, gatherer: Gatherer
) -> None:
    gateway.behave(Behaviour(greeting="none"))
    with connected_to(gateway, [], reader=gatherer, retry_first_s=30.0, retry_cap_s=30.0) as subject:
        subject.wait_for(ConnectionState.GREETING)
        assert subject.connection.gather(subject.descriptor) is None
        gateway.wait_until(lambda ledger: ledger.connects == 1)
        gateway.send(stomp("CONNECTED", {}))
        subject.wait_until_online()
        with gatherer.paused():
            assert subject.connection.gather(subject.descriptor + 1) is None
            assert subject.connection.gather(subject.descriptor) == 0
            gateway.drop(how="reset")
            wait_until(lambda: subject.connection.gather(subject.descriptor) is None)
            number = subject.descriptor
            subject.wait_for(ConnectionState.WAITING)
            assert subject.connection.gather(number) is None


def test_while_its_own_thread_is_at_it_it_is_busy(gateway: FakeGateway, gatherer: Gatherer) -> None:
    with connected_to(gateway, ["SBER"], reader=gatherer) as subject:
        subject.wait_until_online()
        subject.wait_for_counters(messages=2)
        answers: list[int | None] = []
        with subject.connection._lock:
            ask = threading.Thread(target=lambda: answers.append(subject.connection.gather(subject.descriptor)))
            ask.start()
            ask.join(LIMIT_S)
            gateway.send(book(7))
        assert answers == [BUSY]
        subject.wait_for_counters(messages=3)


@pytest.mark.parametrize("is_number_taken", [False, True])
def test_whenever_it_comes_back_it_is_gathered_again(
    gateway: FakeGateway, gatherer: Gatherer, is_number_taken: bool
) -> None:
    with connected_to(gateway, ["SBER"], reader=gatherer, retry_first_s=0.5, retry_cap_s=0.5) as subject:
        for times_lost in range(3):
            subject.wait_until_online()
            subject.wait_for_counters(messages=3 * times_lost + 2, reconnects=times_lost)
            subject.quotes()
            news = subject.news
            gateway.send(book(7))
            subject.wait_for_counters(messages=3 * times_lost + 3)
            assert subject.news == news
            subject.quotes()
            gateway.drop(how="reset")
            subject.wait_for(ConnectionState.WAITING)
            with Path(os.devnull).open() if is_number_taken else nullcontext():
                subject.wait_for(ConnectionState.ONLINE)


def test_a_peer_that_does_not_read_holds_no_other_connection_up(
    gateway: FakeGateway, gatherer: Gatherer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to its ping waits until it reads, and its messages with it."""
    monkeypatch.setattr(socket_module, "SEND_TIMEOUT_S", 60.0)
    is_answering = threading.Event()
    pong = StompSocket.pong

    def noted_pong(self: StompSocket, content: bytes) -> None:
        is_answering.set()
        pong(self, content)

    monkeypatch.setattr(StompSocket, "pong", noted_pong)
    with (
        said_by_hand(gatherer) as (peer, held_up),
        connected_to(gateway, ["SBER"], reader=gatherer) as other,
    ):
        other.wait_until_online()
        other.wait_for_counters(messages=2)
        fill(held_up.descriptor)
        peer.sendall(websocket(b"", Opcode.PING))
        assert is_answering.wait(LIMIT_S)
        peer.sendall(websocket(book(7)))
        gateway.send(book(8))
        other.wait_for_counters(messages=3)
        held_up.wait_for_counters(messages=0)
        with read_on(peer):
            held_up.wait_for_counters(messages=1)


def fill(descriptor: int) -> None:
    """Send until nothing more can be sent."""
    while select.select([], [descriptor], [], 0.2)[1]:
        with suppress(BlockingIOError):
            os.write(descriptor, bytes(65_536))


@contextmanager
def read_on(peer: socket.socket) -> Iterator[None]:
    """The peer reads meanwhile, and forgets."""
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            if select.select([peer], [], [], 0.01)[0] and not peer.recv(65_536):
                return

    thread = threading.Thread(target=read)
    thread.start()
    yield
    is_over.set()
    thread.join()


class Watched:
    """Settings that tell when it is looked how long silence may be."""

    def __init__(self, settings: ExchangeSettings, on_look: Callable[[], None]) -> None:
        self._settings = settings
        self._on_look = on_look

    def __getattr__(self, name: str) -> Any:
        if name == "dead_after_s":
            self._on_look()
        return getattr(self._settings, name)


def test_a_sign_of_life_that_is_gathered_while_its_own_thread_looks_at_the_clock_does_no_harm(
    gatherer: Gatherer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_waiting, has_looked = threading.Event(), threading.Event()
    with said_by_hand(gatherer, ping_interval_s=0.1, dead_after_s=60.0) as (peer, subject):
        lifecycle = subject.connection._lifecycle
        wait_s = lifecycle.wait_s

        def noted_wait_s(now: float) -> float:
            is_waiting.set()
            try:
                return wait_s(now)
            finally:
                is_waiting.clear()

        def answer_the_ping() -> None:
            if is_waiting.is_set() and not has_looked.is_set():
                has_looked.set()
                peer.sendall(websocket(b"", Opcode.PONG))
                with suppress(TimeoutError):  # it may have to wait for its turn
                    wait_until(lambda: lifecycle._unanswered_ping_at is None, within_s=1.0)

        monkeypatch.setattr(lifecycle, "wait_s", noted_wait_s)
        lifecycle._settings = cast(ExchangeSettings, Watched(lifecycle._settings, answer_the_ping))
        assert has_looked.wait(LIMIT_S)
        next_ping_at = lifecycle._next_ping_at
        wait_until(lambda: lifecycle._next_ping_at > next_ping_at or "not foreseen" in caplog.text)
        assert "not foreseen" not in caplog.text


# ---- encrypted

SMALL_READ_SIZE = 1000


@pytest.fixture
def small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read leaves most of a TLS record behind, decrypted, and nothing in the kernel that would tell of it."""
    for one, name in (
        (socket_module, "READ_SIZE"),
        (socket_module, "LARGE_READ_SIZE"),
        (gathering_module, "READ_SIZE"),
    ):
        monkeypatch.setattr(one, name, SMALL_READ_SIZE)


BOOKS = b"".join(websocket(book(price)) for price in range(20))


@pytest.mark.usefixtures("small_reads")
def test_what_was_decrypted_before_it_came_online_is_read(reader: Gatherer | None, authority: Authority) -> None:
    with said_by_hand(reader, authority.issue("localhost", "-days", "1"), after_greeting=BOOKS) as (_, subject):
        subject.wait_for_counters(messages=20)


@pytest.mark.usefixtures("small_reads")
def test_what_comes_encrypted_is_read_whole(reader: Gatherer | None, authority: Authority) -> None:
    with said_by_hand(reader, authority.issue("localhost", "-days", "1")) as (peer, subject):
        for times in range(1, 4):
            peer.sendall(BOOKS)
            subject.wait_for_counters(messages=20 * times)


@pytest.mark.usefixtures("small_reads")
def test_what_its_own_thread_left_decrypted_is_gathered(gatherer: Gatherer, authority: Authority) -> None:
    with said_by_hand(gatherer, authority.issue("localhost", "-days", "1")) as (peer, subject):
        counters = subject.connection._counters
        before = counters.bytes
        with gatherer.paused():
            peer.sendall(BOOKS)
            wait_until(lambda: unread_bytes(subject) > len(BOOKS))
            subject.connection._called.set()
            wait_until(lambda: counters.bytes > before)
        subject.wait_for_counters(messages=20)


# ---- whom it speaks to


def test_a_passcode_shows_neither_in_the_log_nor_in_the_status(
    gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    credentials = Credentials("passport", "trader", Secret("open sesame"))
    assert connect_headers(credentials)["passcode"] == "open sesame"
    with caplog.at_level(logging.DEBUG, "collector"), connected_to(gateway, credentials=credentials) as subject:
        status = subject.wait_for(ConnectionState.ONLINE)
    assert "sesame" not in caplog.text + repr(status) + repr(credentials)


@pytest.mark.parametrize(("server", "is_simulated"), [("moex-monitor-simulator/1", True), ("infocx", False)])
def test_only_a_gateway_that_calls_itself_the_simulator_is_one(
    gateway: FakeGateway, server: str, is_simulated: bool
) -> None:
    gateway.behave(Behaviour(greeting="none"))
    with connected_to(gateway, []) as subject:
        gateway.wait_until(lambda ledger: ledger.connects == 1)
        gateway.send(stomp("CONNECTED", {"server": server}))
        subject.wait_for(ConnectionState.ONLINE)
        assert subject.connection.is_simulated is is_simulated
        gateway.drop()  # it took the greeting for a login, and would find DISCONNECT out of place
        gateway.behave(Behaviour())
        subject.wait_for_counters(reconnects=1)


def test_joining_a_thread_that_hangs_cuts_its_socket_and_returns() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        exchange = msgspec.structs.replace(QUICK, url=f"ws://127.0.0.1:{listener.getsockname()[1]}/")
        subject = Subject(exchange, TICKERS, GUEST, None)
        subject.wait_for(ConnectionState.OPENING)
        subject.connection._is_stopping = True
        subject.connection.join(0.01)
        subject.close()


@pytest.fixture
def unreachable() -> Iterator[list[object]]:
    """After a collection: what nothing refers to any more, and was not let go of either."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def test_a_lost_connection_leaves_nothing_to_the_garbage_collector(
    gateway: FakeGateway, reader: Gatherer | None, unreachable: list[object]
) -> None:
    """Which comes so seldom that memory would grow with every loss."""
    with connected_to(gateway, reader=reader) as subject:
        for _ in range(3):
            subject.wait_until_online()
            gateway.blast(50)
            gateway.drop()
            subject.wait_for(ConnectionState.WAITING)
        subject.wait_until_online()
    gc.collect()
    modules = ("collector.", "websocket.")
    assert [thing for thing in unreachable if type(thing).__module__.startswith(modules)] == []
