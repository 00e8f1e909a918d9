"""Whoever looks at the running program from outside gets pictures, and can do it no harm."""

import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest

from collector import viewers as module
from collector.hub import Hub
from collector.socket_file import SocketFile
from collector.viewers import Viewers, most_viewers
from shared import handshake, service_socket, user_folders
from shared.book import book_of
from shared.errors import AlreadyRunning
from shared.handshake import Welcome, read_welcome
from shared.market import Market
from shared.quotes import Quote
from shared.wire import Picture, QuoteBatch, Request, Totals, decode_picture, encode
from tests.collector.waiting import LIMIT_S, nothing_left_over, wait_until

AUTO = "auto"


class Viewer:
    """The other end, which may do everything wrong."""

    def __init__(self, path: Path) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        self.connection = Connection(sock.detach())

    def greet(self, *, is_brief: bool = False) -> Welcome:
        self.connection.send_bytes(handshake.hello(is_brief=is_brief))
        return self.welcome()

    def welcome(self) -> Welcome:
        assert self.connection.poll(LIMIT_S)
        return read_welcome(self.connection.recv_bytes())

    def next(self) -> Picture:
        self.say(encode(Request.NEXT))
        assert self.connection.poll(LIMIT_S)
        return decode_picture(self.connection.recv_bytes())

    def say(self, data: bytes) -> None:
        self.connection.send_bytes(data)

    def is_sent_away(self) -> bool:
        assert self.connection.poll(LIMIT_S)
        try:
            self.connection.recv_bytes()
        except (EOFError, OSError):
            return True
        return False

    def close(self) -> None:
        self.connection.close()


Connect = Callable[[], Viewer]


