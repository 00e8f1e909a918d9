"""The pages of ISS: what is in them, and the answers over HTTP that bring them."""

import os
import socket
from typing import Any
from urllib.parse import urlsplit

import urllib3.util.connection
from urllib3.util import Retry

from collector.instruments import fetch_tickers, tickers_in
from collector.session_watch import fetch_calendar
from collector.trading_calendar import DAY_S, Calendar, calendar_in, state_at
from shared.errors import InstrumentsError, IssError
from shared.timing import Deadline
from tests.drills.fuzz.stage import log_that_is_fit_to_print, replaced

THURSDAY_S = 1_769_064_680.0
ISS = "http://iss.example/iss"
LONGEST_REASON = 300


def page(data: bytes) -> None:
    try:
        _check_tickers(tickers_in(data))
    except InstrumentsError as error:
        assert str(error).isprintable()


def calendar(data: bytes) -> None:
    try:
        _check_calendar(calendar_in(data))
    except IssError as error:
        assert str(error).isprintable()


def _check_tickers(tickers: tuple[str, ...]) -> None:
    assert tickers
    assert len(set(tickers)) == len(tickers)
    assert all(ticker.isascii() and ticker.isprintable() and 0 < len(ticker) <= 32 for ticker in tickers)


def _check_calendar(found: Calendar) -> None:
    """What it says of each half hour of a week, and that it is so until it says that it changes."""
    assert all(0 <= hours.start <= hours.stop <= DAY_S for hours in (*found.week.values(), *found.dates.values()))
    for half_hour in range(0, 7 * 48, 5):
        at = THURSDAY_S + half_hour * 1800
        state = state_at(found, at)
        if state.changes_at is None:
            continue
        assert state.is_open is not None
        assert state.changes_at > at
        assert state_at(found, (at + state.changes_at) / 2).is_open is state.is_open
        assert state_at(found, state.changes_at).is_open is (not state.is_open)


class _Answering(socket.socket):
    def __init__(self, answer: bytes) -> None:
        ours, peer = socket.socketpair()
        super().__init__(fileno=ours.detach())
        with peer:
            peer.sendall(answer)

    def sendall(self, request: Any, flags: int = 0) -> None:
        """Nobody reads it."""


def iss(data: bytes) -> None:
    """The first byte says what is asked for, the rest is the answer to each attempt."""
    asked: dict[socket.socket, tuple[str, int]] = {}

    def connected(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        asking = _Answering(data[1:])
        asked[asking] = address
        return asking

    def rest(_: Retry, response: object = None) -> None:
        pass

    connecting, retrying = replaced(urllib3.util.connection, create_connection=connected), replaced(Retry, sleep=rest)
    with log_that_is_fit_to_print(), connecting, retrying, replaced(os, environ={}):
        try:
            if data[:1] > b"\x7f":
                _check_calendar(fetch_calendar(ISS))
            else:
                _check_tickers(fetch_tickers(ISS, "TQBR", Deadline(20)))
        except (InstrumentsError, IssError) as error:
            assert str(error).isprintable()
            assert 0 < len(str(error)) < LONGEST_REASON
        finally:
            for asking in asked:
                if (descriptor := asking.detach()) >= 0:
                    os.close(descriptor)
    assert 1 <= len(asked) <= 3
    assert set(asked.values()) == {(urlsplit(ISS).hostname, 80)}, "no redirect is followed"
