"""The pages of ISS over HTTP, with a bound on everything a server may do: time, size, redirects.

The only module that imports requests (and urllib3 beneath it); their exceptions are translated here, by `_reason`.
"""

import logging
import os
import ssl
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError
from urllib3.util import Retry

from collector.dialing import tls_context
from shared.addresses import is_this_machine
from shared.errors import IssError
from shared.printable import printable
from shared.timing import Deadline

PAGE_LIMIT_BYTES = 8_000_000
CHUNK_BYTES = 65_536

log = logging.getLogger(__name__)


def fetch_page(url: str, deadline: Deadline) -> bytes:
    """The body of one page. Blocks until `deadline` at most, whatever the name server and the peer do; raises IssError.

    Asks in a thread of its own, which is abandoned then: neither name resolution nor headers that come byte by byte
    obey a deadline.
    """
    future: Future[bytes] = Future()

    def run() -> None:
        try:
            future.set_result(_fetched(url, deadline))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="iss", daemon=True).start()
    try:
        return future.result(deadline.remaining())
    except TimeoutError as error:
        raise IssError("timed out") from error


def _fetched(url: str, deadline: Deadline) -> bytes:
    try:
        with _session(url) as session, session.get(url, **_request_options(deadline)) as response:
            if response.status_code != requests.codes.ok:
                raise IssError(f"HTTP {response.status_code}")
            return _body(response, deadline)
    except (OSError, HTTPError) as error:
        raise IssError(_reason(error)) from error


def _request_options(deadline: Deadline) -> dict[str, Any]:
    """A redirect is not followed: it could lead to a plain-text or foreign host. The time-outs leave time to retry."""
    seconds = max(0.1, deadline.remaining() / 3)
    return {"stream": True, "timeout": seconds, "allow_redirects": False}


def _session(url: str) -> requests.Session:
    session = _Session()
    # A proxy of the environment cannot reach this machine's loopback addresses.
    session.trust_env = not is_this_machine(urlsplit(url).hostname)
    if session.trust_env and (proxy := select_proxy(url, get_environ_proxies(url, None))):
        log.info("ISS is asked through the proxy %s of the environment", printable(urlsplit(proxy).hostname or "?"))
    retry = Retry(total=2, backoff_factor=0.2, status_forcelist=(429, 500, 502, 503, 504))
    retry.respect_retry_after_header = retry.raise_on_status = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(max_retries=retry))
    return session


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: of a redirect that it is not to follow it would read the address, and fail at one that is none."""


class _Adapter(HTTPAdapter):
    """Verifies as the connections do: a context made by urllib3 would write the keys of TLS to SSLKEYLOGFILE."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=tls_context())

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=tls_context())


def _body(response: requests.Response, deadline: Deadline) -> bytes:
    """The whole body; one socket read at a time, because a larger read waits for bytes that drip."""
    body = bytearray()
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > PAGE_LIMIT_BYTES:
            raise IssError(f"the answer is longer than {PAGE_LIMIT_BYTES} bytes")
        if deadline.is_over():
            raise IssError("timed out")
    return bytes(body)


def _reason(error: BaseException) -> str:
    """A few words on why a request failed, from the first link of the chain of exceptions that says something."""
    chain = list(_chain(error))
    where = "proxy: " if any(isinstance(link, requests.exceptions.ProxyError) for link in chain) else ""
    told = next(filter(None, map(_reason_of_link, chain)), None)
    return where + (told or printable(str(error))[:120] or type(error).__name__)


def _reason_of_link(link: BaseException) -> str | None:
    match link:
        case NameResolutionError():
            return "name not resolved"
        case NewConnectionError():  # which urllib3 counts as a time-out; its cause says what it was
            return None
        case UrllibTimeoutError() | TimeoutError() | requests.exceptions.Timeout():
            return "timed out"
        case ssl.SSLCertVerificationError():
            return f"certificate refused: {printable(link.verify_message)}"
        case ssl.SSLError():
            return "no TLS connection"
        case ProtocolError() | ConnectionResetError():
            return "connection lost"
        case OSError() if link.errno is not None:
            return os.strerror(link.errno).lower()
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error` and what lies beneath it: requests and urllib3 keep that in `reason`, in `args` or as the cause."""
    pending, seen = [error], set[int]()
    while pending:
        link = pending.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        beneath = (getattr(link, "reason", None), *link.args, link.__cause__, link.__context__)
        pending += [candidate for candidate in beneath if isinstance(candidate, BaseException)]
