"""Pages of ISS over HTTP: how they are asked for, what is refused, and why it failed in a few words."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest
import requests
from requests.adapters import HTTPAdapter

from collector import dialing
from collector import iss as module
from collector.iss import fetch_page
from shared.errors import IssError
from shared.timing import Deadline
from tests.collector.iss_server import Iss, answer
from tests.collector.waiting import wait_until

REAL = "https://iss.moex.com/iss"
GENEROUS_S = 60.0


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


# Asking


def test_the_page_comes_as_it_was_sent(iss: Iss) -> None:
    iss.answers = [answer(200, b"\0 page")]
    assert fetch_page(f"{iss.url}/a.json?b=c", Deadline(GENEROUS_S)) == b"\0 page"
    assert iss.paths == ["/iss/a.json?b=c"]


def test_a_server_that_is_busy_for_a_moment_is_asked_again(iss: Iss) -> None:
    iss.answers = [answer(503, Retry_After="3600"), answer(200, b"page")]
    assert fetch_page(iss.url, Deadline(GENEROUS_S)) == b"page"


def test_a_redirect_is_not_followed(iss: Iss) -> None:
    iss.answers = [answer(302, Location=iss.url), answer(200, b"page")]
    with pytest.raises(IssError, match=r"^HTTP 302$"):
        fetch_page(iss.url, Deadline(GENEROUS_S))


def test_where_a_redirect_leads_is_not_even_read(iss: Iss) -> None:
    iss.answers = [lambda handler: handler.connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: \xa3\r\n\r\n")]
    assert _reason_of(iss.url) == "HTTP 302"


def test_an_endless_answer_is_given_up(iss: Iss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_LIMIT_BYTES", 100_000)
    iss.answers = [answer(200, b" " * 200_000)]
    with pytest.raises(IssError, match="longer than 100000 bytes"):
        fetch_page(iss.url, Deadline(GENEROUS_S))


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
    with pytest.raises(IssError, match=r"^timed out$"):
        fetch_page(iss.url, Deadline(0.4))


def test_the_deadline_holds_while_a_name_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait())
    with pytest.raises(IssError, match=r"^timed out$"):
        fetch_page("https://iss.example/iss", Deadline(0.2))
    over.set()


def test_a_body_that_drips_ends_the_asking_thread_too(iss: Iss) -> None:
    iss.answers = [lambda handler: _drip_body(handler, iss)]
    with pytest.raises(IssError, match="timed out"):
        fetch_page(iss.url, Deadline(0.3))
    wait_until(lambda: not any(thread.name == "iss" for thread in threading.enumerate()))


# Why it failed, in a few words


def _reason_of(url: str) -> str:
    with pytest.raises(IssError) as caught:
        fetch_page(url, Deadline(GENEROUS_S))
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
    iss.answers = [answer(200, b"page")]
    assert fetch_page("http://iss.example/iss", Deadline(GENEROUS_S)) == b"page"
    assert iss.paths[0].startswith("http://iss.example/iss")


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(iss: Iss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    iss.answers = [answer(200, b"page")]
    assert fetch_page(iss.url, Deadline(GENEROUS_S)) == b"page"


def test_a_proxy_that_is_down_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert _reason_of("http://iss.example/iss") == "proxy: connection refused"


def test_the_log_says_which_proxy_is_used_without_its_password(
    iss: Iss, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("http_proxy", f"http://anna:hunter2@{iss.address}")
    iss.answers = [answer(200, b"page")]
    with caplog.at_level("INFO"):
        fetch_page("http://iss.example/iss", Deadline(GENEROUS_S))
    assert "through the proxy 127.0.0.1" in caplog.text
    assert "hunter2" not in caplog.text


# Encryption


def test_iss_is_asked_with_a_context_that_writes_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "keys")
    adapter = module._session("https://iss.example/iss").get_adapter("https://iss.example")
    assert isinstance(adapter, HTTPAdapter)
    for manager in (adapter.poolmanager, adapter.proxy_manager_for("http://proxy.example:1")):
        context = manager.connection_pool_kw["ssl_context"]
        assert context is dialing.tls_context()
        assert isinstance(context, ssl.SSLContext)
        assert context.keylog_filename is None
        assert context.verify_mode is ssl.CERT_REQUIRED
