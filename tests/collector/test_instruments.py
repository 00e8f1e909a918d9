import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

from collector import instruments
from collector.instruments import fetch_tickers, load_instruments, tickers_in
from shared.errors import InstrumentsError
from shared.settings import InstrumentSettings
from shared.shipped_list import shipped_secids
from shared.timing import Deadline

REAL = "https://iss.moex.com/iss"
TQBR = InstrumentSettings()
GENEROUS_S = 60.0


def page(*secids: Any, columns: tuple[str, ...] = ("SHORTNAME", "SECID")) -> bytes:
    column = columns.index("SECID")
    rows = [["x"] * column + [secid] + ["y"] * (len(columns) - column - 1) for secid in secids]
    return json.dumps({"securities": {"columns": columns, "data": rows}, "marketdata": None}).encode()


class Iss:
    """A server on 127.0.0.1 that answers each request with the next of `answers`, and then with the last of them."""

    def __init__(self) -> None:
        self.answers: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.paths: list[str] = []
        self.over = Event()
        iss = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                iss.paths.append(self.path)
                with suppress(OSError):
                    iss.answers[min(len(iss.paths), len(iss.answers)) - 1](self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}/iss"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def iss() -> Iterator[Iss]:
    server = Iss()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def answer(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


def fetched(*tickers: str) -> instruments.Fetch:
    return lambda iss_url, board, deadline: tickers


def failing(reason: str) -> instruments.Fetch:
    def fetch(iss_url: str, board: str, deadline: Deadline) -> tuple[str, ...]:
        raise InstrumentsError(reason)

    return fetch


# Which source serves


def test_iss_serves_first_and_is_remembered(tmp_path: Path) -> None:
    loaded = load_instruments(TQBR, REAL, cache_folder=tmp_path, fetch=fetched("SBER", "GAZP"))
    assert loaded == (("SBER", "GAZP"), "ISS (2 shares of TQBR)")
    later = load_instruments(TQBR, REAL, cache_folder=tmp_path, fetch=failing("timed out"))
    assert later.tickers == ("SBER", "GAZP")
    assert later.source.startswith("disk cache of 2")
    assert later.source.endswith(" (ISS: timed out)")


def test_without_a_remembered_list_the_shipped_one_serves(tmp_path: Path) -> None:
    loaded = load_instruments(TQBR, REAL, cache_folder=tmp_path, fetch=failing("HTTP 503"))
    assert loaded == (shipped_secids(), "list shipped with the program (ISS: HTTP 503)")


def test_a_damaged_remembered_list_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "instruments-TQBR.json").write_text("{")
    assert load_instruments(TQBR, REAL, cache_folder=tmp_path, fetch=failing("x")).tickers == shipped_secids()


def test_the_list_of_a_simulated_exchange_is_neither_remembered_nor_replaced_by_a_remembered_one(
    tmp_path: Path, iss: Iss
) -> None:
    load_instruments(TQBR, REAL, cache_folder=tmp_path, fetch=fetched("SBER"))
    iss.answers = [answer(200, page("GAZP")), answer(404)]
    loaded = load_instruments(TQBR, iss.url, cache_folder=tmp_path, timeout_s=GENEROUS_S)
    assert loaded == (("GAZP",), f"ISS at {iss.address} (1 shares of TQBR)")
    assert load_instruments(TQBR, iss.url, cache_folder=tmp_path, timeout_s=GENEROUS_S).tickers == shipped_secids()
    assert load_instruments(TQBR, REAL, cache_folder=tmp_path, fetch=failing("x")).tickers == ("SBER",)


def test_the_cache_is_in_the_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load_instruments(TQBR, REAL, fetch=fetched("SBER"))
    assert (tmp_path / "moex-monitor" / "instruments-TQBR.json").is_file()


def test_another_board_is_not_served_by_the_shipped_list(tmp_path: Path) -> None:
    with pytest.raises(InstrumentsError, match="no list of the instruments of SMAL: ISS: timed out"):
        load_instruments(InstrumentSettings(board="SMAL"), REAL, cache_folder=tmp_path, fetch=failing("timed out"))


