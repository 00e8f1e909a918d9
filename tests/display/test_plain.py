from display.plain import hinting_status_line, status_line
from tests.display.samples import NOW, connection, market, usual_connections, usual_quotes, without_route


def test_the_status_line_holds_the_figures_that_matter() -> None:
    shown = market(usual_quotes(), [connection(n) for n in range(30)])
    assert status_line(shown, NOW) == (
        "30/30 online | 1500/1500 subscribed | 6/259 tickers, 5 with prices | 12.5 msg/s | 1240 messages | 98 s"
    )


def test_a_simulated_exchange_is_called_so() -> None:
    assert status_line(market(is_simulated=True, is_guest=True), NOW).endswith(" | SIMULATED EXCHANGE")


def test_the_delay_of_the_guest_login_is_told() -> None:
    assert status_line(market(is_guest=True), NOW).endswith(" | guest login, 15 minutes delayed")


def test_troubles_are_summed_up() -> None:
    line = status_line(market(connections=usual_connections()), NOW)
    assert "28/30 online | 1399/1500 subscribed" in line
    assert "refused tickers: 1" in line
    assert "trouble: 13 waiting 3s: connection refused (127.0.0.1:9); 21 down: worker 5 killed by SIGKILL" in line


def test_one_reason_of_all_connections_is_told_once() -> None:
    line = status_line(market(connections=without_route()), NOW)
    assert "trouble: 1-30 waiting: connection refused (127.0.0.1:9); next retry in 2s" in line


def test_without_any_route_the_demo_is_offered_to_a_person() -> None:
    lost = market(connections=without_route())
    assert status_line(lost, NOW).endswith(" | No route to the exchange?")
    assert hinting_status_line(lost, NOW).endswith(" | No route to the exchange? | Try: make demo")
    assert hinting_status_line(market(), NOW) == status_line(market(), NOW)
    assert "make demo" not in status_line(market(connections=usual_connections()), NOW)


def test_many_different_troubles_do_not_make_the_line_endless() -> None:
    connections = without_route()
    for status in connections:
        status.reason = f"reason {status.number}"
    assert status_line(market(connections=connections), NOW).count("; and 27 more") == 1


def test_restarts_of_workers_are_told() -> None:
    shown = market()
    shown.totals.worker_restarts = 2
    assert "worker restarts: 2" in status_line(shown, NOW)
