"""Which tickers exist: asked of ISS, else remembered from the last time, else the list shipped with the program.

The only module that imports requests (and urllib3 beneath it); their exceptions are translated here, by `_reason`.
"""

import logging
import os
import re
import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError
from urllib3.util import Retry

from collector.dialing import tls_context
from collector.instrument_cache import InstrumentCache
from shared.addresses import is_this_machine
from shared.errors import InstrumentsError
from shared.printable import printable
from shared.settings import InstrumentSettings
from shared.shipped_list import SHIPPED_BOARD, shipped_secids
from shared.timing import Deadline
from shared.user_folders import cache_folder as cache_folder_of_user

REAL_ISS = "iss.moex.com"
PAGE_LIMIT_BYTES = 8_000_000
CHUNK_BYTES = 65_536
COLUMNS = "SECID,SHORTNAME,LOTSIZE,DECIMALS,PREVPRICE"

log = logging.getLogger(__name__)
_secid = re.compile(r"[A-Za-z0-9_.-]{1,32}")


class Instruments(NamedTuple):
    """The tickers (SECIDs) of one board, each once, in the order of `source`, which is worded for a person."""

    tickers: tuple[str, ...]
    source: str


Fetch = Callable[[str, str, Deadline], tuple[str, ...]]


def load_instruments(
    settings: InstrumentSettings,
    iss_url: str,
    *,
    cache_folder: Path | None = None,
    timeout_s: float = 10.0,
    fetch: Fetch | None = None,
) -> Instruments:
    """The tickers of `settings.board`, from the first source that has them; the log says which one serves.

    Blocks for `timeout_s` at most, whatever the name server and the peer do. `cache_folder` None is the user's own.
    An exchange on this machine is a simulated one: its list is neither remembered nor replaced by a remembered one.
    Raises InstrumentsError when no source has a ticker, which can happen only to boards other than TQBR.
    """
    deadline = Deadline(timeout_s)
    cache = _cache(cache_folder, iss_url, settings.board)
    try:
        tickers = _in_time(deadline, lambda: (fetch or fetch_tickers)(iss_url, settings.board, deadline))
    except InstrumentsError as error:
        instruments = _without_iss(settings.board, cache, reason=f"ISS: {error}")
        log.warning("the list of instruments: %s", instruments.source)
        return instruments
    if cache is not None:
        cache.write(tickers)
    instruments = Instruments(tickers, f"{_name_of(iss_url)} ({len(tickers)} shares of {settings.board})")
    log.info("the list of instruments: %s", instruments.source)
    return instruments


def _cache(folder: Path | None, iss_url: str, board: str) -> InstrumentCache | None:
    host = urlsplit(iss_url).hostname or ""
    folder = folder or cache_folder_of_user(os.environ)
    if folder is None or is_this_machine(host):
        return None
    return InstrumentCache(folder / f"instruments-{board}.json", host)


def _without_iss(board: str, cache: InstrumentCache | None, reason: str) -> Instruments:
    if cache is not None:
        try:
            remembered = cache.read()
        except InstrumentsError as error:
            log.info("no list of instruments in the disk cache: %s", error)
        else:
            saved = datetime.fromtimestamp(remembered.saved_at).strftime("%Y-%m-%d %H:%M")
            return Instruments(remembered.tickers, f"disk cache of {saved} ({reason})")
    if board != SHIPPED_BOARD:
        raise InstrumentsError(
            f"no list of the instruments of {board}: {reason}; the shipped list is {SHIPPED_BOARD}'s"
        )
    return Instruments(shipped_secids(), f"list shipped with the program ({reason})")


def _name_of(iss_url: str) -> str:
    host = urlsplit(iss_url).netloc
    return "ISS" if host == REAL_ISS else f"ISS at {host}"


def _valid(secids: Iterable[Any]) -> tuple[str, ...]:
    """Each SECID once, in order, without what cannot be one."""
    return tuple(dict.fromkeys(s for s in secids if isinstance(s, str) and _secid.fullmatch(s)))


# ISS over HTTP


class _Table(msgspec.Struct):
    columns: list[str]
    data: list[list[Any]]


class _Page(msgspec.Struct):
    securities: _Table


def tickers_in(page: bytes) -> tuple[str, ...]:
    """The SECIDs of a securities.json page of ISS; InstrumentsError when it is no such page or names none. Pure."""
    try:
        table = msgspec.json.decode(page, type=_Page).securities
        column = table.columns.index("SECID")
    except (msgspec.DecodeError, ValueError) as error:
        raise InstrumentsError("the answer is no list of securities") from error
    tickers = _valid(row[column] for row in table.data if len(row) > column)
    if not tickers:
        raise InstrumentsError("the list is empty")
    return tickers


def fetch_tickers(iss_url: str, board: str, deadline: Deadline) -> tuple[str, ...]:
    """Ask ISS for the securities of one board. Blocks, normally until `deadline` at most; raises InstrumentsError.

    Neither name resolution nor headers that come byte by byte obey the deadline: see `_in_time`.
    """
    url = (
        f"{iss_url}/engines/stock/markets/shares/boards/{board}/securities.json"
        f"?iss.meta=off&iss.only=securities&securities.columns={COLUMNS}"
    )
    try:
        with _session(url) as session, session.get(url, **_request_options(deadline)) as response:
            if response.status_code != requests.codes.ok:
                raise InstrumentsError(f"HTTP {response.status_code}")
            page = _body(response, deadline)
    except (OSError, HTTPError) as error:
        raise InstrumentsError(_reason(error)) from error
    return tickers_in(page)


def _request_options(deadline: Deadline) -> dict[str, Any]:
    """A redirect is not followed: it could lead to a plain-text or foreign host. The time-outs leave time to retry."""
    seconds = max(0.1, deadline.remaining() / 3)
    return {"stream": True, "timeout": seconds, "allow_redirects": False}


def _session(url: str) -> requests.Session:
    session = requests.Session()
    # A proxy of the environment cannot reach this machine's loopback addresses.
    session.trust_env = not is_this_machine(urlsplit(url).hostname)
    if session.trust_env and (proxy := select_proxy(url, get_environ_proxies(url, None))):
        log.info("ISS is asked through the proxy %s of the environment", printable(urlsplit(proxy).hostname or "?"))
    retry = Retry(total=2, backoff_factor=0.2, status_forcelist=(429, 500, 502, 503, 504))
    retry.respect_retry_after_header = retry.raise_on_status = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(max_retries=retry))
    return session


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
            raise InstrumentsError(f"the answer is longer than {PAGE_LIMIT_BYTES} bytes")
        if deadline.is_over():
            raise InstrumentsError("timed out")
    return bytes(body)


def _in_time(deadline: Deadline, work: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """Run `work` in a thread of its own, which is abandoned when the deadline is over: InstrumentsError then."""
    future: Future[tuple[str, ...]] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="instruments", daemon=True).start()
    try:
        return future.result(deadline.remaining())
    except TimeoutError as error:
        raise InstrumentsError("timed out") from error


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
