"""What those may send that are served: viewers and their programs, Prometheus, and clients of the built-in exchange."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from collector import hub as hub_module
from collector.hub import Hub
from collector.metrics import Figures, _Page
from collector.viewers import Viewers
from display import service
from shared import handshake
from shared.errors import NoService
from shared.health import complaint
from shared.market import Market
from shared.quotes import Quote
from shared.service_socket import NONE
from shared.wire import QuoteBatch, Request, Totals, decode_picture, encode
from simulator.faults import Faults
from simulator.feed import Feed
from simulator.gateway import Session
from simulator.market import Market as SimulatedMarket
from simulator.outbox import Outbox
from simulator.rest import page
from simulator.stomp import ForbiddenLineEnd, FrameSplitter, MalformedFrame
from tests.drills.fuzz.splitting import pieces_of
from tests.drills.fuzz.stage import log_that_is_fit_to_print, replaced

THURSDAY_S = 1_769_064_680.0
SEPARATOR = b"\xc1"
"""MessagePack has no use for this byte."""


def known_market() -> Market:
    market = Market(Totals(started_at=0.0, connections=1, tickers_per_connection=1, gateway="wss://exchange.example"))
    market.apply(QuoteBatch(0, [Quote("SBER", 1, fields={"LAST": [1.5, 1]}, fields_at=1.0), Quote("T")]), now_ms=0.0)
    return market


def _sent(data: bytes) -> bytes:
    """Messages of multiprocessing's connections; where the first byte says so, each with its length put before it."""
    if data[:1] < b"\x80":
        return data[1:]
    return b"".join(len(part).to_bytes(4, "big") + part for part in data[1:].split(SEPARATOR))


# ---- a viewer, as the service sees it


def viewer(data: bytes) -> None:
    hub, before = Hub(known_market()), known_market()
    ours, theirs = socket.socketpair()
    subject = Viewers(lambda connection, on_quit, _: hub.feed(connection, on_quit), NONE)
    subject._connected[ours] = False
    with closing(theirs):
        theirs.sendall(_sent(data))
        theirs.shutdown(socket.SHUT_WR)
        with log_that_is_fit_to_print() as lines, replaced(hub_module, PICTURE_INTERVAL_S=0.0):
            subject._serve(ours)
        assert len(lines) <= 1, "said once an hour"
        assert (subject._connected, ours.fileno()) == ({}, -1)
        answers = list(_messages_from(theirs))
    if answers:
        welcome = handshake.read_welcome(answers[0])
        assert handshake.is_understood(welcome)
        assert not welcome.refusal
    revisions = [decode_picture(answer).revision for answer in answers[1:]]
    assert revisions == sorted(revisions)
    assert len(revisions) <= _sent(data).count(encode(Request.NEXT)), "one for each that was asked for"
    assert hub.read(lambda market: market.quotes) == before.quotes


def _messages_from(end: socket.socket) -> Iterator[bytes]:
    connection = Connection(end.detach())
    with closing(connection), suppress(EOFError, OSError):
        while True:
            yield connection.recv_bytes()


# ---- the service, as a viewer sees it


def picture(data: bytes) -> None:
    """It may be any program that has the socket, and ends the looking with one line, or with pictures."""
    ours, theirs = socket.socketpair()
    with closing(theirs):
        theirs.sendall(_sent(data))
        theirs.shutdown(socket.SHUT_WR)
        reached = service._Reached(ours, Path("monitor.sock"))
        with replaced(service, _connected=lambda paths: reached):
            try:
                with closing(service.reach([], is_brief=False)) as feed:
                    _look(feed)
            except NoService as error:
                assert str(error).isprintable()
                assert len(str(error)) < 1000
    assert ours.fileno() == -1


def _look(feed: service.ServiceFeed) -> None:
    market = feed.state_of_now()
    assert market.totals is not None
    reason = complaint(market, 10.0, 60.0)
    assert reason is None or len(reason) < 1000
    with suppress(msgspec.DecodeError):
        while not feed.is_over:
            feed.ask()
            feed.receive()


# ---- who asks for the metrics


@cache
def _page() -> type:
    registry = CollectorRegistry(auto_describe=True)
    registry.register(Figures(Hub(known_market()), with_tickers=True))
    handler: type = _Page.factory(registry)
    return handler


def scrape(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with closing(theirs), closing(ours):
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            _page()(ours, ("127.0.0.1", 1), None)
        ours.close()
        answer = b"".join(iter(lambda: theirs.recv(65_536), b""))
    head = answer.partition(b"\r\n\r\n")[0]
    if head.startswith(b"HTTP/"):
        assert head.split()[1] in (b"200", b"400", b"404", b"414", b"431", b"501", b"505"), head
        assert all(line.decode("latin-1").isprintable() for line in head.split(b"\r\n")), head
    elif b"\x1f\x8b" not in answer:  # to HTTP 0.9 there is an answer without a head
        assert all(line.isprintable() for line in answer.decode().split("\n"))


# ---- a client of the built-in exchange


@cache
def _feed() -> Feed:
    return Feed(SimulatedMarket(1, THURSDAY_S, is_open=True))


def exchange(data: bytes) -> None:
    """Where the first byte is small, the rest is the target of an HTTP request; else what a client sends, cut twice."""
    if data[:1] < b"\x10":
        page(data[1:].decode("latin-1"), _feed().market, THURSDAY_S)
        return
    (answers, reason), (at_once, same_reason) = (_answers(pieces_of(data[2:], cut)) for cut in (data[1:2], b"\xff"))
    assert reason == same_reason
    assert at_once == (answers if not reason else answers[: len(at_once)]), "what comes with junk may go with it"


def _answers(pieces: Iterable[bytes]) -> tuple[list[bytes], str]:
    """What the gateway says, and why it stops to listen."""
    outbox, splitter = Outbox(), FrameSplitter()
    session, reason = Session(1, _feed(), Faults(), outbox), ""
    _feed()._seqnum = 0
    try:
        for piece in pieces:
            for frame in splitter.feed(piece):
                session.receive(frame, THURSDAY_S)
    except (MalformedFrame, ForbiddenLineEnd) as error:
        reason = type(error).__name__
    finally:
        session.end()
    assert _feed().subscriptions == 0
    answers = outbox.take()
    assert all(answer.count(b"\0") == 1 and answer.endswith(b"\0") for answer in answers)
    return answers, reason
