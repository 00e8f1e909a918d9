from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import msgspec
import pytest

from display.feed import Feed
from shared.wire import Request, decode_request, encode
from tests.display.samples import market, quote

Ends = tuple[Connection, Feed]


@pytest.fixture
def ends() -> Iterator[Ends]:
    hub, display = Pipe()
    with hub, display:
        yield hub, Feed(display)


def requests(hub: Connection) -> list[Request]:
    found = []
    while hub.poll():
        found.append(decode_request(hub.recv_bytes()))
    return found


def test_a_picture_is_asked_for_once_until_it_has_come(ends: Ends) -> None:
    hub, feed = ends
    feed.ask()
    feed.ask()
    assert requests(hub) == [Request.NEXT]
    hub.send_bytes(encode(market().picture(-1)))
    assert feed.receive()
    feed.ask()
    assert requests(hub) == [Request.NEXT]


def test_pictures_are_folded_into_one_market(ends: Ends) -> None:
    hub, feed = ends
    assert feed.market is None
    for ticker in ("SBER", "GAZP"):
        hub.send_bytes(encode(market([quote(ticker)]).picture(-1)))
        feed.receive()
    assert feed.market is not None
    assert sorted(feed.market.quotes) == ["GAZP", "SBER"]
    assert [quote.ticker for quote in feed.news] == ["GAZP"]


def test_without_a_picture_nothing_is_received(ends: Ends) -> None:
    assert not ends[1].receive()


def test_quit_is_passed_on(ends: Ends) -> None:
    hub, feed = ends
    feed.quit()
    assert requests(hub) == [Request.QUIT]


def test_the_end_of_the_hub_is_noticed_and_raises_nothing(ends: Ends) -> None:
    hub, feed = ends
    hub.close()
    assert not feed.receive()
    assert feed.is_over
    feed.ask()
    feed.quit()


def test_a_request_to_a_hub_that_is_gone_is_noticed(ends: Ends) -> None:
    hub, feed = ends
    hub.close()
    feed.ask()
    assert feed.is_over


def test_a_message_that_is_no_picture_is_not_swallowed(ends: Ends) -> None:
    hub, feed = ends
    hub.send_bytes(b"\xc1")
    with pytest.raises(msgspec.DecodeError):
        feed.receive()
