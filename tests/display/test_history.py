import pytest

from display.history import HALF_LIFE_S, POINT_S, POINTS, History
from shared.quotes import Price, Quote
from shared.wire import Counters
from tests.display.samples import connection, quote


def seen(updates: int, last: float | None = None, ticker: str = "SBER") -> Quote:
    return quote(ticker, last=None if last is None else Price(last, 2), updates=updates)


@pytest.mark.parametrize("seconds", [2, 5, 20])
def test_a_steady_stream_has_its_rate_from_the_first_seconds(seconds: int) -> None:
    history = History()
    for second in range(seconds + 1):
        history.take([seen(5000 + 7 * second)], at=1000.0 + second)
    assert history.rate("SBER", at=1000.0 + seconds) == pytest.approx(7, rel=0.05)


def test_what_came_in_the_very_first_moment_came_in_a_second() -> None:
    history = History()
    history.take([seen(0)], at=0.0)
    history.take([seen(10)], at=0.001)
    assert history.rate("SBER", at=0.001) == pytest.approx(10, rel=0.05)


def test_a_rate_halves_in_the_half_life_of_silence() -> None:
    history = History()
    for second in range(100):
        history.take([seen(100 * second)], at=float(second))
    before = history.rate("SBER", at=99.0)
    assert history.rate("SBER", at=99.0 + HALF_LIFE_S) == pytest.approx(before / 2, rel=0.01)


def test_what_had_come_before_the_first_look_has_no_rate() -> None:
    history = History()
    history.take([seen(1_000_000)], at=5.0)
    assert history.rate("SBER", at=5.0) == 0.0


def test_rates_survive_days() -> None:
    history = History()
    day_s = 86_400
    for second in range(0, 3 * day_s, 10):
        history.take([seen(20 * second)], at=float(second))
    assert history.rate("SBER", at=3.0 * day_s - 10) == pytest.approx(20, rel=0.5)


def test_scores_compare_as_rates_do() -> None:
    history = History()
    for second in range(50):
        history.take([seen(9 * second), seen(3 * second, ticker="GAZP")], at=float(second))
    assert history.score("SBER") > 2 * history.score("GAZP") > history.score("AFLT") == 0.0


def test_the_direction_is_against_the_trade_before_and_stays_until_the_price_changes_again() -> None:
    history = History()
    directions = []
    for updates, price in enumerate([10.0, 10.0, 11.0, 11.0, 10.5, 10.5]):
        history.take([seen(updates, price)], at=float(updates))
        directions.append(history.direction("SBER"))
    assert directions == [0, 0, 1, 1, -1, -1]


def test_a_series_has_a_point_for_every_slot_and_carries_the_price_over_silence() -> None:
    history = History()
    history.take([seen(1, 10.0)], at=0.0)
    history.take([seen(4, 11.0)], at=3 * POINT_S)
    series = history.series("SBER", at=5 * POINT_S)
    assert len(series.last) == len(series.updates) == POINTS
    assert series.last[-7:] == [None, 10.0, 10.0, 10.0, 11.0, 11.0, 11.0]
    assert series.updates[-7:] == [0, 0, 0, 0, 3, 0, 0]


def test_updates_of_one_slot_add_up() -> None:
    history = History()
    for updates in range(5):
        history.take([seen(updates, 10.0 + updates)], at=updates * POINT_S / 5)
    assert history.series("SBER", at=POINT_S * 0.9).updates[-1] == 4
    assert history.series("SBER", at=POINT_S * 0.9).last[-1] == 14.0


def test_the_price_before_the_first_point_is_known_from_older_ones() -> None:
    history = History()
    history.take([seen(1, 10.0)], at=0.0)
    assert set(history.series("SBER", at=POINT_S * POINTS * 3).last) == {10.0}


def test_of_a_stranger_nothing_is_known() -> None:
    history = History()
    assert history.direction("SBER") == 0
    assert set(history.series("SBER", at=9.0).last) == {None}


def test_connections_have_rates_too() -> None:
    history = History()
    for second in range(100):
        status = connection(3)
        status.total = Counters(messages=50 * second)
        history.take_connections([status], at=float(second))
    assert history.connection_rate(3, at=99.0) == pytest.approx(50, rel=0.05)
    assert history.connection_rate(4, at=99.0) == 0.0
