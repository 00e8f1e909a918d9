from display.views.statistics import final_statistics
from shared.wire import Counters
from tests.display.samples import NOW, market, usual_connections, usual_quotes


def test_the_final_statistics_sum_up_the_run() -> None:
    assert final_statistics(market(usual_quotes(), usual_connections()), NOW) == [
        "Final statistics",
        "  Runtime:         98.0 s",
        "  Messages:        1240",
        "  Updates:         1234",
        "  Average rate:    12.7 msg/s",
        "  Unique tickers:  6 seen of 259 planned",
        "  With prices:     5",
        "  Connections:     28 of 30 online at the end",
        "  Reconnects:      0",
        "  Worker restarts: 0",
    ]


def test_decode_errors_and_latency_are_told_when_there_are_any() -> None:
    shown = market()
    shown.totals.counters = Counters(decode_errors=2)
    shown.totals.latency_p50_ms, shown.totals.latency_p99_ms = 0.0, 9.84
    lines = final_statistics(shown, NOW)
    assert "  Decode errors:   2" in lines
    assert "  Latency:         p50 0.0 ms, p99 9.8 ms" in lines


def test_a_simulated_run_is_called_so() -> None:
    assert final_statistics(market(is_simulated=True), NOW)[0] == "Final statistics - SIMULATED EXCHANGE"
