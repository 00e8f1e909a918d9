import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from collector import instruments
from collector.instruments import fetch_tickers, load_instruments, tickers_in
from shared.errors import InstrumentsError
from shared.settings import InstrumentSettings
from shared.shipped_list import shipped_secids
from shared.timing import Deadline
from tests.collector.iss_server import Iss, answer

REAL = "https://iss.moex.com/iss"
TQBR = InstrumentSettings()
GENEROUS_S = 60.0


def page(*secids: Any, columns: tuple[str, ...] = ("SHORTNAME", "SECID")) -> bytes:
    column = columns.index("SECID")
    rows = [["x"] * column + [secid] + ["y"] * (len(columns) - column - 1) for secid in secids]
    return json.dumps({"securities": {"columns": columns, "data": rows}, "marketdata": None}).encode()


@pytest.fixture
def iss() -> Iterator[Iss]:
    server = Iss()
    yield server
    server.close()


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
        (b'{"securities": {"columns": ["\xff", "SECID"], "data": []}}', "the answer is no list of securities"),
        (b'{"securities": {"data": ' + b"[" * 100_000, "the answer is no list of securities"),
        (page(), "the list is empty"),
        (page("a b"), "the list is empty"),
    ],
    ids=lambda value: repr(value[:40]),
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


def test_what_iss_says_when_it_fails_is_the_reason(iss: Iss) -> None:
    iss.answers = [answer(302, Location=iss.url)]
    with pytest.raises(InstrumentsError, match=r"^HTTP 302$"):
        fetch_tickers(iss.url, "TQBR", Deadline(GENEROUS_S))


def test_an_iss_that_does_not_answer_is_waited_for_no_longer_than_asked(iss: Iss) -> None:
    def hang(_: BaseHTTPRequestHandler) -> None:
        iss.over.wait()

    iss.answers = [hang]
    loaded = load_instruments(TQBR, iss.url, timeout_s=0.4)
    assert loaded.source == "list shipped with the program (ISS: timed out)"
