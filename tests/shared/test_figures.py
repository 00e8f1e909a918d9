from shared.figures import figures, number
from shared.quotes import Price
from shared.wire import Counters
from tests.display.samples import NOW, market, quote, usual_connections


def test_what_is_counted_is_told_by_the_names_that_scripts_rely_on() -> None:
    shown = market([quote("SBER", last=Price(306.1, 2)), quote("GAZP")], usual_connections(), is_simulated=True)
    shown.totals.counters = Counters(messages=980, updates=970, conflated=5, decode_errors=3, bytes=900, reconnects=2)
    told = figures(shown, NOW.monotonic)
    assert told["runtime_s"] == 98.0
    assert (told["messages"], told["updates"], told["rate_msg_s"]) == (980, 970, 10.0)
    assert told["connections"] == {"online": 28, "total": 30}
    assert told["subscriptions"] == {"planned": 1500, "confirmed": 1399, "refused": 1}
    assert told["tickers"] == {"planned": 259, "seen": 2, "with_prices": 1}
    assert (told["conflated"], told["decode_errors"], told["bytes"], told["reconnects"]) == (5, 3, 900, 2)
    assert told["simulated"] is True


def test_what_is_unknown_is_null() -> None:
    assert figures(market(), NOW.monotonic)["latency_ms"] == {"p50": None, "p99": None}
    assert number(None) is None
    assert number(Price(0.0, 2)) == 0.0
