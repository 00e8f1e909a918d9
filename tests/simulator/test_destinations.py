"""What may be subscribed to."""

import pytest

from simulator.destinations import InvalidRequest, Topic, Wanted, parse_selector, parse_subscription

SECIDS = {"SBER", "VEON-RX", "T", "X5"}


@pytest.mark.parametrize(
    ("destination", "selector", "wanted"),
    [
        ("MXSE.orderbooks", 'TICKER="MXSE.TQBR.SBER"', Wanted(Topic("orderbooks", "SBER"))),
        ("MXSE.orderbooks", 'ticker = "MXSE.TQBR.VEON-RX"', Wanted(Topic("orderbooks", "VEON-RX"))),
        ("MXSE.securities", 'TICKER="MXSE.TQBR.T" and LANGUAGE="en"', Wanted(Topic("securities", "T"), "en")),
        ("MXSE.candles", 'TICKER="MXSE.TQBR.X5" and interval="m3"', Wanted(Topic("candles", "X5", "m3"))),
        ("MXSE.candles", 'TICKER="MXSE.TQBR.X5"', Wanted(Topic("candles", "X5", "M1"))),
        (
            "MXSE.candles",
            'TICKER="MXSE.TQBR.X5" AND interval="D1" and quantity=7 and till="2026-01-22 10:00:00"',
            Wanted(Topic("candles", "X5", "D1"), "ru", 7, "2026-01-22 10:00:00"),
        ),
    ],
)
def test_valid_subscriptions_are_understood(destination: str, selector: str, wanted: Wanted) -> None:
    assert parse_subscription(destination, selector, SECIDS) == wanted


@pytest.mark.parametrize(
    ("destination", "selector"),
    [
        ("", 'TICKER="MXSE.TQBR.SBER"'),
        ("MXSE.trades", 'TICKER="MXSE.TQBR.SBER"'),
        ("MXCX.orderbooks", 'TICKER="MXSE.TQBR.SBER"'),
        ("MXSE.orderbooks", ""),
        ("MXSE.orderbooks", 'TICKER="SBER"'),
        ("MXSE.orderbooks", 'TICKER="MXSE.TQBR.NONE"'),
        ("MXSE.orderbooks", 'TICKER="MXSE.EQBR.SBER"'),
        ("MXSE.orderbooks", "TICKER='MXSE.TQBR.SBER'"),
        ("MXSE.orderbooks", "TICKER=MXSE.TQBR.SBER"),
        ("MXSE.orderbooks", 'TICKER="MXSE.TQBR.SBER" TICKER="MXSE.TQBR.T"'),
        ("MXSE.orderbooks", 'TICKER="MXSE.TQBR.SBER" and TICKER="MXSE.TQBR.T"'),
        ("MXSE.orderbooks", 'TICKER="MXSE.TQBR.SBER" and interval="M1"'),
        ("MXSE.orderbooks", 'TICKER="MXSE.TQBR.SBER" and'),
        ("MXSE.securities", 'TICKER="MXSE.TQBR.SBER" and LANGUAGE="fr"'),
        ("MXSE.candles", 'TICKER="MXSE.TQBR.SBER" and interval="M5"'),
        ("MXSE.candles", 'TICKER="MXSE.TQBR.SBER" and quantity="0"'),
        ("MXSE.candles", 'TICKER="MXSE.TQBR.SBER" and quantity="many"'),
    ],
)
def test_anything_else_is_an_invalid_request(destination: str, selector: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_subscription(destination, selector, SECIDS)


def test_a_selector_is_a_list_of_names_and_values() -> None:
    assert parse_selector('pattern="SBER and more"') == {"pattern": "SBER and more"}
    assert parse_selector("") == {}


def test_a_topic_knows_its_destination() -> None:
    assert Topic("candles", "X5", "D1").destination == "MXSE.candles"
