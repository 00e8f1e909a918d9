from shared.quotes import Quote
from shared.silences import Silence, Silences


def quote(ticker: str, status: str = "T") -> Quote:
    return Quote(ticker, fields={"TRADINGSTATUS": status}, fields_at=1.0)


SBER, GAZP = quote("SBER"), quote("GAZP")
BOTH = {"SBER": SBER, "GAZP": GAZP}


def heard(silences: Silences, quote: Quote, *times: float) -> None:
    for at in times:
        silences.heard(quote, at)


def test_the_longest_silence_of_each_ticker_is_told_with_its_end_longest_first() -> None:
    silences = Silences()
    heard(silences, SBER, 100, 103, 110, 112)
    heard(silences, GAZP, 101, 102, 109.5, 112)
    assert silences.longest(BOTH, 113, most=5) == [Silence("GAZP", 7.5, 109.5), Silence("SBER", 7, 110)]
    assert silences.longest(BOTH, 113, most=1) == [Silence("GAZP", 7.5, 109.5)]


def test_the_one_that_lasts_still_counts() -> None:
    silences = Silences()
    heard(silences, SBER, 100, 103)
    assert silences.longest(BOTH, 120, most=5) == [Silence("SBER", 17, 120)]
    heard(silences, SBER, 121)
    assert silences.longest(BOTH, 122, most=5) == [Silence("SBER", 18, 121)]


def test_before_its_first_message_a_ticker_is_not_silent() -> None:
    silences = Silences()
    heard(silences, SBER, 100)
    assert silences.longest(BOTH, 100, most=5) == []


def test_two_connections_that_bring_the_same_out_of_order_make_no_silence() -> None:
    silences = Silences()
    heard(silences, SBER, 100, 103, 101, 104)
    assert silences.longest(BOTH, 104, most=5) == [Silence("SBER", 3, 103)]


def test_the_silence_of_an_instrument_that_does_not_trade_is_none() -> None:
    silences = Silences()
    heard(silences, quote("SBER", "N"), 100, 500)
    heard(silences, SBER, 502)
    assert silences.longest({"SBER": quote("SBER", "L")}, 900, most=5) == [Silence("SBER", 2, 502)]


def test_the_message_that_ends_the_trading_of_an_instrument_ends_its_silence() -> None:
    silences = Silences()
    heard(silences, SBER, 100, 130)
    assert silences.longest({"SBER": quote("SBER", "N")}, 900, most=5) == [Silence("SBER", 30, 130)]


def test_a_night_is_no_silence_whatever_the_instruments_say() -> None:
    silences = Silences()
    heard(silences, SBER, 100)
    silences.pause(BOTH, 110)
    assert silences.longest(BOTH, 5000, most=5) == [Silence("SBER", 10, 110)]
    heard(silences, SBER, 3000)
    silences.resume(6000)
    heard(silences, SBER, 6005)
    assert silences.longest(BOTH, 6006, most=5) == [Silence("SBER", 10, 110)]
    assert silences.longest(BOTH, 6025, most=5) == [Silence("SBER", 20, 6025)]
