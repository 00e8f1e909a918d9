import copy
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.book import book_of
from shared.losses import Loss
from shared.market import LONGEST_DELAY_MS, QUEUE_AGE_KEPT_S, Latency, Market
from shared.quotes import LATE_LIMIT_MS, Quote, Stamp
from shared.silences import Silence
from shared.wire import (
    ConnectionState,
    ConnectionStatus,
    Counters,
    Event,
    QuoteBatch,
    Totals,
    WorkerReport,
    decode_picture,
    encode,
)


def market() -> Market:
    return Market(Totals(started_at=100.0, connections=2, tickers_per_connection=3, gateway="ws://127.0.0.1/"))


def status(
    number: int,
    state: ConnectionState = ConnectionState.ONLINE,
    *,
    messages: int = 0,
    planned: int = 3,
    confirmed: int = 3,
) -> ConnectionStatus:
    return ConnectionStatus(
        number, number % 2, state, "", 1.0, planned, confirmed, total=Counters(messages=messages, updates=messages)
    )


def report(*connections: ConnectionStatus, worker: int = 0, is_last: bool = False, text: str = "") -> WorkerReport:
    events = [Event(5.0, "worker", text)] if text else []
    return WorkerReport(worker, list(connections), events, is_last=is_last)


def quote(ticker: str, bid: float, stamp_ms: float) -> Quote:
    made = Quote(ticker, updates=1)
    made.take_book(book_of([(bid, 1)], [], 2), stamp_ms / 1000, Stamp(stamp_ms, 1))
    return made


# What is planned and what arrives


def test_the_plan_is_known_before_any_worker_reports() -> None:
    planned = market()
    planned.plan([status(0, planned=3), status(1, planned=2)], tickers=4, source="ISS (4 shares of TQBR)")
    assert planned.totals.subscriptions_planned == 5
    assert planned.totals.tickers_planned == 4
    assert planned.totals.instruments_source == "ISS (4 shares of TQBR)"


def test_batches_of_several_workers_become_one_row_a_ticker() -> None:
    hub = market()
    hub.apply(QuoteBatch(0, [quote("SBER", 306.1, 10.0), quote("GAZP", 120.0, 10.0)]), now_ms=20.0)
    hub.apply(QuoteBatch(1, [quote("SBER", 306.2, 11.0)]), now_ms=20.0)
    hub.apply(QuoteBatch(0, [quote("SBER", 305.0, 9.0)]), now_ms=20.0)
    assert str(hub.quotes["SBER"].bid) == "306.20"
    assert hub.quotes["SBER"].updates == 3
    assert hub.with_prices == 2


def test_a_report_adds_its_increments_to_the_connection_and_to_all() -> None:
    hub = market()
    hub.report(report(status(0, messages=5), status(2, messages=1)))
    hub.report(report(status(1, messages=7), worker=1))
    hub.report(report(status(0, messages=2)))
    assert hub.totals.counters == Counters(messages=15, updates=15)
    assert {number: one.total.messages for number, one in hub.connections.items()} == {0: 7, 1: 7, 2: 1}


def test_reconnects_are_counted_by_why_the_connection_had_been_lost() -> None:
    hub = market()
    for number, reason in enumerate(("the gateway closed the connection", "no pong and no data for 29 s", "")):
        back = status(number)
        back.last_loss, back.total.reconnects = reason, number + 1
        hub.report(report(back))
    hub.report(report(status(0), status(1)))
    counted = {loss: count for loss, count in hub.reconnects.items() if count}
    assert counted == {Loss.CLOSED: 1, Loss.DEAD: 2, Loss.OTHER: 3}
    assert set(hub.reconnects) == set(Loss)
    assert sum(hub.reconnects.values()) == hub.totals.counters.reconnects


def test_online_confirmed_and_refused_are_summed_over_all_connections() -> None:
    hub = market()
    hub.report(report(status(0), status(1, ConnectionState.WAITING, confirmed=0), status(2)))
    hub.connections[1].refused = 2
    assert (hub.online, hub.confirmed, hub.refused) == (2, 6, 2)


def test_a_last_report_is_counted_and_leaves_the_states_as_they_were() -> None:
    hub = market()
    hub.report(report(status(0, messages=5)))
    hub.report(report(status(0, ConnectionState.STOPPED, messages=1, confirmed=0), is_last=True))
    assert hub.connections[0].state is ConnectionState.ONLINE
    assert hub.confirmed == 3
    assert hub.connections[0].total.messages == hub.totals.counters.messages == 6


def test_once_a_gateway_was_the_built_in_exchange_the_market_stays_simulated() -> None:
    hub = market()
    hub.report(WorkerReport(0, [], [], is_simulated=True))
    hub.report(WorkerReport(0, [], [], is_simulated=False))
    assert hub.totals.is_simulated


