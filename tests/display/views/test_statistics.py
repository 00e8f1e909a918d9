from display.views.statistics import final_statistics
from shared.wire import Counters, QuoteBatch
from tests.display.samples import NOW, market, quote, usual_connections, usual_quotes


def test_the_final_statistics_sum_up_the_run() -> None:
    assert final_statistics(market(usual_quotes(), usual_connections()), NOW) == [
        "Final statistics",
        "  Runtime:          98.0 s",
        "  Messages:         1240",
        "  Updates:          1234",
        "  Average rate:     12.7 msg/s",
        "  Unique tickers:   6 seen of 259 planned",
        "  With prices:      5",
        "  Connections:      28 of 30 online at the end",
        "  Reconnects:       0",
        "  Worker restarts:  0",
        "  Busiest tickers:  AKRN 12345, SBER 900, GAZP 310, VEON-RX 70, TGKA 5",
        "  Longest silences: GAZP 1m, VEON-RX 12s, SBER 1.0s, TGKA 1.0s, AKRN 0.2s",
    ]


def test_decode_errors_and_latency_are_told_when_there_are_any() -> None:
    shown = market()
    shown.totals.counters = Counters(decode_errors=2)
    shown.totals.latency_p50_ms, shown.totals.latency_p99_ms = 0.0, 9.84
    lines = final_statistics(shown, NOW)
    assert "  Decode errors:    2" in lines
    assert "  Latency:          p50 0.0 ms, p99 9.8 ms" in lines


def test_a_simulated_run_is_called_so() -> None:
    assert final_statistics(market(is_simulated=True), NOW)[0] == "Final statistics - SIMULATED EXCHANGE"


def test_without_quotes_nobody_is_busy_or_silent() -> None:
    text = "\n".join(final_statistics(market(), NOW))
    assert "Busiest" not in text
    assert "silences" not in text


def test_a_silence_that_is_over_is_told_too() -> None:
    shown = market([quote("SBER", age_s=300)])
    shown.apply(QuoteBatch(0, [quote("SBER", age_s=60)]), now_ms=0.0)
    shown.apply(QuoteBatch(0, [quote("SBER", age_s=1)]), now_ms=0.0)
    assert final_statistics(shown, NOW)[-1] == "  Longest silences: SBER 4m"
