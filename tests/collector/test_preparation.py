"""What a run begins with."""

import time

from collector.preparation import at_simulator, listener, plan_for, planned_statuses, some_of, totals_of
from collector.sharding import Plan, Shard
from shared.settings import CollectorSettings, Credentials, InstrumentSettings, Secret, Settings
from shared.wire import ConnectionState


def test_the_built_in_exchange_takes_the_place_of_both_addresses() -> None:
    with listener() as socket:
        port = socket.getsockname()[1]
        exchange = at_simulator(Settings(), socket).exchange
    assert exchange.url == f"ws://127.0.0.1:{port}/infocx/v3/websocket"
    assert exchange.iss_url == f"http://127.0.0.1:{port}/iss"
    assert exchange.streams == Settings().exchange.streams


def test_the_first_totals_say_what_is_set() -> None:
    settings = Settings(collector=CollectorSettings(connections=3, tickers_per_connection=7), simulate=True)
    totals = totals_of(settings)
    assert (totals.connections, totals.tickers_per_connection, totals.gateway) == (3, 7, "iss.moex.com")
    assert (totals.is_simulated, totals.is_guest) == (True, True)
    assert totals.streams == ["orderbooks", "securities"]
    assert totals.started_at <= time.monotonic()
    subscriber = Settings(credentials=Credentials("passport", "me", Secret("word")))
    assert totals_of(subscriber).is_guest is False


def test_the_plan_is_as_large_as_is_set() -> None:
    collector = CollectorSettings(workers=2, connections=2, tickers_per_connection=1)
    plan = plan_for(Settings(collector=collector, instruments=InstrumentSettings(selection="unique")), ["A", "B", "C"])
    assert [(shard.worker, len(shard.tickers)) for shard in plan.shards] == [(0, 1), (1, 1)]
    assert len(plan.left_out) == 1


def test_every_planned_connection_waits_for_its_start_with_all_its_subscriptions() -> None:
    plan = Plan((Shard(0, 0, ("SBER", "GAZP")), Shard(1, 1, ())), ())
    first, second = planned_statuses(plan, streams=2, now=5.0)
    assert (first.number, first.worker, first.state, first.planned, first.since) == (
        0,
        0,
        ConnectionState.WAITING,
        4,
        5,
    )
    assert (second.number, second.worker, second.planned, second.confirmed) == (1, 1, 0, 0)


def test_of_many_tickers_the_first_ten_are_named() -> None:
    assert some_of(["A", "B"]) == "A, B"
    assert some_of([str(n) for n in range(11)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."