def test_a_lost_worker_takes_its_connections_down_and_nothing_that_was_counted() -> None:
    hub = market()
    hub.report(report(status(0, messages=5), status(1, messages=4), status(2, messages=3)))
    hub.connections[0].latency_ms = 5.0
    hub.worker_lost(0, "killed by signal 9", now=50.0)
    lost = hub.connections[0]
    assert (lost.state, lost.reason, lost.since) == (ConnectionState.DOWN, "killed by signal 9", 50.0)
    assert (lost.confirmed, lost.latency_ms, lost.total.messages) == (0, None, 5)
    assert hub.connections[1].state is ConnectionState.ONLINE
    assert hub.totals.counters.messages == 12


increments = st.lists(
    st.tuples(st.sampled_from(("report", "last", "lost")), st.integers(0, 3), st.integers(0, 5)), max_size=20
)


@given(increments)
def test_counters_never_go_back_whatever_workers_do(happenings: list[tuple[str, int, int]]) -> None:
    hub, expected = market(), 0
    for happening, number, messages in happenings:
        before = {n: one.total.messages for n, one in hub.connections.items()}
        if happening == "lost":
            hub.worker_lost(number % 2, "killed", now=1.0)
        else:
            hub.report(report(status(number, messages=messages), is_last=happening == "last"))
            expected += messages
        assert hub.totals.counters.messages == expected == sum(s.total.messages for s in hub.connections.values())
        assert all(hub.connections[n].total.messages >= total for n, total in before.items())


# Events, rates and delays


def test_the_last_200_events_are_kept_by_the_hub_and_by_who_looks_at_it() -> None:
    hub, shown = market(), market()
    for number in range(205):
        hub.tell(Event(float(number), "program", str(number)))
        if number in (150, 204):
            shown.show(decode_picture(encode(hub.picture(shown.revision))))
    for kept in (hub.events, hub.picture(0).events, shown.events):
        assert [event.text for event in kept] == [str(number) for number in range(5, 205)]


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    hub = market()
    for second in range(30):
        hub.sample(100.0 + second)
        hub.totals.counters.messages += 1000 if second < 15 else 50
    hub.sample(130.0)
    assert hub.totals.rate_now == pytest.approx(50.0)


def test_the_first_sample_has_no_rate() -> None:
    hub = market()
    hub.totals.counters.messages = 9
    hub.sample(100.0)
    assert hub.totals.rate_now == 0.0


def test_the_average_rate_counts_from_the_start() -> None:
    hub = market()
    hub.totals.counters.messages = 50
    assert hub.rate_average(110.0) == 5.0
    assert hub.rate_average(100.0) == 0.0


def test_the_delay_is_from_the_exchange_to_the_hub_and_of_news_only() -> None:
    hub = market()
    hub.sample(101.0)
    assert hub.totals.latency_p50_ms is None
    hub.apply(QuoteBatch(0, [quote("SBER", 1.0, 500.0)]), now_ms=9_000.0)
    hub.apply(QuoteBatch(0, [quote("SBER", 1.0, 1_000.0)]), now_ms=1_040.0)
    hub.apply(QuoteBatch(0, [quote("SBER", 1.0, 1_000.0)]), now_ms=9_000.0)
    hub.sample(102.0)
    assert hub.totals.latency_p50_ms == pytest.approx(40.0, rel=0.05)


@given(st.lists(st.floats(0.2, 1e6), min_size=1, max_size=200), st.sampled_from((0.01, 0.5, 0.99, 1.0)))
def test_a_quantile_is_exact_to_a_twentieth(delays: list[float], share: float) -> None:
    latency = Latency()
    for delay in delays:
        latency.add(delay)
    rank = next(n for n in range(1, len(delays) + 1) if n >= share * len(delays))
    exact, told = sorted(delays)[rank - 1], latency.quantile(share)
    assert told is not None
    assert exact * 0.99 <= told <= exact * 1.06


@given(st.lists(st.floats(0.2, 1e6), max_size=200), st.lists(st.floats(1, 1e6), max_size=5))
def test_how_many_delays_are_below_a_bound_and_their_sum_are_exact_to_a_twentieth(
    delays: list[float], bounds: list[float]
) -> None:
    latency = Latency()
    for delay in delays:
        latency.add(delay)
    for bound, told in zip(bounds, latency.at_most(bounds), strict=True):
        assert sum(delay <= bound / 1.06 for delay in delays) <= told <= sum(delay <= bound for delay in delays)
    assert latency.at_most([math.inf]) == [len(delays)]
    assert sum(delays) / 1.06 <= latency.sum_ms <= sum(delays)