def test_the_shipped_list_has_the_259_shares_of_tqbr() -> None:
    tickers = shipped_secids()
    assert len(tickers) == len(set(tickers)) == 259
    assert {"SBER", "GAZP", "T", "X5", "VEON-RX"} - set(tickers) <= {"VEON-RX"}


# What ISS answers


def test_the_column_is_found_by_its_name() -> None:
    assert tickers_in(page("SBER", columns=("SECID", "LOTSIZE"))) == ("SBER",)
    assert tickers_in(page("SBER", columns=("LOTSIZE", "SHORTNAME", "SECID"))) == ("SBER",)


def test_order_is_kept_and_what_repeats_or_cannot_be_a_ticker_is_left_out() -> None:
    secids = ("SBER", "T", "SBER", None, 5, "", "a b", "\x1b[2J", "VEON-RX", "X" * 33, "SiZ6", "A\n", "CNYRUB_TOM")
    assert tickers_in(page(*secids)) == ("SBER", "T", "VEON-RX", "SiZ6", "CNYRUB_TOM")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the answer is no list of securities"),
        (b"<html>sign in</html>", "the answer is no list of securities"),
        (b"[]", "the answer is no list of securities"),
        (b'{"securities": {"columns": ["SHORTNAME"], "data": []}}', "the answer is no list of securities"),
        (b'{"securities": {"columns": ["SECID"], "data": {}}}', "the answer is no list of securities"),
        (b'{"securities": {"columns": ["X", "SECID"], "data": [["SBER"], []]}}', "the list is empty"),
        (page(), "the list is empty"),
        (page("a b"), "the list is empty"),
    ],
)
def test_an_answer_without_tickers_is_a_failure(body: bytes, told: str) -> None:
    with pytest.raises(InstrumentsError, match=told):
        tickers_in(body)


def test_only_what_is_needed_is_asked_for(iss: Iss) -> None:
    iss.answers = [answer(200, page("SBER"))]
    assert fetch_tickers(iss.url, "TQBR", Deadline(GENEROUS_S)) == ("SBER",)
    assert iss.paths == [
        "/iss/engines/stock/markets/shares/boards/TQBR/securities.json"
        "?iss.meta=off&iss.only=securities&securities.columns=SECID,SHORTNAME,LOTSIZE,DECIMALS,PREVPRICE"
    ]


def test_a_server_that_is_busy_for_a_moment_is_asked_again(iss: Iss) -> None:
    iss.answers = [answer(503, Retry_After="3600"), answer(200, page("SBER"))]
    assert fetch_tickers(iss.url, "TQBR", Deadline(GENEROUS_S)) == ("SBER",)


def test_a_redirect_is_not_followed(iss: Iss) -> None:
    iss.answers = [answer(302, Location=iss.url), answer(200, page("SBER"))]
    with pytest.raises(InstrumentsError, match=r"^HTTP 302$"):
        fetch_tickers(iss.url, "TQBR", Deadline(GENEROUS_S))


def test_an_endless_answer_is_given_up(iss: Iss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruments, "PAGE_LIMIT_BYTES", 100_000)
    iss.answers = [answer(200, b" " * 200_000)]
    with pytest.raises(InstrumentsError, match="longer than 100000 bytes"):
        fetch_tickers(iss.url, "TQBR", Deadline(GENEROUS_S))


# Servers that do not answer: without the deadline these tests would not end


def _say_nothing(handler: BaseHTTPRequestHandler, iss: Iss) -> None:
    iss.over.wait()


def _drip_headers(handler: BaseHTTPRequestHandler, iss: Iss) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not iss.over.wait(0.02):
        handler.wfile.write(b"x")


def _drip_body(handler: BaseHTTPRequestHandler, iss: Iss) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not iss.over.wait(0.02):
        handler.wfile.write(b" ")


@pytest.mark.parametrize("stall", [_say_nothing, _drip_headers, _drip_body])
def test_the_deadline_holds_whatever_the_server_does(
    iss: Iss, stall: Callable[[BaseHTTPRequestHandler, Iss], None]
) -> None:
    iss.answers = [lambda handler: stall(handler, iss)]
    loaded = load_instruments(TQBR, iss.url, timeout_s=0.4)
    assert loaded.source == "list shipped with the program (ISS: timed out)"


