import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest

from collector.hub import Hub
from collector.viewers import Viewers
from display import service as module
from display.service import ServiceFeed, reach
from shared import handshake
from shared.errors import NoService
from shared.market import Market
from shared.wire import Request, Totals, encode
from tests.display.fake_service import PID, FakeService, fake_service
from tests.display.samples import market, quote


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def service(path: Path) -> Iterator[FakeService]:
    with fake_service(path, market([quote("SBER")])) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_LIMIT_S", 1)


def failure(*paths: Path) -> str:
    with pytest.raises(NoService) as caught:
        reach(paths, is_brief=True)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_the_state_of_now_is_had_at_once(service: FakeService, path: Path) -> None:
    feed = reach([path], is_brief=True)
    assert feed.pid == PID
    assert [hello.is_brief for hello in service.hellos] == [True]
    assert list(feed.state_of_now().quotes) == ["SBER"]
    feed.close()


def test_it_is_looked_for_at_one_place_after_the_other(service: FakeService, path: Path, tmp_path: Path) -> None:
    dead = tmp_path / "dead"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dead))
    closed = tmp_path / "closed"
    closed.symlink_to(closed)
    places = [tmp_path / "gone", tmp_path / "s" / "below", tmp_path / ("x" * 120), dead, closed, path]
    reach(places, is_brief=False).close()
    assert [hello.is_brief for hello in service.hellos] == [False]


def test_where_nobody_answers_the_places_are_named(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    assert failure(a, b) == f"no program is running: nobody answers at {a} or {b}"


def test_what_the_settings_say_is_named() -> None:
    assert failure() == 'the settings say that no program has a socket: [service] socket = "none"'
    assert "has at most 107" in failure(Path("/" + "x" * 120))


def test_a_place_that_cannot_be_opened_is_named_with_the_reason_where_nobody_answers_elsewhere(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.symlink_to(closed)
    assert failure(closed, tmp_path / "gone") == f"{closed} cannot be opened: Too many levels of symbolic links"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_socket_of_somebody_else_is_named_with_the_reason(service: FakeService, path: Path) -> None:
    path.chmod(0)
    assert failure(path) == f"{path} cannot be opened: Permission denied"


def test_a_program_that_does_not_welcome_anybody_is_named_with_its_process(
    service: FakeService, path: Path, impatient: None
) -> None:
    service.welcome = lambda: None
    assert failure(path) == f"the program behind {path} (pid {os.getpid()}) gives no answer within 1 s"


def test_a_program_that_does_not_even_let_anybody_in_gives_no_answer(path: Path, impatient: None) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        assert failure(path) == f"the program behind {path} gives no answer within 1 s"


def test_another_program_is_not_mistaken_for_ours(service: FakeService, path: Path) -> None:
    service.welcome = lambda: b"HTTP/1.1 400 Bad Request"
    assert failure(path) == f"the program behind {path} (pid {os.getpid()}) is not moex-monitor"


def test_another_version_is_told_in_one_line(service: FakeService, path: Path) -> None:
    service.welcome = lambda: msgspec.msgpack.encode(handshake.Welcome(99, 99, "9.9", 12))
    assert re.search(r"pid 12\) speaks another protocol \(version 9\.9", failure(path))


def test_a_refusal_is_passed_on(service: FakeService, path: Path) -> None:
    service.welcome = lambda: handshake.welcome(12, "32 viewers\x1b")
    assert "(pid 12) lets nobody in: 32 viewers" in failure(path)


def state_failure(path: Path) -> str:
    feed = reach([path], is_brief=True)
    with pytest.raises(NoService) as caught:
        feed.state_of_now()
    feed.close()
    return str(caught.value)


def test_a_program_that_welcomes_and_then_falls_silent_gives_no_answer(
    service: FakeService, path: Path, impatient: None
) -> None:
    service.answer = lambda: None
    assert state_failure(path) == f"the running program (pid {PID}) gives no answer within 1 s"


def picture_in_parts() -> list[bytes]:
    """As it is sent, and cut where it hurts: within its length, and in its middle."""
    ours, theirs = socket.socketpair()
    with closing(theirs), closing(Connection(ours.detach())) as connection:
        connection.send_bytes(encode(market([quote("SBER")]).picture(-1)))
        sent = theirs.recv(100_000)
    return [sent[:2], sent[2:100], sent[100:]]


def test_a_picture_that_stops_halfway_is_waited_for_without_holding_up_the_viewer() -> None:
    ours, theirs = socket.socketpair()
    feed = ServiceFeed(Connection(ours.detach()), PID)
    *parts, last = picture_in_parts()
    with closing(feed), closing(theirs):
        for part in parts:
            theirs.send(part)
            assert not feed.receive()
            assert not feed.is_over
        theirs.send(last + parts[0])
        assert feed.receive()
        assert [quote.ticker for quote in feed.news] == ["SBER"]
        assert not feed.receive()
        theirs.close()
        assert not feed.receive()
        assert feed.is_over


def test_a_program_that_stops_in_the_middle_of_a_picture_gives_no_answer(impatient: None) -> None:
    ours, theirs = socket.socketpair()
    feed = ServiceFeed(Connection(ours.detach()), PID)
    with closing(feed), closing(theirs):
        theirs.send(picture_in_parts()[0])
        with pytest.raises(NoService, match=rf"^the running program \(pid {PID}\) gives no answer within 1 s$"):
            feed.state_of_now()


def test_a_picture_that_cannot_be_read_is_told(service: FakeService, path: Path) -> None:
    service.answer = lambda: b"\xc1"
    assert state_failure(path) == f"the running program (pid {PID}) sent what cannot be read"


def test_a_program_that_ends_meanwhile_is_told(service: FakeService, path: Path) -> None:
    def end() -> None:
        service.hang_up()

    service.answer = end
    assert state_failure(path) == f"the running program (pid {PID}) has ended"


def test_to_quit_is_to_leave_and_the_program_hears_nothing_of_it(service: FakeService, path: Path) -> None:
    feed = reach([path], is_brief=False)
    feed.state_of_now()
    feed.quit()
    assert feed.has_left
    assert feed.is_over
    feed.close()
    assert service.requests == [Request.NEXT]


def test_it_and_the_real_service_understand_each_other(path: Path) -> None:
    hub = Hub(Market(Totals(started_at=0.0, connections=1, tickers_per_connection=1, gateway="test")))
    viewers = Viewers(hub.feed, str(path), {})
    viewers.open()
    viewers.serve()
    feed: ServiceFeed = reach([path], is_brief=False)
    assert feed.pid == os.getpid()
    assert feed.state_of_now().totals.gateway == "test"
    feed.close()
    viewers.close()
