"""The market behaves, whatever the seed."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.instruments import all_instruments
from simulator.market import DEAL_COLUMNS, QUOTE_COLUMNS, Market, Share
from simulator.moscow import moscow

TEN = datetime(2026, 1, 22, 7, 0, 0, tzinfo=UTC).timestamp()  # 10:00 in Moscow
SOME = all_instruments()[::9]


def state(share: Share) -> tuple[Any, ...]:
    book = share.book
    levels = (tuple(side.prices) + tuple(side.lots) for side in (book.bids, book.asks))
    return (share.last, share.high, share.low, share.volume, share.turnover, share.trades, share.traded_at, *levels)


def walk(market: Market, steps: int) -> list[tuple[Any, ...]]:
    return [
        (change.share.instrument.secid, change.columns, state(change.share))
        for change in (market.step(TEN + number * 0.1) for number in range(steps))
    ]


def test_the_same_seed_gives_the_same_market() -> None:
    assert walk(Market(7, TEN), 2000) == walk(Market(7, TEN), 2000)


def test_another_seed_gives_another_market() -> None:
    assert walk(Market(7, TEN, instruments=SOME), 50) != walk(Market(8, TEN, instruments=SOME), 50)


@pytest.mark.parametrize("seed", range(5))
def test_invariants_hold_after_every_step(seed: int) -> None:
    market = Market(seed, TEN, instruments=SOME)
    for number in range(4000):
        now = TEN + number * 0.05
        share = market.step(now).share
        step, previous = share.instrument.step, share.instrument.previous
        assert share.book.bids.best < share.book.asks.best
        assert share.low_offer <= share.book.asks.best
        assert share.high_bid >= share.book.bids.best
        assert share.low <= share.last <= share.high
        assert share.low <= share.average <= share.high
        assert share.last % step == 0
        assert abs(share.last - previous) < previous * 0.2
        assert share.traded_at <= now


@pytest.mark.parametrize("seed", range(5))
def test_trades_are_made_at_the_best_bid_or_ask_and_sums_only_grow(seed: int) -> None:
    market = Market(seed, TEN, instruments=SOME)
    before = {secid: (s.volume, s.money, s.trades) for secid, s in market.shares.items()}
    quotes = {secid: (s.book.bids.best, s.book.asks.best) for secid, s in market.shares.items()}
    traded = 0
    for number in range(4000):
        share = market.step(TEN + number).share
        secid, sums = share.instrument.secid, (share.volume, share.money, share.trades)
        if sums[2] != before[secid][2]:
            traded += 1
            assert share.last in quotes[secid]
            assert share.traded_at == TEN + number
            assert sums[0] - before[secid][0] == share.lots * share.instrument.lot
        assert all(new >= old for new, old in zip(sums, before[secid], strict=True))
        before[secid], quotes[secid] = sums, (share.book.bids.best, share.book.asks.best)
    assert traded > 100


def test_a_change_names_exactly_the_columns_whose_values_are_new() -> None:
    market = Market(3, TEN, instruments=SOME)
    values = {secid: column_values(share) for secid, share in market.shares.items()}
    for number in range(2000):
        change = market.step(TEN + number * 0.3)
        secid, now = change.share.instrument.secid, column_values(change.share)
        assert set(change.columns) == {name for name, value in now.items() if value != values[secid][name]}
        values[secid] = now


def column_values(share: Share) -> dict[str, Any]:
    quotes = (share.book.bids.best, share.book.asks.best, share.high_bid, share.low_offer)
    depths = (share.book.bids.depth, share.book.asks.depth)
    change, to_average = share.last - share.instrument.previous, share.last - share.previous_average
    deals = (share.last, change, share.high, share.low, share.volume, share.money, share.trades)
    averages = (share.current_price, share.average, to_average)
    last = (share.lots, share.last * share.lots, int(share.traded_at))
    return dict(zip((*QUOTE_COLUMNS, *DEAL_COLUMNS), (*quotes, *depths, *deals, *averages, *last), strict=True))


def test_many_changes_are_only_of_a_depth() -> None:
    market = Market(1, TEN)
    kinds = Counter(market.step(TEN).columns for _ in range(3000))
    assert kinds[("BIDDEPTHT",)] + kinds[("OFFERDEPTHT",)] > 1000


def test_a_few_shares_are_very_active_and_most_are_quiet() -> None:
    market = Market(1, TEN)
    counts = Counter(market.step(TEN).share.instrument.secid for _ in range(20_000))
    assert counts["SBER"] > 2000
    assert sum(count < 50 for count in counts.values()) + 259 - len(counts) > 130


@pytest.mark.parametrize("hour", [0, 3, 10, 23])
def test_a_market_that_starts_at_any_hour_has_a_day_behind_it(hour: int) -> None:
    started_at = TEN + (hour - 10) * 3600 + 61
    for share in Market(1, started_at, instruments=SOME).shares.values():
        assert share.trades > 0
        assert moscow(share.traded_at).date() == moscow(started_at).date()
        (today,) = share.candles.latest("D1", 1)
        assert (today.high, today.low, today.close) == (share.high, share.low, share.last)
        assert (today.volume, today.turnover) == (share.volume, share.turnover)


def test_candles_follow_the_trades() -> None:
    market = Market(1, TEN, instruments=SOME)
    for number in range(5000):
        share = market.step(TEN + number * 0.1).share
        newest = [share.candles.latest(interval, 1)[0] for interval in ("M1", "M10", "H1", "D1")]
        assert all(candle.close == share.last for candle in newest)
        assert newest[-1].volume == share.volume


def test_past_days_end_with_the_previous_price_on_a_workday_before_today() -> None:
    share = Market(1, TEN, instruments=SOME).shares["SBER"]
    *past, today = share.past_candles().latest("D1")
    assert len(past) == 255
    assert past[-1].close == share.instrument.previous
    assert past[-1].end <= today.start
    assert all(moscow(day.start).isoweekday() <= 5 for day in past)
    assert all(day.low <= min(day.open, day.close) <= max(day.open, day.close) <= day.high for day in past)


def test_the_trading_status_tells_an_open_from_a_closed_session() -> None:
    for is_open, status in ((True, "T"), (False, "N")):
        market = Market(1, TEN, is_open=is_open, instruments=SOME)
        assert {share.trading_status for share in market.shares.values()} == {status}
