"""Which way leads to the exchange: through which proxy, and by which of its addresses."""

import logging
import socket
import threading

import pytest

from collector import dialing
from collector.dialing import Proxy, dial, proxy_of
from shared.timing import Deadline
from tests.collector.raw_peer import RawPeer

GATEWAY = "wss://iss.moex.com/infocx/v3/websocket"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.9.1"])
def test_there_is_never_a_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    assert proxy_of(f"ws://{host}:8080/") is proxy_of(f"wss://{host}/") is None


def test_the_environment_says_which_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_of(GATEWAY) is None
    monkeypatch.setenv("http_proxy", "http://plain:3128")
    assert proxy_of(GATEWAY) is None
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert proxy_of(GATEWAY) == Proxy("proxy.example", 3128, None)
    monkeypatch.setenv("https_proxy", "proxy.example:3129")
    assert proxy_of(GATEWAY) == Proxy("proxy.example", 3129, None)


def test_a_login_at_the_proxy_is_unquoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:p%40ss@proxy.example")
    assert proxy_of(GATEWAY) == Proxy("proxy.example", 80, ("me", "p@ss"))


@pytest.mark.parametrize("exception", ["*", "moex.com", ".moex.com", "other.example, iss.moex.com"])
def test_hosts_may_be_excepted_from_the_proxy(monkeypatch: pytest.MonkeyPatch, exception: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", exception)
    assert proxy_of(GATEWAY) is None


@pytest.mark.parametrize("address", ["socks5://proxy.example:1080", "https://proxy.example", "http://"])
def test_a_proxy_of_another_kind_is_refused_and_said_so(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("https_proxy", address)
    with pytest.raises(OSError, match="http://host:port"):
        proxy_of(GATEWAY)


def test_the_log_says_once_that_a_proxy_is_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dialing._tell_once.cache_clear()
    held: list[socket.socket] = []
    with RawPeer(lambda _: b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with caplog.at_level(logging.INFO), pytest.raises(OSError, match="502"):
            dial(GATEWAY, Deadline(10), held.append)
        held[-1].close()
        assert f"through the proxy 127.0.0.1:{proxy.port}" in caplog.text
    assert dialing._tell_once.cache_info().currsize == 1


def test_a_proxy_that_never_answers_is_ended_by_whoever_holds_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listener.getsockname()[1]}")

        def end() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(4096)
                held[-1].shutdown(socket.SHUT_RDWR)

        ending = threading.Thread(target=end)
        ending.start()
        with pytest.raises(OSError, match="no answer"):
            dial(GATEWAY, Deadline(60), held.append)
        ending.join()
    held[-1].close()


def test_the_next_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        closed_port = nobody.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        addresses = [("127.0.0.1", closed_port), listener.getsockname()]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with dial("ws://localhost:1/", Deadline(10), lambda _: None) as sock:
            assert sock.getpeername() == listener.getsockname()


def test_no_socket_is_connected_once_the_attempt_is_given_up() -> None:
    def give_up(_: socket.socket) -> None:
        raise OSError("given up")

    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(OSError, match="given up"):
        dial(f"ws://127.0.0.1:{listener.getsockname()[1]}/", Deadline(10), give_up)
