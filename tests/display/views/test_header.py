import pytest

from display.views.header import figures, title
from display.views.palette import COLOURLESS
from display.views.text import painted
from shared.market import Market
from tests.display.samples import NOW, TAGGED, connection, market, quote, usual_connections

FULL = "  MOEX Real-time Monitor - 1500 Tickers (30 Connections x 50 Each)"


def title_of(shown: Market, width: int) -> str:
    return painted(title(shown.totals, width, COLOURLESS), width, COLOURLESS)


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


def test_a_title_that_does_not_fit_leaves_out_whole_parts_first() -> None:
    assert title_of(market(), 60) == "  MOEX Real-time Monitor - 1500 Tickers"
    assert title_of(market(), 30) == "  MOEX Real-time Monitor"


def test_the_figures_stand_on_one_line_where_it_is_wide_enough() -> None:
    shown = market([quote("SBER")], usual_connections())
    (line,) = figures(shown, NOW, 120, COLOURLESS)
    assert painted(line, 120, COLOURLESS) == (
        "Connections: 28/30 | Updates: 1234 | Tickers: 1/259 | With Prices: 0 | Rate: 12.5 msg/s | Uptime: 98s"
    )


def test_figures_that_do_not_fit_go_to_the_next_line() -> None:
    lines = [painted(line, 60, COLOURLESS) for line in figures(market(), NOW, 60, COLOURLESS)]
    assert lines == [
        "Connections: 0/30 | Updates: 1234 | Tickers: 0/259",
        "With Prices: 0 | Rate: 12.5 msg/s | Uptime: 98s",
    ]


@pytest.mark.parametrize(("online", "role"), [(30, "good"), (29, "warning"), (0, "trouble")])
def test_the_number_of_connections_shows_by_colour_whether_all_is_well(online: int, role: str) -> None:
    shown = market(connections=[connection(number) for number in range(online)])
    assert f"<{role}>{online}/30</>" in painted(figures(shown, NOW, 120, TAGGED)[0], 120, TAGGED)