def test_delays_beyond_any_bound_and_clocks_that_differ_are_survived() -> None:
    latency = Latency()
    assert latency.quantile(0.5) is None
    latency.add(-5000.0)
    assert latency.quantile(0.5) == pytest.approx(0.1)
    assert latency.sum_ms == 0.0
    latency.add(1e12)
    assert (latency.quantile(1.0) or 0) > 10_000_000
    assert latency.at_most([0.05, 1.0, math.inf]) == [0, 1, 2]


def test_the_age_of_the_queue_is_that_of_the_slowest_workers_latest_batch() -> None:
    hub = market()
    for worker, sent_at in ((0, 100.0), (1, 99.0), (0, 104.5), (1, 104.0)):
        hub.apply(QuoteBatch(worker, [], sent_at), 0.0, now=105.0)
    hub.sample(105.0)
    assert hub.totals.queue_age_s == 1.0


def test_a_worker_that_is_idle_has_no_queue_that_could_be_old() -> None:
    hub = market()
    hub.apply(QuoteBatch(0, [], 90.0), 0.0, now=100.0)
    hub.apply(QuoteBatch(1, [], 101.25), 0.0, now=101.5)
    hub.sample(100.0 + QUEUE_AGE_KEPT_S)
    assert hub.totals.queue_age_s == 10.0
    hub.sample(100.1 + QUEUE_AGE_KEPT_S)
    assert hub.totals.queue_age_s == 0.25
    hub.sample(200.0)
    assert hub.totals.queue_age_s is None


def test_no_queue_is_younger_than_now() -> None:
    hub = market()
    hub.apply(QuoteBatch(0, [], 100.5), 0.0, now=100.0)
    hub.apply(QuoteBatch(1, []), 0.0, now=100.0)
    hub.sample(100.0)
    assert hub.totals.queue_age_s == 0.0


def received(ticker: str, at: float, status: str = "T") -> QuoteBatch:
    return QuoteBatch(0, [Quote(ticker, 1, fields={"TRADINGSTATUS": status}, fields_at=at)])


def test_silences_are_told_by_the_times_of_receipt() -> None:
    hub = market()
    for ticker, at in (("SBER", 100.0), ("T", 100.0), ("SBER", 104.0), ("T", 109.0), ("SBER", 110.0)):
        hub.apply(received(ticker, at), now_ms=0.0)
    hub.apply(QuoteBatch(0, [Quote("GAZP")]), now_ms=0.0)
    assert hub.longest_silences(110.5, most=5) == [Silence("T", 9.0, 109.0), Silence("SBER", 6.0, 110.0)]


def test_what_an_instrument_did_while_it_was_silent_decides_whether_that_counts() -> None:
    hub = market()
    for status, at in (("T", 100.0), ("N", 103.0), ("T", 900.0), ("T", 901.0)):
        hub.apply(received("SBER", at, status), now_ms=0.0)
    assert hub.longest_silences(901.0, most=5) == [Silence("SBER", 3.0, 103.0)]


def test_while_the_exchange_is_known_to_be_closed_nothing_is_silent() -> None:
    hub = market()
    hub.apply(received("SBER", 100.0), now_ms=0.0)
    for is_open, now in ((None, 101.0), (True, 102.0), (False, 103.0), (False, 104.0), (True, 900.0), (None, 901.0)):
        hub.calendar_says(is_open, None, now)
    hub.apply(received("SBER", 902.0), now_ms=0.0)
    assert hub.longest_silences(902.5, most=5) == [Silence("SBER", 3.0, 103.0)]


# Pictures


def test_a_picture_holds_what_changed_since_the_last_one() -> None:
    hub = market()
    hub.apply(QuoteBatch(0, [quote("SBER", 1.0, 10.0), quote("GAZP", 1.0, 10.0)]), now_ms=20.0)
    first = hub.picture(0)
    hub.apply(QuoteBatch(0, [quote("GAZP", 2.0, 11.0)]), now_ms=20.0)
    hub.tell(Event(1.0, "program", "hello"))
    second = hub.picture(first.revision)
    assert [one.ticker for one in first.quotes] == ["SBER", "GAZP"]
    assert [one.ticker for one in second.quotes] == ["GAZP"]
    assert [one.text for one in second.events] == ["hello"]
    assert hub.picture(second.revision).quotes == []


