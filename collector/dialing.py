"""From an address to a connected socket: by every address of the host, through the system's proxy, encrypted.

Runs in the thread of a connection and blocks. Each system call is bounded by what is left of the deadline; the whole is
not, for a peer can drip bytes and a name server can be silent. So each socket is handed to `hold` before it is used:
whoever wants the attempt to end shuts it down, and whoever holds it closes it in the end. Everything here raises
OSError, or ValueError for a name that is none.
"""

import base64
import functools
import logging
import socket
import ssl
import urllib.request
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from shared.addresses import is_this_machine
from shared.timing import Deadline

SHORTEST_TIMEOUT_S = 0.1
ANSWER_LIMIT = 2**16

log = logging.getLogger(__name__)

Hold = Callable[[socket.socket], None]
"""Told of each socket before it is used; raises OSError when there is to be none any more."""


class Proxy(NamedTuple):
    """An HTTP proxy that is asked for a tunnel; `login` is user and password."""

    host: str
    port: int
    login: tuple[str, str] | None


def dial(url: str, deadline: Deadline, hold: Hold) -> socket.socket:
    """A socket to the host of `url`, encrypted for wss, with a time-out of what is left."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
    proxy = proxy_of(url)
    if proxy is None:
        sock = _connected(host, port, deadline, hold)
    else:
        _tell_once(f"the exchange is reached through the proxy {proxy.host}:{proxy.port}")
        sock = _connected(proxy.host, proxy.port, deadline, hold)
        _ask_for_tunnel(sock, host, port, proxy)
    if parts.scheme == "wss":
        sock = tls_context().wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        hold(sock)
        sock.do_handshake()
    sock.settimeout(max(SHORTEST_TIMEOUT_S, deadline.remaining()))
    return sock


def proxy_of(url: str) -> Proxy | None:
    """The proxy that the environment asks for; never one for this machine. Raises OSError for one of another kind."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_this_machine(host) or urllib.request.proxy_bypass_environment(host):  # type: ignore[attr-defined]
        return None
    address = urllib.request.getproxies_environment().get("https" if parts.scheme == "wss" else "http")
    if not address:
        return None
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise OSError("the proxy of the environment is not of the form http://host:port")
    login = (unquote(proxy.username), unquote(proxy.password or "")) if proxy.username else None
    return Proxy(proxy.hostname, proxy.port or 80, login)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Verifies the host name and the certificate against the system's authorities. Writes no SSLKEYLOGFILE."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context


def _connected(host: str, port: int, deadline: Deadline, hold: Hold) -> socket.socket:
    """Try each address of the host in turn, each with its share of the time that is left."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("the host has no address")
    for left, (family, kind, protocol, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(max(SHORTEST_TIMEOUT_S, deadline.remaining() / left))
        try:
            hold(sock)
        except OSError:
            sock.close()
            raise
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(max(SHORTEST_TIMEOUT_S, deadline.remaining()))
        return sock
    raise failure


def _ask_for_tunnel(sock: socket.socket, host: str, port: int, proxy: Proxy) -> None:
    """RFC 9110, 9.3.6. What the proxy says beyond its status is of no interest."""
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.login is not None:
        lines.append("Proxy-Authorization: Basic " + base64.b64encode(":".join(proxy.login).encode()).decode())
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        chunk = sock.recv(4096)
        answer += chunk
        if not chunk or len(answer) > ANSWER_LIMIT:
            raise OSError("the proxy gave no answer that can be read")
    status = answer.partition(b"\r\n")[0].split(b" ")
    if len(status) < 2 or status[1] != b"200":
        raise OSError(f"the proxy answered {status[1][:3].decode(errors='replace') if len(status) > 1 else 'nonsense'}")


@functools.cache
def _tell_once(text: str) -> None:
    log.info("%s", text)