@pytest.fixture
def hub() -> Hub:
    return Hub(Market(Totals(started_at=0.0, connections=2, tickers_per_connection=1, gateway="test")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "monitor.sock"


@pytest.fixture
def served(hub: Hub, path: Path) -> Iterator[Viewers]:
    with serving(hub, str(path)) as made:
        yield made


@contextmanager
def serving(hub: Hub, setting: str, **environment: str) -> Iterator[Viewers]:
    """Everything is gone afterwards."""
    with nothing_left_over():
        viewers = Viewers(hub.feed, setting, environment)
        assert viewers.open() is None
        viewers.serve()
        yield viewers
        viewers.close()


@pytest.fixture
def connect(served: Viewers, path: Path) -> Iterator[Connect]:
    made: list[Viewer] = []

    def one_more() -> Viewer:
        made.append(Viewer(path))
        return made[-1]

    yield one_more
    for viewer in made:
        viewer.close()


def change(hub: Hub, *tickers: str) -> None:
    quotes = [Quote(ticker, 1, book_of([(1.0, 1)], [], 2), time.monotonic()) for ticker in tickers]
    hub.update(lambda market: market.apply(QuoteBatch(0, quotes), time.time() * 1000))


def threads_of_viewers() -> int:
    return sum(thread.name == "viewer" for thread in threading.enumerate())


# ---- looking


def test_a_viewer_is_told_who_answers_and_sees_the_whole_state_at_once(hub: Hub, connect: Connect) -> None:
    change(hub, "SBER", "GAZP")
    viewer = connect()
    welcome = viewer.greet()
    assert (welcome.pid, welcome.refusal) == (os.getpid(), "")
    assert handshake.is_understood(welcome)
    assert {quote.ticker for quote in viewer.next().quotes} == {"SBER", "GAZP"}
    change(hub, "GAZP")
    assert {quote.ticker for quote in viewer.next().quotes} == {"GAZP"}


def test_any_viewer_sees_the_whole_state_whatever_others_have_seen(hub: Hub, connect: Connect) -> None:
    change(hub, "SBER")
    for _ in range(3):
        viewer = connect()
        viewer.greet()
        assert [quote.ticker for quote in viewer.next().quotes] == ["SBER"]


def test_a_viewer_cannot_end_the_program(hub: Hub, connect: Connect) -> None:
    viewer = connect()
    viewer.greet()
    viewer.say(encode(Request.QUIT))
    assert viewer.next().quotes == []


def test_no_viewer_gets_pictures_faster_than_is_good_for_the_program(
    hub: Hub, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PICTURE_INTERVAL_S", 0.25)
    viewer = connect()
    viewer.greet()
    began = time.monotonic()
    for _ in range(4):
        change(hub, "SBER")
        viewer.next()
    assert time.monotonic() - began >= 3 * 0.25


# ---- what a viewer may do wrong


def test_one_of_another_version_is_told_all_that_it_needs_and_sent_away(connect: Connect) -> None:
    viewer = connect()
    viewer.say(msgspec.msgpack.encode(handshake.Hello(99, 99, "9.9")))
    welcome = viewer.welcome()
    assert (welcome.protocol, welcome.layout) == (handshake.PROTOCOL, handshake.layout())
    assert viewer.is_sent_away()


@pytest.mark.parametrize("junk", [b"", b"\xc1junk", b"GET / HTTP/1.1", encode(Request.NEXT)])
def test_one_that_does_not_greet_is_sent_away(connect: Connect, junk: bytes) -> None:
    viewer = connect()
    viewer.say(junk)
    assert viewer.is_sent_away()


def test_a_greeting_without_end_is_not_read(connect: Connect) -> None:
    viewer = connect()
    viewer.say(b"x" * (handshake.HELLO_LIMIT + 1))
    assert viewer.is_sent_away()


def test_one_that_says_nothing_is_sent_away_after_a_while(
    path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GREETING_LIMIT_S", 1)
    with serving(hub, str(path)):
        viewer = Viewer(path)
        assert viewer.is_sent_away()
        half = Viewer(path)
        os.write(half.connection.fileno(), b"\0\0")
        assert half.is_sent_away()
        viewer.close()
        half.close()


def test_one_that_stays_may_be_silent_for_longer_than_the_greeting(
    path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on how long a read may wait is taken off the socket itself."""
    monkeypatch.setattr(module, "GREETING_LIMIT_S", 1)
    with serving(hub, str(path)):
        viewer, other = Viewer(path), Viewer(path)
        viewer.greet()
        assert other.is_sent_away()  # so the limit is over
        assert viewer.next().quotes == []
        viewer.close()
        other.close()


def test_junk_instead_of_a_request_is_logged_once_however_often_it_comes(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    for junk in (b"\xc1junk", b"\xc1junk", b"\xa1\xff"):
        viewer = connect()
        viewer.greet()
        viewer.say(junk)
        assert viewer.is_sent_away()
    wait_until(lambda: threads_of_viewers() == 0)
    assert caplog.text.count("a viewer sent what cannot be used") == 1
    assert "Traceback" not in caplog.text


def test_a_viewer_that_does_not_read_holds_up_nobody_and_sees_the_newest_state_afterwards(
    hub: Hub, connect: Connect
) -> None:
    """The sending of its picture blocks: what changes meanwhile is not kept for it, only merged."""
    change(hub, *(f"T{number}" for number in range(3000)))
    stopped = connect()
    stopped.greet()
    stopped.say(encode(Request.NEXT))
    wait_until(lambda: stopped.connection.poll())
    other = connect()
    other.greet()
    assert len(other.next().quotes) == 3000
    for _ in range(10):
        change(hub, "SBER")
        assert [quote.ticker for quote in other.next().quotes] == ["SBER"]
    assert len(decode_picture(stopped.connection.recv_bytes()).quotes) == 3000
    [sber] = stopped.next().quotes
    assert (sber.ticker, sber.updates) == ("SBER", 10)


def test_nothing_is_left_of_viewers_that_vanish_at_any_point(hub: Hub, path: Path, served: Viewers) -> None:
    change(hub, *(f"T{number}" for number in range(3000)))
    with nothing_left_over():
        for step in range(4):
            viewer = Viewer(path)
            if step > 0:
                viewer.greet()
            if step > 1:
                viewer.say(encode(Request.NEXT))
            if step > 2:
                viewer.connection.poll(LIMIT_S)
            viewer.close()
        last = Viewer(path)
        last.greet()  # so all before it have been let in
        assert len(last.next().quotes) == 3000
        wait_until(lambda: threads_of_viewers() == 1)
        assert len(served._connected) == 1
        last.close()
    assert threads_of_viewers() == len(served._connected) == 0


# ---- how many


def test_more_viewers_than_there_may_be_are_told_so_and_those_who_only_ask_are_served(
    hub: Hub, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_VIEWERS", 2)
    first, second = connect(), connect()
    assert first.greet().refusal == second.greet().refusal == ""
    third = connect()
    assert third.greet().refusal == "2 viewers are attached already"
    assert third.is_sent_away()
    brief = connect()
    assert brief.greet(is_brief=True).refusal == ""
    brief.next()
    first.close()
    wait_until(lambda: threads_of_viewers() == 2)
    assert connect().greet().refusal == ""


def test_beyond_all_measure_a_connection_costs_not_even_a_thread(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 2)
    silent = [connect(), connect()]
    wait_until(lambda: threads_of_viewers() == 2)
    one_more = connect()
    assert "attached already" in one_more.welcome().refusal
    assert one_more.is_sent_away()
    assert threads_of_viewers() == 2
    assert len(silent) == 2


# ---- the socket


def test_with_auto_the_socket_is_in_the_runtime_folder(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(hub, AUTO, **places(tmp_path, monkeypatch)):
        viewer = Viewer(tmp_path / "session" / "moex-monitor" / "monitor.sock")
        assert viewer.greet().pid == os.getpid()
        viewer.close()


def test_the_first_folder_that_can_be_used_is_taken(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "session").write_text("no folder")
    with serving(hub, AUTO, **places(tmp_path, monkeypatch)):
        assert (tmp_path / "state" / "moex-monitor" / "monitor.sock").is_socket()


def test_where_no_folder_can_be_used_that_is_one_line_and_nobody_is_served(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with nothing_left_over():
        viewers = Viewers(hub.feed, AUTO, {"RUNTIME_DIRECTORY": str(tmp_path / "file" / "x")})
        told = viewers.open()
        assert told == f"attach and health cannot see this program: {tmp_path}/file/x/monitor.sock: Not a directory"
        viewers.serve()
        viewers.close()


def test_nobody_is_served_where_that_was_said(hub: Hub, tmp_path: Path) -> None:
    with serving(hub, "none", XDG_RUNTIME_DIR=str(tmp_path)):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_systemd", [False, True])
def test_a_second_start_on_a_socket_that_was_named_is_refused_and_says_who_is_running(
    hub: Hub, tmp_path: Path, is_systemd: bool
) -> None:
    setting, environment = (AUTO, {"RUNTIME_DIRECTORY": str(tmp_path)}) if is_systemd else (f"{tmp_path}/s", {})
    with serving(hub, setting, **environment), pytest.raises(AlreadyRunning) as caught:
        Viewers(hub.feed, setting, environment).open()
    assert f"already running: pid {os.getpid()} has the socket {tmp_path}" in str(caught.value)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("session/moex-monitor/monitor.sock", id="its own"),
        pytest.param("state/moex-monitor/monitor.sock", id="another of its user"),
        pytest.param(f"sessions/{os.geteuid()}/moex-monitor/monitor.sock", id="the session it is not told of"),
        pytest.param("service/monitor.sock", id="the service of systemd"),
    ],
)
def test_a_second_start_without_a_named_socket_goes_on_without_wherever_a_viewer_finds_the_first(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    first, environment = tmp_path / place, places(tmp_path, monkeypatch)
    first.parent.mkdir(mode=0o700, parents=True)
    with serving(hub, str(first)):
        second = Viewers(hub.feed, AUTO, environment)
        told = second.open()
        second.serve()
        second.close()
        assert [path for path in tmp_path.rglob("*") if path.is_socket()] == [first]
    assert told == (
        f"already running: pid {os.getpid()} has the socket {first}, so attach and health find it, not this one;"
        " to see this: --socket PATH"
    )


def places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment, all of whose places for a socket are in `folder`."""
    monkeypatch.setattr(user_folders, "SESSION_FOLDERS", folder / "sessions")
    monkeypatch.setattr(service_socket, "SYSTEM_RUNTIME_FOLDER", folder / "service")
    return {"XDG_RUNTIME_DIR": str(folder / "session"), "XDG_STATE_HOME": str(folder / "state"), "TMPDIR": str(folder)}


def test_a_socket_that_somebody_took_away_is_made_again(hub: Hub, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_INTERVAL_S", 0.02)
    with serving(hub, str(path)):
        path.unlink()
        wait_until(path.is_socket)
        viewer = Viewer(path)
        assert viewer.greet().refusal == ""
        viewer.close()
    assert not path.exists()


def test_a_folder_that_is_gone_is_waited_for(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_INTERVAL_S", 0.02)
    folder = tmp_path / "session"
    folder.mkdir()
    with serving(hub, f"{folder}/s"):
        (folder / "s").unlink()
        folder.rmdir()
        wait_until(lambda: "cannot be made again" in caplog.text)
        folder.mkdir()
        wait_until((folder / "s").is_socket)
    assert caplog.text.count("cannot be made again") == 1


def test_a_socket_that_is_being_made_again_at_the_end_is_not_left_behind(
    hub: Hub, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_INTERVAL_S", 0.02)
    monkeypatch.setattr(module, "END_LIMIT_S", 0.02)
    is_waiting, may_go_on = threading.Event(), threading.Event()

    def made_room(file: SocketFile) -> None:
        is_waiting.set()
        assert may_go_on.wait(LIMIT_S)

    with serving(hub, str(path)) as viewers:
        monkeypatch.setattr(SocketFile, "_make_room", made_room)
        path.unlink()
        assert is_waiting.wait(LIMIT_S)
        viewers.close()
        may_go_on.set()
    assert not path.exists()
    assert caplog.text == ""


def test_its_end_sends_everybody_away(hub: Hub, path: Path) -> None:
    with nothing_left_over():
        viewers = Viewers(hub.feed, str(path), {})
        viewers.open()
        viewers.serve()
        silent, attached, stuck = Viewer(path), Viewer(path), Viewer(path)
        attached.greet()
        attached.next()
        stuck.greet()
        change(hub, *(f"T{number}" for number in range(3000)))
        stuck.say(encode(Request.NEXT))
        assert stuck.connection.poll(LIMIT_S)
        viewers.close()
        assert not path.exists()
        assert silent.is_sent_away()
        assert attached.is_sent_away()
        wait_until(lambda: threads_of_viewers() == 0)
        for viewer in (silent, attached, stuck):
            viewer.close()


@pytest.mark.parametrize(
    ("descriptors", "viewers"), [(resource.RLIM_INFINITY, 256), (1_048_576, 256), (1024, 256), (256, 70), (64, 4)]
)
def test_viewers_leave_the_program_the_descriptors_that_it_needs_itself(descriptors: int, viewers: int) -> None:
    assert most_viewers(descriptors) == viewers


def test_without_descriptors_nobody_is_let_in_and_as_soon_as_there_are_some_everybody_is(
    path: Path, served: Viewers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.02)
    viewer = socket.socket(socket.AF_UNIX)
    lowest = os.dup(0)
    os.close(lowest)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        viewer.connect(str(path))
        wait_until(lambda: "no viewer can be let in: Too many open files" in caplog.text)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    with closing(Connection(viewer.detach())) as connection:
        connection.send_bytes(handshake.hello(is_brief=False))
        assert connection.poll(LIMIT_S)
        assert read_welcome(connection.recv_bytes()).refusal == ""
    assert caplog.text.count("no viewer can be let in") == 1
