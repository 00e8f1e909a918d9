"""The ISS pages."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.instruments import all_instruments
from simulator.market import Market
from simulator.rest import page

TEN = datetime(2026, 1, 22, 7, 0, 0, tzinfo=UTC).timestamp()  # 10:00 in Moscow, a Thursday
SECURITIES = "/iss/engines/stock/markets/shares/boards/TQBR/securities.json"


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(1, TEN)


def blocks(market: Market, target: str) -> dict[str, Any]:
    body = page(target, market, TEN)
    assert body is not None
    content: dict[str, Any] = json.loads(body)
    return content


def rows(block: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(block["columns"], row, strict=True)) for row in block["data"]]


def test_the_list_holds_every_share_with_its_facts(market: Market) -> None:
    shares = {row["SECID"]: row for row in rows(blocks(market, SECURITIES)["securities"])}
    assert len(shares) == 259
    for each in all_instruments():
        row = shares[each.secid]
        assert (row["BOARDID"], row["LOTSIZE"], row["DECIMALS"]) == ("TQBR", each.lot, each.decimals)
        assert row["PREVPRICE"] == each.previous / each.scale
        assert row["SHORTNAME"] == each.caption


def test_market_data_agree_with_the_market(market: Market) -> None:
    quotes = {row["SECID"]: row for row in rows(blocks(market, SECURITIES)["marketdata"])}
    share = market.shares["SBER"]
    assert quotes["SBER"]["BID"] == share.book.bids.best / 100
    assert quotes["SBER"]["VOLTODAY"] == share.volume
    assert quotes["SBER"]["TRADINGSTATUS"] == "T"


def test_columns_come_as_asked_for(market: Market) -> None:
    block = blocks(market, f"{SECURITIES}?securities.columns=PREVPRICE,secid,NONSENSE")["securities"]
    assert block["columns"] == ["PREVPRICE", "SECID"]
    assert [305.43, "SBER"] in block["data"]


def test_only_the_blocks_asked_for_come(market: Market) -> None:
    assert list(blocks(market, f"{SECURITIES}?iss.only=securities")) == ["securities"]
    assert list(blocks(market, f"{SECURITIES}?iss.only=marketdata,nonsense")) == ["marketdata"]
    assert list(blocks(market, SECURITIES)) == ["securities", "marketdata"]


def test_metadata_may_be_left_out(market: Market) -> None:
    assert "metadata" not in blocks(market, f"{SECURITIES}?iss.meta=off")["securities"]
    metadata = blocks(market, SECURITIES)["securities"]["metadata"]
    assert (metadata["SECID"]["type"], metadata["LOTSIZE"]["type"], metadata["PREVPRICE"]["type"]) == (
        "string",
        "int64",
        "double",
    )


@pytest.mark.parametrize("is_open", [True, False])
def test_the_calendar_agrees_with_the_session(is_open: bool) -> None:
    calendar = blocks(Market(1, TEN, is_open=is_open), "/iss/engines/stock.json?iss.meta=off")
    week, days = rows(calendar["timetable"]), rows(calendar["dailytable"])
    hours = {"is_work_day": int(is_open), "start_time": "00:00:00", "stop_time": "23:59:59"}
    assert week == [{"week_day": day, **hours} for day in range(1, 8)]
    assert days == [{"date": f"2026-01-{22 + day}", **hours} for day in range(7)]


@pytest.mark.parametrize("target", ["/", "/iss", "/iss/nothing.json", "/engines/stock.json"])
def test_there_is_no_other_page(market: Market, target: str) -> None:
    assert page(target, market, TEN) is None