def test_the_plan_comes_with_the_first_picture_and_again_only_when_it_changed() -> None:
    hub, display = market(), market()
    first = hub.picture(-1)
    hub.plan([], 3, "ISS", [("SBER", "GAZP"), (), ("T", "SBER")])
    second = hub.picture(first.revision)
    hub.tell(Event(1.0, "program", "hello"))
    third = hub.picture(second.revision)
    assert first.plan == []
    assert second.plan == hub.picture(-1).plan == [["SBER", "GAZP"], [], ["T", "SBER"]]
    assert third.plan is None
    for picture in (first, second, third):
        display.show(picture)
    assert display.carriers == hub.carriers == {"SBER": [0, 2], "GAZP": [0], "T": [2]}


ticks = st.tuples(st.just("tick"), st.sampled_from(("SBER", "GAZP", "T")), st.integers(1, 9))
reports = st.tuples(st.just("report"), st.sampled_from(("0", "1", "2")), st.integers(0, 5))
pictures = st.tuples(st.just("picture"), st.just(""), st.just(0))
plans = st.tuples(st.just("plan"), st.sampled_from(("SBER", "GAZP", "T")), st.integers(1, 3))


@given(st.lists(ticks | reports | pictures | plans, max_size=30))
def test_pictures_make_the_market_of_a_display_equal_to_that_of_the_hub(steps: list[tuple[str, str, int]]) -> None:
    hub, display = market(), market()
    for kind, name, number in [*steps, ("picture", "", 0)]:
        if kind == "tick":
            hub.apply(QuoteBatch(0, [quote(name, float(number), float(number))]), now_ms=20.0)
        elif kind == "report":
            hub.report(report(status(int(name), messages=number), text=f"event {number}"))
            hub.sample(100.0 + number)
        elif kind == "plan":
            hub.plan([], 1, "ISS", [[name]] * number)
        else:
            display.show(decode_picture(encode(hub.packed_picture(display.revision))))
    assert display.quotes == hub.quotes
    assert display.connections == hub.connections
    assert display.carriers == hub.carriers
    assert list(display.events) == list(hub.events)
    assert (display.totals, display.revision) == (hub.totals, hub.revision)
    assert (display.online, display.confirmed, display.with_prices) == (hub.online, hub.confirmed, hub.with_prices)


def test_a_late_display_sees_everything_at_once() -> None:
    hub = market()
    for number in range(1, 5):
        hub.apply(QuoteBatch(0, [quote("SBER", float(number), float(number))]), now_ms=20.0)
        hub.tell(Event(1.0, "program", str(number)))
    late = market()
    late.show(copy.deepcopy(hub.picture(late.revision)))
    assert late.quotes == hub.quotes
    assert list(late.events) == list(hub.events)


def test_a_message_from_the_far_future_does_not_make_all_others_old() -> None:
    hub = market()
    hub.apply(QuoteBatch(0, [quote("SBER", 1.0, 1_000.0 + 2 * LATE_LIMIT_MS)]), now_ms=1_000.0)
    hub.apply(QuoteBatch(0, [quote("SBER", 2.0, 1_000.0)]), now_ms=1_000.0)
    bid = hub.quotes["SBER"].bid
    assert bid is not None
    assert bid.value == 2.0


@pytest.mark.parametrize("now_ms", [0.0, 5_000.0, 1e13])
def test_no_order_of_messages_depends_on_the_clock(now_ms: float) -> None:
    hub = market()
    for price, sent_ms in ((1.0, 4_000.0), (3.0, 4_002.0), (2.0, 4_001.0)):
        hub.apply(QuoteBatch(0, [quote("SBER", price, sent_ms)]), now_ms)
    bid = hub.quotes["SBER"].bid
    assert bid is not None
    assert bid.value == 3.0


def test_a_delay_that_tells_of_a_wrong_clock_is_not_measured() -> None:
    hub = market()
    for sent_ms, now_ms in ((1_000.0, 1_005.0), (2_000.0, 2_000.0 + LONGEST_DELAY_MS), (3e11, 3_005.0)):
        hub.apply(QuoteBatch(0, [quote("SBER", 1.0, sent_ms)]), now_ms)
    hub.sample(1.0)
    assert hub.totals.latency_p99_ms is None


def test_a_quote_is_encoded_once_for_all_who_watch_and_anew_when_it_has_changed() -> None:
    hub = market()
    hub.apply(QuoteBatch(0, [quote("SBER", 1.0, 10.0), quote("GAZP", 1.0, 10.0)]), now_ms=20.0)
    first, second = hub.packed_picture(-1), hub.packed_picture(-1)
    assert all(one is other for one, other in zip(first.quotes, second.quotes, strict=True))
    hub.apply(QuoteBatch(0, [quote("SBER", 2.0, 11.0)]), now_ms=20.0)
    third = hub.packed_picture(-1)
    assert [one is other for one, other in zip(first.quotes, third.quotes, strict=True)] == [False, True]
    assert decode_picture(encode(third)) == hub.picture(-1)
