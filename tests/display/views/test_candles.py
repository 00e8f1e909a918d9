from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.board import Board, View
from display.views.candles import candles
from display.views.palette import COLOURLESS, Palette
from shared.market import Market
from shared.quotes import Candle, Price, Quote
from tests.display.looks import WIDE, assert_fits, drawn, golden, harmful, limits, widths
from tests.display.samples import NOW, TAGGED, board_of, market, quote

prices = st.none() | st.builds(Price, st.floats(-1e18, 1e18), st.integers(0, 6))


def candle(
    opened: float, close: float, *, decimals: int = 2, volume: int | None = 1234, start: str = "2026-01-22 09:50:00"
) -> Candle:
    high, low = max(opened, close) + 1, min(opened, close) - 1
    four = [Price(value, decimals) for value in (opened, high, low, close)]
    return Candle(start, four[0], four[1], four[2], four[3], 1.0, volume)


def with_candle(ticker: str, found: Candle, age_s: float = 2.0, *, updates: int = 1, status: str = "T") -> Quote:
    made = quote(ticker, updates=updates, status=status)
    made.take_candle(found, NOW.monotonic - age_s, None)
    return made


def usual() -> Market:
    found = [
        with_candle("SBER", candle(306.1, 306.15), updates=900),
        with_candle("GAZP", candle(131.4, 131.2), 12.0, updates=800),
        with_candle("TGKA", candle(2.005412, 2.005412, decimals=6), 95.0, updates=700),
        quote("VEON-RX", updates=600),
        with_candle("SiZ6", candle(90000, 90001, decimals=0, volume=None), 95.0, updates=5, status="N"),
    ]
    made = market(found)
    made.totals.streams = ["orderbooks", "securities", "candles"]
    return made


board = partial(board_of, view=View.CANDLES)


def lines_of(
    of: Market, width: int = 120, limit: int = 40, palette: Palette = COLOURLESS, on: Board | None = None
) -> list[str]:
    return drawn(candles(of, on or board(of), limit, width, NOW, palette), palette)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_candles_look_as_agreed(width: int) -> None:
    of = usual()
    on = board(of)
    on.selected, on.favourites = "GAZP", {"SBER", "GAZP"}
    assert lines_of(of, width, on=on) == golden(f"candles_{width}")


def test_the_colours_tell_rising_from_falling() -> None:
    rows = {line.split()[0]: line for line in lines_of(usual(), palette=TAGGED)[1:]}
    assert "<up>306.15▲</>" in rows["SBER"]
    assert "<down>131.20▼</>" in rows["GAZP"]
    assert "2.005412 " in rows["TGKA"]
    assert "<stale>" in rows["TGKA"]
    assert "<quiet>" in rows["SiZ6"]


def test_the_prices_of_an_old_candle_are_grey() -> None:
    [_, row] = lines_of(market([with_candle("SBER", candle(306.1, 306.15), 95.0)]), palette=TAGGED)
    for price in ("306.10", "307.15", "305.10", "306.15▲"):
        assert f"<quiet>{price}</>" in row


def test_the_rows_are_those_of_the_table() -> None:
    of = usual()
    on = board(of)
    on.move(4)
    lines = lines_of(of, limit=3, on=on)
    assert [row.quote.ticker for row in on.rows(2)] == [line.strip("► ").split()[0] for line in lines[1:]]


def test_the_selected_row_is_marked() -> None:
    of = usual()
    on = board(of)
    on.selected = "GAZP"
    lines = candles(of, on, 40, 120, NOW, COLOURLESS)
    marked = [line for line in lines if any(span.is_selected for span in line)]
    assert [line.split()[:2] for line in drawn(marked)] == [["►", "GAZP"]]


def test_a_start_in_another_form_is_told_as_it_is() -> None:
    of = market([with_candle("SBER", candle(1, 2, start="noon"))])
    assert "noon" in lines_of(of)[1]


def test_a_stream_that_is_not_subscribed_says_how_it_is_switched_on() -> None:
    text = "Candles are not subscribed. To see them, start with --streams orderbooks,securities,candles"
    assert lines_of(market([quote("SBER")])) == [text]


@given(
    st.lists(
        st.tuples(
            harmful, st.builds(Candle, harmful, prices, prices, prices, prices, st.none(), st.none() | st.integers())
        ),
        max_size=5,
    ),
    widths,
    limits,
)
def test_it_fits_every_screen_whatever_the_exchange_sends(
    found: list[tuple[str, Candle]], width: int, limit: int
) -> None:
    of = market(with_candle(ticker, one) for ticker, one in found)
    on = board(of)
    on.move(1)
    assert_fits(candles(of, on, limit, width, NOW, WIDE), width, limit)
