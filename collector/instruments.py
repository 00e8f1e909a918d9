"""Which tickers exist: asked of ISS, else remembered from the last time, else the list shipped with the program."""

import logging
import os
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from collector.instrument_cache import InstrumentCache
from collector.iss import fetch_page
from shared.addresses import is_this_machine
from shared.decoding import decoded
from shared.errors import InstrumentsError, IssError
from shared.settings import InstrumentSettings
from shared.shipped_list import SHIPPED_BOARD, shipped_secids
from shared.timing import Deadline
from shared.user_folders import cache_folder as cache_folder_of_user

REAL_ISS = "iss.moex.com"
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
        tickers = (fetch or fetch_tickers)(iss_url, settings.board, deadline)
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


_page_decoder = msgspec.json.Decoder(_Page)


def tickers_in(page: bytes) -> tuple[str, ...]:
    """The SECIDs of a securities.json page of ISS; InstrumentsError when it is no such page or names none. Pure."""
    try:
        table = decoded(_page_decoder, page).securities
        column = table.columns.index("SECID")
    except (msgspec.DecodeError, ValueError) as error:
        raise InstrumentsError("the answer is no list of securities") from error
    tickers = _valid(row[column] for row in table.data if len(row) > column)
    if not tickers:
        raise InstrumentsError("the list is empty")
    return tickers


def fetch_tickers(iss_url: str, board: str, deadline: Deadline) -> tuple[str, ...]:
    """Ask ISS for the securities of one board. Blocks until `deadline` at most; raises InstrumentsError."""
    url = (
        f"{iss_url}/engines/stock/markets/shares/boards/{board}/securities.json"
        f"?iss.meta=off&iss.only=securities&securities.columns={COLUMNS}"
    )
    try:
        page = fetch_page(url, deadline)
    except IssError as error:
        raise InstrumentsError(str(error)) from error
    return tickers_in(page)