def test_the_deadline_holds_while_a_name_is_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    over = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait())
    loaded = load_instruments(TQBR, "https://iss.example/iss", cache_folder=tmp_path, timeout_s=0.2)
    over.set()
    assert loaded.source == "list shipped with the program (ISS: timed out)"


def test_a_body_that_drips_ends_the_asking_thread_too(iss: Iss) -> None:
    iss.answers = [lambda handler: _drip_body(handler, iss)]
    with pytest.raises(InstrumentsError, match="timed out"):
        fetch_tickers(iss.url, "TQBR", Deadline(0.3))


# Why it failed, in a few words


def _reason_of(url: str) -> str:
    with pytest.raises(InstrumentsError) as caught:
        fetch_tickers(url, "TQBR", Deadline(GENEROUS_S))
    return str(caught.value)


def test_a_closed_port_is_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert _reason_of(f"http://127.0.0.1:{port}/iss") == "connection refused"


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_http_error_is_told_by_its_number(iss: Iss, status: int) -> None:
    iss.answers = [answer(status)]
    assert _reason_of(iss.url) == f"HTTP {status}"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (socket.gaierror(-2, "Name or service not known"), "name not resolved"),
        (OSError(113, "No route to host"), "no route to host"),
        (OSError(101, "Network is unreachable"), "network is unreachable"),
        (TimeoutError("timed out"), "timed out"),
        (ConnectionResetError(104, "Connection reset by peer"), "connection lost"),
    ],
)
def test_what_the_network_says_is_told_in_its_words(error: OSError, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert _reason_of("https://iss.example/iss") == told


def test_a_server_that_hangs_up_is_connection_lost_in_few_words(iss: Iss) -> None:
    iss.answers = [lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)]
    assert _reason_of(iss.url) == "connection lost"


def test_a_body_that_breaks_off_is_connection_lost(iss: Iss) -> None:
    def break_off(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")

    iss.answers = [break_off]
    assert _reason_of(iss.url) == "connection lost"


def test_a_server_that_speaks_no_tls_is_told_so(iss: Iss) -> None:
    assert _reason_of(iss.url.replace("http:", "https:")) == "no TLS connection"


def test_a_refused_certificate_is_told_with_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ssl.SSLCertVerificationError(1, "x")
    refused.verify_message = "certificate has expired"

    def fail(*_: object, **__: object) -> None:
        raise requests.exceptions.SSLError(refused)

    monkeypatch.setattr(requests.Session, "get", fail)
    assert _reason_of(REAL) == "certificate refused: certificate has expired"


def test_other_failures_are_told_shortly_and_without_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("no adapter\x1b[2J" + "x" * 1000)

    monkeypatch.setattr(requests.Session, "get", fail)
    assert _reason_of(REAL).startswith("no adapter\ufffd[2Jx")
    assert len(_reason_of(REAL)) <= 120


# Proxies


def test_a_proxy_of_the_environment_serves_other_machines(iss: Iss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{iss.address}")
    iss.answers = [answer(200, page("SBER"))]
    assert fetch_tickers("http://iss.example/iss", "TQBR", Deadline(GENEROUS_S)) == ("SBER",)
    assert iss.paths[0].startswith("http://iss.example/iss/")


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(iss: Iss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    iss.answers = [answer(200, page("SBER"))]
    assert fetch_tickers(iss.url, "TQBR", Deadline(GENEROUS_S)) == ("SBER",)


def test_a_proxy_that_is_down_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert _reason_of("http://iss.example/iss") == "proxy: connection refused"


def test_the_log_says_which_proxy_is_used_without_its_password(
    iss: Iss, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("http_proxy", f"http://anna:hunter2@{iss.address}")
    iss.answers = [answer(200, page("SBER"))]
    with caplog.at_level("INFO"):
        fetch_tickers("http://iss.example/iss", "TQBR", Deadline(GENEROUS_S))
    assert "through the proxy 127.0.0.1" in caplog.text
    assert "hunter2" not in caplog.text
