"""When the page of the metrics is tried, and what is told of it."""

import logging
import socket

import pytest

from collector.hub import Hub
from collector.metrics_serving import RETRY_S, MetricsServing
from shared.market import Market
from shared.settings import MetricsSettings
from shared.wire import Totals
from tests.collector.scraping import scrape
from tests.collector.waiting import nothing_left_over


@pytest.fixture
def market() -> Market:
    return Market(Totals(started_at=0.0, connections=1, tickers_per_connection=1, gateway="x"))


def test_a_port_that_is_taken_is_tried_again_after_a_while_and_each_outcome_is_told_once(
    market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serving = MetricsServing(MetricsSettings(port=port), Hub(market))
        for now in (100.0, 101.0, 100.0 + RETRY_S):
            serving.look(now, dict)
    with nothing_left_over():
        serving.look(99.9 + 2 * RETRY_S, dict)
        with pytest.raises(OSError, match="refused"):
            scrape(f"http://127.0.0.1:{port}/metrics")
        for now in (100.0 + 2 * RETRY_S, 200.0):
            serving.look(now, lambda: {"supervisor": 1})
        assert (
            scrape(f"http://127.0.0.1:{port}/metrics")['moex_process_resident_memory_bytes{process="supervisor"}'] > 0
        )
        serving.stop()
    told = f"not served, 127.0.0.1 port {port}: address already in use"
    assert [event.text for event in market.events] == [told, "served"]
    assert [record.levelname for record in caplog.records if "metrics" in record.message] == ["WARNING", "INFO"]


def test_where_nobody_asked_for_it_there_is_no_page(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    serving = MetricsServing(MetricsSettings(), Hub(market))
    with nothing_left_over():
        serving.look(100.0, dict)
        serving.stop()
    assert (list(market.events), caplog.messages) == ([], [])
