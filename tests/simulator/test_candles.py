"""Candles are what the trades make of them."""

from datetime import UTC, date, datetime

import pytest

from simulator.candles import CANDLES_KEPT, INTERVALS, Candle, Candles
from simulator.moscow import midnight, stamp_text

MOSCOW_OFFSET_S = 10_800
TEN = datetime(2026, 1, 22, 7, 0, 0, tzinfo=UTC).timestamp()  # 10:00 in Moscow


def test_a_candle_holds_first_highest_lowest_and_last_price_and_the_sums() -> None:
    candles = Candles(MOSCOW_OFFSET_S)
    for second, price, shares in ((0, 100, 10), (10, 105, 20), (20, 95, 30), (59, 101, 40)):
        candles.trade(TEN + second, price, shares)
    (minute,) = candles.latest("M1")
    assert (minute.open, minute.high, minute.low, minute.close) == (100, 105, 95, 101)
    assert (minute.volume, minute.turnover) == (100, 1000 + 2100 + 2850 + 4040)


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        ("M1", "2026-01-22 10:17:00", "2026-01-22 10:18:00"),
        ("M10", "2026-01-22 10:10:00", "2026-01-22 10:20:00"),
        ("H1", "2026-01-22 10:00:00", "2026-01-22 11:00:00"),
        ("D1", "2026-01-22 00:00:00", "2026-01-23 00:00:00"),
        ("W1", "2026-01-19 00:00:00", "2026-01-26 00:00:00"),
        ("m1", "2026-01-01 00:00:00", "2026-02-01 00:00:00"),
        ("m3", "2026-01-01 00:00:00", "2026-04-01 00:00:00"),
        ("Q1", "2026-01-01 00:00:00", "2026-04-01 00:00:00"),
    ],
)
def test_candles_start_and_end_where_moscow_clocks_and_calendars_do(interval: str, start: str, end: str) -> None:
    candles = Candles(MOSCOW_OFFSET_S)
    candles.trade(TEN + 17 * 60 + 3, 100, 1)
    (candle,) = candles.latest(interval)
    assert (stamp_text(candle.start), stamp_text(candle.end)) == (start, end)


def test_the_last_quarter_ends_with_the_year() -> None:
    candles = Candles(MOSCOW_OFFSET_S)
    candles.trade(midnight(date(2026, 12, 31)), 100, 1)
    assert stamp_text(candles.latest("Q1")[0].end) == "2027-01-01 00:00:00"
    assert stamp_text(candles.latest("m1")[0].end) == "2027-01-01 00:00:00"


def test_minutes_without_a_trade_have_no_candle() -> None:
    candles = Candles(MOSCOW_OFFSET_S)
    candles.trade(TEN, 100, 1)
    candles.trade(TEN + 300, 101, 1)
    assert [stamp_text(each.start)[-8:] for each in candles.latest("M1")] == ["10:00:00", "10:05:00"]


def test_long_candles_join_the_past_days_and_today() -> None:
    candles = Candles(MOSCOW_OFFSET_S)
    yesterday = midnight(date(2026, 1, 21))
    past = Candle(yesterday, yesterday + 86_400, 90)
    past.trade(yesterday, 120, 7)
    candles.past_days = (past,)
    candles.trade(TEN, 100, 5)
    (week,) = candles.latest("W1")
    assert (week.open, week.high, week.low, week.close, week.volume) == (90, 120, 90, 100, 12)


@pytest.mark.parametrize("interval", INTERVALS)
def test_no_more_candles_are_kept_than_a_snapshot_holds(interval: str) -> None:
    candles = Candles(MOSCOW_OFFSET_S)
    for day in range(CANDLES_KEPT + 50):
        candles.trade(TEN + day * 86_400, 100 + day, 1)
    kept = candles.latest(interval)
    assert len(kept) <= CANDLES_KEPT
    assert kept[-1].close == 100 + CANDLES_KEPT + 49


def test_the_weighted_average_leaves_out_old_minutes() -> None:
    candles = Candles(MOSCOW_OFFSET_S)
    candles.trade(TEN, 1000, 50)
    candles.trade(TEN + 600, 100, 30)
    candles.trade(TEN + 660, 200, 10)
    assert candles.weighted_average(TEN + 600) == 125
    assert candles.weighted_average(TEN + 900) is None
