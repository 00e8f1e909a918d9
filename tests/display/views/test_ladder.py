import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.views.ages import Ages
from display.views.ladder import bar, ladder_lines, shares
from display.views.palette import ASCII, COLOURLESS, Palette
from shared.book import Level, book_of
from shared.quotes import Quote
from tests.display.looks import painted
from tests.display.samples import NOW, TAGGED, board_of, market

PLAIN = Palette(len, ASCII)
ASKS: list[Level] = [(306.13, 100), (306.14, 1200), (306.15, 400)]
BIDS: list[Level] = [(306.12, 800), (306.11, 400), (306.10, None)]


def quote_of(bids: list[Level], asks: list[Level], decimals: int = 2, age_s: float = 1.5) -> Quote:
    made = Quote("SBER")
    made.take_book(book_of(bids, asks, decimals), NOW.monotonic - age_s, None)
    return made


def lines_of(quote: Quote, limit: int = 20, width: int = 36, palette: Palette = PLAIN) -> list[str]:
    ages = Ages.of(market([quote]), board_of(market([quote])), NOW, palette)
    return [painted(line, 200, palette).rstrip() for line in ladder_lines(quote, limit, width, ages, palette)]


def test_asks_stand_above_bids_with_the_spread_between_the_best_of_both() -> None:
    assert lines_of(quote_of(BIDS, ASKS)) == [
        "Order book  1.5s +  asks 3, bids 3",
        "ask     306.15      400 ####",
        "ask     306.14    1,200 ############",
        "ask     306.13      100 #",
        "          0.01 spread",
        "bid     306.12      800 ########",
        "bid     306.11      400 ####",
        "bid     306.10      N/A",
    ]


def test_the_book_has_its_own_age_with_colour_and_mark() -> None:
    assert lines_of(quote_of(BIDS, ASKS, age_s=95), palette=TAGGED)[0].startswith(
        "<heading>Order book</>  <stale>1m ○</>"
    )


def test_prices_and_bars_have_the_colours_of_their_sides() -> None:
    ask, _, bid = lines_of(quote_of(BIDS[:1], ASKS[:1]), palette=TAGGED)[1:]
    assert "<ask>    306.13</>" in ask
    assert "<bar ask>█▌</>" in ask
    assert "<bid>    306.12</>" in bid
    assert "<bar bid>████████████</>" in bid


def test_prices_and_bars_of_an_old_book_are_grey() -> None:
    ask, _, bid = lines_of(quote_of(BIDS[:1], ASKS[:1], age_s=95), palette=TAGGED)[1:]
    for line, price in ((ask, "306.13"), (bid, "306.12")):
        assert f"<quiet>    {price}</>" in line
        assert "bar" not in line


@pytest.mark.parametrize(
    ("limit", "first_words"),
    [
        (0, []),
        (1, ["Order"]),
        (2, ["ask", "bid"]),
        (3, ["Order", "ask", "bid"]),
        (4, ["Order", "ask", "0.01", "bid"]),
        (5, ["Order", "ask", "ask", "0.01", "bid"]),
    ],
)
def test_the_best_prices_stay_when_there_is_little_room(limit: int, first_words: list[str]) -> None:
    lines = lines_of(quote_of(BIDS, ASKS), limit=limit)
    assert [line.split()[0] for line in lines] == first_words


@pytest.mark.parametrize(
    ("asks", "bids", "room", "shown"),
    [(20, 20, 10, (5, 5)), (20, 20, 5, (3, 2)), (2, 20, 10, (2, 8)), (20, 2, 10, (8, 2)), (0, 3, 10, (0, 3))],
)
def test_what_one_side_does_not_need_is_the_other_s(asks: int, bids: int, room: int, shown: tuple[int, int]) -> None:
    assert shares(asks, bids, room) == shown


def test_a_book_with_one_side_or_none_is_told_as_that() -> None:
    assert lines_of(quote_of(BIDS[:1], [])) == [
        "Order book  1.5s +  asks 0, bids 1",
        "           N/A spread",
        "bid     306.12      800 ############",
    ]
    assert lines_of(quote_of([], [])) == ["Order book  1.5s +  empty"]
    assert lines_of(Quote("SBER")) == ["Order book  none was received"]


def test_long_prices_and_lots_widen_their_columns() -> None:
    lines = lines_of(quote_of([(1234567.89, 123_456_789_012)], [(1234567.9, 5)]), width=36)
    assert lines[1:] == [
        "ask 1,234,567.90               5",
        "            0.01 spread",
        "bid 1,234,567.89 123,456,789,012",
    ]


def test_a_bar_is_as_much_of_the_room_as_the_lots_are_of_the_most() -> None:
    assert bar(50, 100, 10, COLOURLESS) == "█████"
    assert bar(55, 100, 10, COLOURLESS) == "█████▌"
    assert bar(1, 1_000_000, 10, COLOURLESS) == "▏"
    assert bar(0, 100, 10, COLOURLESS) == bar(-5, 100, 10, COLOURLESS) == bar(5, 100, 3, COLOURLESS) == ""


@given(st.integers(1, 2**53), st.integers(0, 2**53), st.integers(0, 200))
def test_no_bar_is_longer_than_its_room(count: int, more: int, width: int) -> None:
    for palette in (COLOURLESS, PLAIN):
        assert len(bar(count, count + more, width, palette)) <= width
