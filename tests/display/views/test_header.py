from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.views.header import figures, title
from display.views.palette import COLOURLESS, Palette
from shared.market import Market
from shared.session import session_of
from shared.wire import Counters
from tests.display.looks import WIDE, assert_fits, drawn, harmful, painted, widths
from tests.display.samples import NOW, TAGGED, connection, market, quote, usual_connections

FULL = "  MOEX Real-time Monitor - 1500 Tickers (30 Connections x 50 Each)"


def title_of(shown: Market, width: int) -> str:
    return painted(title(shown.totals, width, COLOURLESS), width, COLOURLESS)


def figures_of(shown: Market, width: int = 120, palette: Palette = COLOURLESS) -> list[str]:
    return drawn(figures(shown, session_of(shown), NOW, width, palette), palette)


def items_of(shown: Market) -> list[str]:
    return [item.strip() for item in figures_of(shown, 999)[0].split("|")]


def all_there_is() -> Market:
    shown = market([quote("SBER")], usual_connections(), is_guest=True)
    totals = shown.totals
    totals.counters.reconnects, totals.worker_restarts = 3, 1
    totals.latency_p50_ms, totals.latency_p99_ms, totals.queue_age_s = 3.2, 12.34, 0.1
    totals.is_exchange_open, totals.session_changes_at = True, (NOW.wall + timedelta(hours=8)).timestamp()
    return shown


def test_the_title_holds_the_numbers_of_the_settings() -> None:
    assert title_of(market(), 80) == FULL


def test_a_simulated_exchange_is_called_so_at_the_right_edge() -> None:
    text = title_of(market(is_simulated=True), 107)
    assert text == FULL + " " * (107 - len(FULL) - 18) + "SIMULATED EXCHANGE"


@pytest.mark.parametrize("width", range(18, 200))
def test_a_simulated_exchange_is_called_so_at_every_width(width: int) -> None:
    text = title_of(market(is_simulated=True), width)
    assert text.endswith("SIMULATED EXCHANGE")
    assert len(text) <= width


@pytest.mark.parametrize("width", range(11, 200))
def test_data_that_come_late_are_called_so_at_every_width_unless_all_is_simulated(width: int) -> None:
    text = title_of(market(is_guest=True), width)
    assert text.endswith("DELAYED 15m")
    assert len(text) <= width
    assert "DELAYED" not in title_of(market(is_guest=True, is_simulated=True), width)


def test_a_title_that_does_not_fit_leaves_out_whole_parts_first() -> None:
    assert title_of(market(), 60) == "  MOEX Real-time Monitor - 1500 Tickers"
    assert title_of(market(), 30) == "  MOEX Real-time Monitor"


def test_all_figures_have_their_places_the_most_important_ones_first() -> None:
    assert figures_of(all_there_is(), 110) == [
        "Connections: 28/30 | Updates: 1234 | Tickers: 1/259 | With Prices: 0 | Rate: 12.5 msg/s    | Uptime: 98s",
        "Session: open until 17:51 | guest login: data delayed by 15 minutes | Subscriptions: 1399/1500, 1 refused",
        "Latency: p50  3.2 ms, p99 12.3 ms | Queue age:  0.1s | Reconnects: 3 | Worker restarts: 1",
        "Average: 12.7 msg/s    | Instruments: ISS REST",
    ]


def test_figures_that_do_not_fit_go_to_the_next_line() -> None:
    assert figures_of(market(), 60)[:2] == [
        "Connections: 0/30 | Updates: 1234 | Tickers: 0/259",
        "With Prices: 0 | Rate: 12.5 msg/s    | Uptime: 98s",
    ]


def test_figures_that_go_up_and_down_move_nothing_beside_them() -> None:
    fast, slow = all_there_is(), all_there_is()
    fast.totals.rate_now, fast.totals.queue_age_s = 98765.4, 59.0
    fast.totals.latency_p50_ms, fast.totals.latency_p99_ms = 901_234.0, 86_400_000.0
    bars = [[at for at, sign in enumerate(line) if sign == "|"] for line in figures_of(slow)]
    assert bars == [[at for at, sign in enumerate(line) if sign == "|"] for line in figures_of(fast)]


def test_what_is_not_known_yet_is_not_zero() -> None:
    items = items_of(market([quote("SBER", status="?")]))
    assert "Latency: p50     N/A, p99     N/A" in items
    assert "Queue age:   N/A" in items
    assert not any(item.startswith("Session") for item in items)


def test_what_has_not_happened_takes_no_place() -> None:
    text = "\n".join(items_of(market(connections=[connection(number) for number in range(30)])))
    assert "Reconnects" not in text
    assert "Worker restarts" not in text
    assert "Subscriptions: 1500/1500\n" in text


@pytest.mark.parametrize(("online", "role"), [(30, "good"), (29, "warning"), (0, "trouble")])
def test_the_number_of_connections_shows_by_colour_whether_all_is_well(online: int, role: str) -> None:
    shown = market(connections=[connection(number) for number in range(online)])
    assert f"<{role}>{online}/30</>" in figures_of(shown, palette=TAGGED)[0]


def test_the_delay_of_the_guest_login_is_told_unless_all_is_simulated() -> None:
    text = "guest login: data delayed by 15 minutes"
    assert text in items_of(market(is_guest=True))
    assert text not in items_of(market(is_guest=True, is_simulated=True))


@pytest.mark.parametrize(
    ("status", "is_open", "hours", "text"),
    [
        ("T", True, 2, "open until 11:51"),
        ("T", True, None, "open"),
        ("T", True, -1, "open"),
        ("T", False, 2, "open"),
        ("T", None, None, "open"),
        ("S", True, 2, "auction"),
        ("B", True, 2, "break"),
        ("N", False, 2, "closed until 11:51"),
        ("N", False, 24, "closed until Fri 09:51"),
        ("N", False, 24 * 12, "closed until 2026-02-03 09:51"),
        ("N", True, 2, "closed"),
    ],
)
def test_the_session_is_told_in_local_time_as_far_as_the_calendar_knows_and_agrees(
    status: str, is_open: bool | None, hours: float | None, text: str
) -> None:
    shown = market([quote("SBER", status=status)])
    shown.totals.is_exchange_open = is_open
    if hours is not None:
        shown.totals.session_changes_at = (NOW.wall + timedelta(hours=hours)).timestamp()
    assert f"Session: {text}" in items_of(shown)


def test_a_queue_that_is_late_is_coloured() -> None:
    shown = market()
    shown.totals.queue_age_s = 2.5
    assert "Queue age: <warning> 2.5s</>" in "\n".join(figures_of(shown, palette=TAGGED))


@given(harmful, st.integers(0, 2**62), widths)
def test_it_fits_every_screen(source: str, count: int, width: int) -> None:
    shown = market(connections=usual_connections())
    shown.totals.instruments_source, shown.totals.counters = source, Counters(count, count, reconnects=count)
    assert_fits(figures(shown, session_of(shown), NOW, width, WIDE), width, 99)
