import re

import pytest

from display.views.palette import COLOURLESS, Palette
from display.views.table import table
from display.views.text import painted
from shared.quotes import Price, Quote
from tests.display.samples import NOW, TAGGED, board_of, market, quote, usual_quotes

HEADING = "Ticker |      BID |      ASK |     LAST |       Volume |  Upd | Last Update"


def lines_of(quotes: list[Quote], width: int, palette: Palette = COLOURLESS, limit: int = 50) -> list[str]:
    board = board_of(market(quotes))
    return [painted(line, width, palette) for line in table(board, limit, width, NOW, palette)]


def row_of(one: Quote, width: int = 200, palette: Palette = COLOURLESS) -> str:
    return lines_of([one], width, palette)[1]


def sber(*, age_s: float = 2.1, status: str = "T") -> Quote:
    prices = {"bid": Price(306.12, 2), "ask": Price(306.13, 2), "last": Price(306.1, 2)}
    return quote("SBER", **prices, volume=1322700, updates=42, age_s=age_s, status=status)


def test_the_heading_names_the_columns() -> None:
    assert lines_of([], 100)[0].rstrip() == HEADING


def test_a_row_shows_prices_with_their_own_decimals_and_clock_and_age_of_the_receipt() -> None:
    assert row_of(sber()) == "SBER   |   306.12 |   306.13 |   306.10 |      1322700 |   42 | 09:51:19  2.1s"


def test_what_is_unknown_is_not_zero() -> None:
    nothing = Quote("SBER", updates=1)
    assert row_of(nothing).split(" | ")[1:] == ["     N/A"] * 3 + ["         N/A", "   1", "N/A           "]
    assert "| " + " " * 11 + "0 |" in row_of(quote("SBER", volume=0))


def test_the_columns_have_their_colours() -> None:
    text = row_of(sber(), palette=TAGGED)
    assert "<bid>  306.12</> | <ask>  306.13</> | <last>  306.10</> | " in text
    assert "<active>  42</>" in text


def test_the_count_of_a_quiet_quote_has_no_colour() -> None:
    shown = market([sber()])
    board = board_of(shown, before=shown)
    assert " |   42 | " in painted(table(board, 5, 200, NOW, TAGGED)[1], 200, TAGGED)


@pytest.mark.parametrize(
    ("age_s", "status", "role"),
    [
        (4.9, "T", "fresh"),
        (5.1, "T", "aging"),
        (29.9, "T", "aging"),
        (30.1, "T", "stale"),
        (30.1, "N", "quiet"),
        (6.0, "C", "quiet"),
        (1.0, "N", "fresh"),
    ],
)
def test_the_age_is_coloured_by_the_limits_and_old_is_no_fault_where_nothing_is_traded(
    age_s: float, status: str, role: str
) -> None:
    assert f"<{role}>09:5" in row_of(sber(age_s=age_s, status=status), palette=TAGGED)


def test_rows_are_as_many_as_fit() -> None:
    assert len(lines_of(usual_quotes(), 100, limit=3)) == 4
    assert lines_of(usual_quotes(), 100, limit=0) == lines_of(usual_quotes(), 100, limit=-1)


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (78, ["Ticker", "BID", "ASK", "LAST", "Volume", "Upd", "Last Update"]),
        (77, ["Ticker", "BID", "ASK", "LAST", "Volume", "Last Update"]),
        (70, ["Ticker", "BID", "ASK", "LAST", "Upd", "Last Update"]),
        (60, ["Ticker", "BID", "ASK", "LAST", "Last Update"]),
        (50, ["Ticker", "BID", "ASK", "LAST", "Age"]),
        (30, ["Ticker", "LAST", "Age"]),
        (14, ["Ticker", "Age"]),
        (6, ["Ticker"]),
    ],
)
def test_columns_give_way_by_priority(width: int, columns: list[str]) -> None:
    assert [name.strip() for name in lines_of([sber()], width)[0].split("|")] == columns


EXTREMES = [
    quote("VEON-RX", bid=Price(1234567.89, 2), ask=Price(1234567.9, 2), last=Price(0.000012, 6), volume=123456789012),
    quote("AVERYLONGTICKERINDEED", bid=Price(9e18, 12), volume=10**15, updates=123_456_789, age_s=1e7),
    quote("SiZ6", last=Price(-37.63, 2), updates=10_000),
]


@pytest.mark.parametrize("width", range(1, 140))
def test_no_row_is_wider_than_the_screen_and_every_column_is_aligned(width: int) -> None:
    lines = lines_of(EXTREMES, width)
    assert max(map(len, lines)) <= width
    if width >= 14:
        bars = [[match.start() for match in re.finditer(r"\|", line)] for line in lines]
        assert all(positions == bars[0] for positions in bars)


def test_prices_are_shown_whole_however_long_they_are() -> None:
    cells = [cell.strip() for cell in lines_of(EXTREMES[:1], 200)[1].split("|")]
    assert cells[1:5] == ["1234567.89", "1234567.90", "0.000012", "123456789012"]


@pytest.mark.parametrize(
    ("updates", "short"),
    [(9_999, "9999"), (10_000, " 10k"), (999_999, "999k"), (1_234_567, "  1M"), (12_000_000_000, " 12G")],
)
def test_a_count_too_long_for_a_narrow_screen_is_told_in_short(updates: int, short: str) -> None:
    busy = quote("SBER", updates=updates)
    assert row_of(busy, 78).split(" | ")[5] == short
    assert row_of(busy, 200).split(" | ")[5].strip() == str(updates)


def test_rows_below_the_screen_count_for_the_widths_so_that_no_column_moves() -> None:
    assert lines_of(EXTREMES, 200, limit=1)[0] == lines_of(EXTREMES, 200)[0]


def test_a_ticker_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in row_of(quote("\x1b[2J"))
