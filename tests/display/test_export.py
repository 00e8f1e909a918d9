import csv
import io
import json

import pytest

from display.export import as_csv, as_json, as_line, as_table
from shared.market import Market
from shared.quotes import Price, Quote
from shared.wire import ConnectionState
from tests.display.samples import NOW, connection, market, quote, usual_connections, usual_quotes

WALL = NOW.wall.timestamp()


@pytest.fixture
def shown() -> Market:
    return market(usual_quotes(), usual_connections())


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["ticker"]: row for row in csv.DictReader(io.StringIO(text))}


def test_a_quote_as_a_line_has_numbers_and_null_for_what_is_unknown(shown: Market) -> None:
    line = as_line(shown.quotes["SBER"], shown.totals, NOW)
    assert line.endswith("\n") and line.count("\n") == 1
    assert json.loads(line) == {
        "ticker": "SBER",
        "time": WALL - 1.0,
        "bid": 306.12,
        "ask": 306.13,
        "last": 306.12,
        "change_percent": None,
        "volume": 1322700,
        "updates": 900,
        "age_s": 1.0,
        "phase": "trading",
        "simulated": False,
    }


def test_a_quote_of_which_nothing_is_known_is_no_zero(shown: Market) -> None:
    said = json.loads(as_line(Quote("NEW"), shown.totals, NOW))
    unknown = {name for name, value in said.items() if value is None}
    assert unknown == {"time", "bid", "ask", "last", "change_percent", "volume", "age_s", "phase"}


def test_a_simulated_price_is_called_so_in_every_format() -> None:
    simulated = market([quote("SBER", last=Price(1.0, 2))], is_simulated=True)
    assert json.loads(as_line(simulated.quotes["SBER"], simulated.totals, NOW))["simulated"] is True
    said = json.loads(as_json(simulated, NOW))
    assert said["totals"]["simulated"] is said["quotes"]["SBER"]["simulated"] is True
    assert rows_of(as_csv(simulated, NOW))["SBER"]["simulated"] == "true"
    assert "SIMULATED EXCHANGE" in as_table(simulated, NOW).splitlines()[0]


def test_json_holds_totals_connections_and_quotes(shown: Market) -> None:
    said = json.loads(as_json(shown, NOW))
    assert list(said) == ["totals", "connections", "quotes"]
    assert list(said["quotes"]) == sorted(shown.quotes)
    totals = said["totals"]
    assert totals["connections"] == {"online": 28, "total": 30}
    assert totals["tickers"] == {"planned": 259, "seen": 6, "with_prices": 5}
    assert (totals["runtime_s"], totals["messages"], totals["latency_ms"]) == (98.0, 1240, {"p50": None, "p99": None})
    waiting = said["connections"][12]
    assert (waiting["connection"], waiting["worker"], waiting["state"]) == (13, 3, "waiting")
    assert (waiting["retry_in_s"], waiting["since_s"], waiting["heard_s"]) == (3.0, 10.0, None)


def test_the_guest_login_is_called_delayed() -> None:
    assert json.loads(as_json(market(is_guest=True), NOW))["totals"]["delayed"] is True
    assert json.loads(as_json(market(is_guest=True, is_simulated=True), NOW))["totals"]["delayed"] is False


def test_csv_has_a_heading_and_a_line_for_each_ticker_with_nothing_for_what_is_unknown(shown: Market) -> None:
    text = as_csv(shown, NOW)
    assert text.startswith("ticker,time,bid,ask,last,")
    assert text.count("\n") == 1 + len(shown.quotes)
    rows = rows_of(text)
    assert list(rows) == sorted(shown.quotes)
    assert (rows["GAZP"]["bid"], rows["TGKA"]["last"], rows["AKRN"]["last"]) == ("131.40", "0.000012", "18000")
    assert (rows["GAZP"]["volume"], rows["AKRN"]["bid"], rows["SiZ6"]["last"]) == ("0", "", "")


def test_an_empty_market_is_a_heading_and_no_rows() -> None:
    assert as_csv(market(), NOW).count("\n") == 1
    assert json.loads(as_json(market(), NOW))["quotes"] == {}
    assert len(as_table(market(), NOW).splitlines()) == 3


def test_the_table_has_every_ticker_in_columns_and_nothing_that_moves_a_cursor(shown: Market) -> None:
    lines = as_table(shown, NOW).splitlines()
    assert lines[0].startswith("28/30 online")
    assert lines[1] == ""
    assert [line.split()[0] for line in lines[3:]] == sorted(shown.quotes)
    assert all(line.isprintable() for line in lines)
    end = lines[2].index("BID") + 3
    bids = {line.split()[0]: line[:end].split()[-1] for line in lines[3:]}
    assert bids == {
        "AKRN": "N/A",
        "GAZP": "131.40",
        "SBER": "306.12",
        "SiZ6": "N/A",
        "TGKA": "0.005412",
        "VEON-RX": "41.5",
    }


def test_text_from_outside_cannot_move_a_cursor_or_break_a_line() -> None:
    evil = market([quote("A\x1b[2J\n", last=Price(1.0, 2))], [connection(0, ConnectionState.DOWN, "x\x1b\n")])
    for text in (as_table(evil, NOW), as_csv(evil, NOW), as_json(evil, NOW)):
        assert all(line.isprintable() for line in text.splitlines())
        assert "\x1b" not in text
    assert "\\u001b" not in as_line(evil.quotes["A\x1b[2J\n"], evil.totals, NOW)
