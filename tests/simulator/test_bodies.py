"""JSON bodies, read back by a JSON parser."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator import bodies
from simulator.bodies import Stamp
from simulator.instruments import Instrument, all_instruments
from simulator.market import Market

TEN = datetime(2026, 1, 22, 7, 0, 0, tzinfo=UTC).timestamp()  # 10:00 in Moscow
STAMP = Stamp(123_456, TEN)
ONE_FOR_EACH_NUMBER_OF_DECIMALS = list({each.decimals: each for each in all_instruments()}.values())
COLUMNS = (
    "TICKER CAPTION LAST CHANGE BID OFFER HIGH LOW HIGHBID LOWOFFER BIDDEPTHT OFFERDEPTHT VOLTODAY VALTODAY NUMTRADES "
    "LCLOSEPRICE LCURRENTPRICE PREVPRICE WAPRICE PREVWAPRICE PRICEMINUSPREVWAPRICE QTY VALUE BASEPRICE MARKETPRICE "
    "CURRENCYID SETTLECODE SETTLEDATE1 SETTLEDATE2 LOTSIZE FACEUNIT FACEVALUE ISSUESIZE ADMITTEDQUOTE TRADINGSTATUS "
    "STATUS DPVALINDICATORBUY DPVALINDICATORSELL TIME MINSTEP PRICEMINSTEP"
).split()


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(5, TEN)


def rows(body: bytes) -> list[dict[str, Any]]:
    content = json.loads(body)
    return [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]


def test_properties_tell_kind_order_and_time_in_milliseconds(market: Market) -> None:
    content = json.loads(bodies.orderbook(market.shares["SBER"], STAMP))
    milliseconds = int(TEN * 1000)
    assert content["properties"] == {
        "type": "snapshot",
        "seqnum": 123_456,
        "timestamp": milliseconds,
        "published": milliseconds,
    }


@pytest.mark.parametrize("instrument", ONE_FOR_EACH_NUMBER_OF_DECIMALS, ids=lambda each: f"{each.decimals}")
def test_an_order_book_holds_every_level_bids_ascending_then_asks_ascending(
    market: Market, instrument: Instrument
) -> None:
    book = market.shares[instrument.secid].book
    levels = rows(bodies.orderbook(market.shares[instrument.secid], STAMP))
    expected = [("B", price, lots) for price, lots in zip(book.bids.prices, book.bids.lots, strict=True)][::-1]
    expected += [("S", price, lots) for price, lots in zip(book.asks.prices, book.asks.lots, strict=True)]
    sent = [(row["BUYSELL"], round(row["PRICE"][0] * instrument.scale), row["QUANTITY"]) for row in levels]
    assert sent == expected
    assert all(row["PRICE"][1] == instrument.decimals and row["REPOVALUE"] is None for row in levels)


def test_a_snapshot_of_a_security_has_the_41_columns_in_their_order(market: Market) -> None:
    content = json.loads(bodies.security_snapshot(market.shares["SBER"], "ru", STAMP))
    assert content["columns"] == COLUMNS
    assert len(content["columns"]) == 41
    assert content["properties"]["type"] == "snapshot"


@pytest.mark.parametrize("instrument", ONE_FOR_EACH_NUMBER_OF_DECIMALS, ids=lambda each: f"{each.decimals}")
def test_the_values_of_a_security_belong_together(market: Market, instrument: Instrument) -> None:
    share = market.shares[instrument.secid]
    (row,) = rows(bodies.security_snapshot(share, "ru", STAMP))
    scale = instrument.scale
    assert row["TICKER"] == instrument.ticker
    assert row["BID"] == [share.book.bids.best / scale, instrument.decimals]
    assert row["OFFER"] == [share.book.asks.best / scale, instrument.decimals]
    assert row["LAST"] == [share.last / scale, instrument.decimals]
    assert row["CHANGE"][0] == pytest.approx(row["LAST"][0] - row["PREVPRICE"][0], abs=0.1 / scale)
    assert row["VOLTODAY"] == [share.volume, 0]
    assert row["WAPRICE"][0] == pytest.approx(share.turnover / share.volume / scale, abs=1 / scale)
    assert row["VALTODAY"] == pytest.approx(row["WAPRICE"][0] * share.volume, rel=0.01)
    assert row["LOW"] <= row["LAST"] <= row["HIGH"]
    assert row["MINSTEP"] == [instrument.step / scale, instrument.decimals]
    assert row["TRADINGSTATUS"] == "T"


def test_a_caption_comes_in_the_language_that_was_asked_for(market: Market) -> None:
    captions = [
        rows(bodies.security_snapshot(market.shares["SBER"], each, STAMP))[0]["CAPTION"] for each in ("ru", "en")
    ]
    assert captions == ["Сбербанк", "Sberbank"]


def test_the_time_is_that_of_the_last_trade_in_moscow() -> None:
    market = Market(5, TEN)
    share = market.shares["SBER"]
    while share.traded_at != TEN + 0.5:
        market.step(TEN + 0.5)
    (row,) = rows(bodies.security_snapshot(share, "ru", STAMP))
    assert row["TIME"] == "10:00:00"


def test_a_closed_session_has_a_closing_price_and_an_open_one_has_none(market: Market) -> None:
    closed = Market(5, TEN, is_open=False).shares["SBER"]
    assert rows(bodies.security_snapshot(market.shares["SBER"], "ru", STAMP))[0]["LCLOSEPRICE"] is None
    assert rows(bodies.security_snapshot(closed, "ru", STAMP))[0]["LCLOSEPRICE"] is not None
    assert rows(bodies.security_snapshot(closed, "ru", STAMP))[0]["TRADINGSTATUS"] == "N"


def test_updates_hold_the_ticker_and_the_given_columns_only(market: Market) -> None:
    content = json.loads(bodies.security_updates(market.shares["SBER"], ["BIDDEPTHT", "BID"], STAMP))
    assert content["properties"]["type"] == "updates"
    assert content["columns"] == ["TICKER", "BIDDEPTHT", "BID"]
    assert content["data"][0][:2] == ["MXSE.TQBR.SBER", market.shares["SBER"].book.bids.depth]


def test_candles_carry_moscow_times_and_end_with_their_last_trade_while_they_last(market: Market) -> None:
    share = market.shares["SBER"]
    *_, before, newest = share.candles.latest("M10")
    sent = rows(bodies.candles(share.instrument, "snapshot", [before, newest], STAMP))
    assert [row["FROM"] for row in sent] == ["2026-01-22 09:40:00", "2026-01-22 09:50:00"]
    assert [row["TILL"] for row in sent] == ["2026-01-22 09:49:59", "2026-01-22 09:59:59"]
    (row,) = rows(bodies.candles(share.instrument, "updates", [newest], Stamp(1, TEN - 1)))
    assert row["TILL"] == datetime.fromtimestamp(newest.traded_at + 10_800, UTC).strftime("%Y-%m-%d %H:%M:%S")
    assert row["CLOSE"] == [newest.close / 100, 2]
    assert row["VOLUME"] == newest.volume
    assert row["VALUE"] == [pytest.approx(newest.turnover / 100), 2]
