from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.board import Board, View
from display.now import Now
from display.views.connections import connections
from display.views.numbers import rate_text
from display.views.palette import COLOURLESS, Palette
from shared.market import Market
from shared.wire import ConnectionState, ConnectionStatus
from tests.display.looks import WIDE, assert_fits, drawn, every_condition, golden, harmful, limits, widths
from tests.display.samples import NOW, TAGGED, board_of, connection, market

statuses = st.lists(
    st.builds(
        ConnectionStatus,
        number=st.integers(0, 999),
        worker=st.integers(0, 63),
        state=st.sampled_from(ConnectionState),
        reason=harmful,
        since=st.floats(0, 1000),
        planned=st.integers(0, 3000),
        confirmed=st.integers(0, 3000),
        retry_at=st.none() | st.floats(0, 9999),
        heard_at=st.none() | st.floats(0, 1000),
        latency_ms=st.none() | st.floats(-1e8, 1e8),
        last_loss=harmful,
    ),
    max_size=12,
)


def shown() -> Market:
    made = market(connections=every_condition())
    made.totals.counters.bytes, made.totals.counters.reconnects = 123_456_789, 2
    return made


board = partial(board_of, view=View.CONNECTIONS)


def lines_of(
    of: Market, width: int = 120, limit: int = 40, palette: Palette = COLOURLESS, on: Board | None = None
) -> list[str]:
    return drawn(connections(of, on or board(of), limit, width, NOW, palette), palette)


@pytest.mark.parametrize(("width", "limit"), [(40, 8), (60, 24), (80, 34), (120, 34)])
def test_the_connections_look_as_agreed(width: int, limit: int) -> None:
    assert lines_of(shown(), width, limit) == golden(f"connections_{width}")


def test_the_colours_are_as_agreed() -> None:
    assert lines_of(shown(), 80, 34, TAGGED) == golden("connections_colours_80")


def test_the_rate_of_each_connection_is_that_of_late() -> None:
    of = market(connections=[connection(0), connection(1)])
    on = board(of)
    of.connections[1].total.messages = 1000
    on.advance(of, NOW.monotonic)
    rate = on.history.connection_rate(1, NOW.monotonic)
    assert rate > 60
    rates = [line.split()[7] for line in lines_of(of, on=on)[2:]]
    assert rates == ["0.0", rate_text(rate)]


def test_what_is_not_known_is_not_zero() -> None:
    row = lines_of(market(connections=[connection(0, since=995.0)]))[2]
    assert row.split() == ["1", "█", "online", "5.0s", "1", "50/50", "0", "0.0", "0", "0", "N/A", "N/A"]


def test_of_one_that_is_online_the_reason_is_why_it_was_lost_before() -> None:
    assert lines_of(shown())[2].endswith(" before: no pong and no data for 29 s")


def test_what_did_not_fit_the_protocol_is_told_of_the_connection_that_brought_it_and_at_any_width_of_all() -> None:
    of = market(connections=[connection(0), connection(1)])
    of.connections[1].total.decode_errors = of.totals.counters.decode_errors = 17
    totals, heading, *rows = lines_of(of)
    assert heading.split()[8] == "Errors"
    assert [row.split()[9] for row in rows] == ["0", "17"]
    assert " | 17 decode errors | " in totals
    assert "<warning>17</>" in lines_of(of, palette=TAGGED)[3]
    assert "17 decode errors" in lines_of(of, width=40)[0]


def test_refused_tickers_show_in_the_number_of_subscriptions() -> None:
    of = market(connections=[connection(0, refusals={"ZZZZ": "gateway.invalidrequest"})])
    assert " <warning>49/50</> " in lines_of(of, palette=TAGGED)[2]


def test_it_scrolls_and_stops_at_the_last_connection() -> None:
    on = board(shown())
    on.move(5)
    lines = lines_of(shown(), limit=12, on=on)
    assert [line.split()[0] for line in lines[2:]] == [str(number) for number in range(6, 16)]
    on.move_to_end(is_first=False)
    assert lines_of(shown(), limit=12, on=on)[-1].startswith("30 ")


def test_columns_stay_where_they_are_while_it_scrolls() -> None:
    on = board(shown())
    heading = lines_of(shown(), limit=12, on=on)[1]
    on.move_to_end(is_first=False)
    assert lines_of(shown(), limit=12, on=on)[1] == heading


def test_few_lines_are_for_connections() -> None:
    assert [line.split()[0] for line in lines_of(shown(), limit=4)] == ["#", "1", "2", "3"]


def test_before_the_plan_is_known_it_says_so() -> None:
    assert lines_of(market()) == ["No connection is planned yet."]


@given(statuses, widths, limits, st.floats(1000, 1e7))
def test_it_fits_every_screen_whatever_the_reasons_are(
    found: list[ConnectionStatus], width: int, limit: int, monotonic: float
) -> None:
    of = market(connections=found)
    on = board(of)
    assert_fits(connections(of, on, limit, width, Now(monotonic, NOW.wall), WIDE), width, limit)
