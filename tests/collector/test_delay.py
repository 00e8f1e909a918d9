from collector.delay import REST_S, Delay
from shared.market import LONGEST_DELAY_MS
from shared.quotes import Quote, Stamp

NOW_MS = 1_769_064_680_000.0


def change(ticker: str, sent_ms: float, *, is_full: bool = False) -> Quote:
    return Quote(ticker, 1, fields={}, fields_at=1.0, fields_stamp=Stamp(sent_ms, 1), is_full=is_full)


def test_the_first_that_is_heard_of_a_ticker_may_tell_of_long_ago_and_is_no_sample() -> None:
    delay = Delay()
    delay.sample(change("SBER", NOW_MS - 3_600_000), 1.0, NOW_MS)
    delay.sample(change("GAZP", NOW_MS - 1_800_000), 1.0, NOW_MS)
    assert delay.smoothed_ms is None
    delay.sample(change("SBER", NOW_MS), 1.0, NOW_MS + 12)
    assert delay.smoothed_ms == 12


def test_a_snapshot_of_the_columns_may_tell_of_long_ago_as_well() -> None:
    delay = Delay()
    delay.sample(change("SBER", NOW_MS - 3_600_000), 1.0, NOW_MS)
    delay.sample(change("SBER", NOW_MS - 1_800_000, is_full=True), 1.0, NOW_MS)
    assert delay.smoothed_ms is None


def test_the_delay_is_smoothed_exponentially() -> None:
    delay = Delay()
    for number, delay_ms in enumerate((0, 10, 10, 50)):
        delay.sample(change("SBER", NOW_MS + number), 1.0, NOW_MS + number + delay_ms)
    assert delay.smoothed_ms == 10 + 40 / 8


def test_what_is_not_newer_is_no_news() -> None:
    delay = Delay()
    for sent_ms, now_ms in ((NOW_MS, NOW_MS), (NOW_MS + 1, NOW_MS + 6), (NOW_MS + 1, NOW_MS + 900), (NOW_MS, NOW_MS)):
        delay.sample(change("SBER", sent_ms), 1.0, now_ms)
    assert delay.smoothed_ms == 5


def test_what_tells_of_a_wrong_clock_is_no_sample_and_does_not_make_the_next_one_old() -> None:
    delay = Delay()
    for sent_ms in (NOW_MS - 1, NOW_MS + 2 * LONGEST_DELAY_MS, NOW_MS - LONGEST_DELAY_MS, NOW_MS):
        delay.sample(change("SBER", sent_ms), 1.0, NOW_MS + 7)
    assert delay.smoothed_ms == 7


def test_without_the_exchanges_own_time_there_is_no_delay() -> None:
    delay = Delay()
    for at in (1.0, 2.0):
        delay.sample(Quote("SBER", 1, fields={}, fields_at=at), 1.0, NOW_MS)
    assert delay.smoothed_ms is None


def test_after_a_sample_it_rests_and_after_what_was_none_it_does_not() -> None:
    delay = Delay()
    delay.sample(change("SBER", NOW_MS), 50.0, NOW_MS)
    assert delay.due_at <= 50.0
    delay.sample(change("SBER", NOW_MS + 1), 50.0, NOW_MS + 5)
    assert delay.due_at == 50.0 + REST_S
