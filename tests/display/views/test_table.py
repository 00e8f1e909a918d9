import pytest

from display.board import Board
from display.order import Sorting, SortKey
from display.views.palette import ASCII, COLOURLESS, Palette
from display.views.table import table
from display.views.text import Line
from shared.quotes import Price, Quote, Stamp
from shared.settings import DisplaySettings
from tests.display.looks import painted
from tests.display.samples import NOW, TAGGED, board_of, market, quote, usual_quotes

AT = NOW.monotonic


def drawn(board: Board, quotes: list[Quote], width: int, palette: Palette = COLOURLESS, limit: int = 50) -> list[Line]:
    return table(market(quotes), board, limit, width, NOW, palette)


def lines_of(quotes: list[Quote], width: int, palette: Palette = COLOURLESS, limit: int = 50) -> list[str]:
    board = board_of(market(quotes))
    return [painted(line, width, palette) for line in drawn(board, quotes, width, palette, limit)]


def row_of(one: Quote, width: int = 200, palette: Palette = COLOURLESS) -> str:
    return lines_of([one], width, palette)[1]


def sber(*, last: float = 306.1, bid: float = 306.12, updates: int = 42, age_s: float = 2.1) -> Quote:
    prices = [Price(price, 2) for price in (bid, 306.13, last)]
    made = quote("SBER", bid=prices[0], ask=prices[1], last=prices[2], volume=1322700, updates=updates, age_s=age_s)
    assert made.fields is not None
    made.fields["CHANGE"] = [3.06, 2]
    return made


def test_the_heading_names_the_columns() -> None:
    names = "Ticker BID ASK Spread LAST Chg % Volume Upd Upd/s▼ Last Update Age Exch."
    assert " ".join(lines_of([], 200)[0].split()) == names


def test_a_row_shows_prices_with_their_own_decimals_and_clock_and_age_of_the_receipt() -> None:
    row = row_of(sber())
    assert row.split() == "SBER 306.12 306.13 0.01 306.10 +1.01% 1322700 42 0.0 09:51:19 2.1s ● N/A".split()


def test_what_is_unknown_is_not_zero() -> None:
    assert row_of(Quote("SBER", updates=1)).split() == ["SBER", *["N/A"] * 6, "1", "0.0", *["N/A"] * 3]
    assert " 0 " in row_of(quote("SBER", volume=0))


def test_the_columns_have_their_colours() -> None:
    text = row_of(sber(), palette=TAGGED)
    for painted_cell in ("<bid>306.12</>", "<ask>306.13</>", "<last>306.10</>", "<up>+1.01%</>", "<active>42</>"):
        assert painted_cell in text
    assert "<fresh>2.1s ●</>" in text


def test_an_old_price_is_grey_and_so_is_what_is_reckoned_from_it() -> None:
    text = row_of(sber(age_s=95), palette=TAGGED)
    for price in ("306.12", "306.13", "0.01", "306.10", "+1.01%"):
        assert f"<quiet>{price}</>" in text


def test_the_count_of_a_quiet_quote_has_no_colour() -> None:
    shown = market([sber()])
    board = board_of(shown, before=shown)
    assert "<active>" not in painted(table(shown, board, 5, 200, NOW, TAGGED)[1], 200, TAGGED)


def test_the_age_by_the_exchange_s_clock_has_its_mark_too() -> None:
    one = sber()
    one.fields_stamp = Stamp((NOW.wall.timestamp() - 12) * 1000, 1)
    assert row_of(one).split()[-2:] == ["12s", "◐"]


# What moves


def after(first: Quote, second: Quote, *more: Quote) -> str:
    """The row after these pictures, one a second."""
    board = Board(DisplaySettings())
    for second_number, one in enumerate((first, second, *more)):
        shown = market([one])
        board.advance(shown, AT + second_number)
    return painted(table(shown, board, 5, 200, NOW, TAGGED)[1], 200, TAGGED)


def test_the_digits_that_changed_stand_out_with_an_arrow_for_one_refresh() -> None:
    before, now = sber(bid=306.12), sber(bid=306.15, updates=43)
    assert "<bid>306.1</><changed>5</><changed>▲</>" in after(before, now)
    assert "<bid>306.15</> " in after(before, now, sber(bid=306.15, updates=44))


def test_a_price_that_fell_has_an_arrow_down() -> None:
    assert "<bid>30</><changed>5.99</><changed>▼</>" in after(sber(bid=306.12), sber(bid=305.99, updates=43))


def test_a_price_of_another_length_is_new_as_a_whole() -> None:
    assert "<changed>99.99</>" in after(sber(bid=100.0), sber(bid=99.99, updates=43))


def test_last_is_up_or_down_against_the_trade_before_for_as_long_as_there_is_no_other() -> None:
    up, again = sber(last=306.2, updates=43), sber(last=306.2, updates=44)
    assert "<up>306.</><changed>20</><up>▲</>" in after(sber(), up)
    assert "<up>306.20</><up>▲</>" in after(sber(), up, again)
    assert "<down>306.10</><down>▼</>" in after(sber(last=307), sber(), sber(updates=44))


# Fitting


def test_rows_are_as_many_as_fit() -> None:
    assert len(lines_of(usual_quotes(), 100, limit=3)) == 4
    assert lines_of(usual_quotes(), 100, limit=0) == lines_of(usual_quotes(), 100, limit=-1)


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (108, "Ticker BID ASK Spread LAST Chg % Volume Upd Upd/s▼ Last Update Age Exch."),
        (100, "Ticker BID ASK Spread LAST Chg % Volume Upd Upd/s▼ Last Update Age"),
        (93, "Ticker BID ASK Spread LAST Chg % Volume Upd Last Update Age"),
        (85, "Ticker BID ASK LAST Chg % Volume Upd Last Update Age"),
        (79, "Ticker BID ASK LAST Chg % Volume Last Update Age"),
        (68, "Ticker BID ASK LAST Chg % Last Update Age"),
        (56, "Ticker BID ASK LAST Chg % Age"),
        (48, "Ticker BID ASK LAST Age"),
        (38, "Ticker BID LAST Age"),
        (28, "Ticker LAST Age"),
        (18, "Ticker Age"),
        (10, "Ticker"),
    ],
)
def test_columns_give_way_by_priority(width: int, names: str) -> None:
    assert " ".join(lines_of([sber()], width)[0].split()) == names


EXTREMES = [
    quote("VEON-RX", bid=Price(1234567.89, 2), ask=Price(1234567.9, 2), last=Price(0.000012, 6), volume=123456789012),
    quote("AVERYLONGTICKERINDEED", bid=Price(9e18, 12), volume=10**15, updates=123_456_789, age_s=1e7),
    quote("SiZ6", last=Price(-37.63, 2), updates=10_000),
]


@pytest.mark.parametrize("width", range(1, 140))
def test_no_row_is_wider_than_the_screen_and_the_ages_stand_below_each_other(width: int) -> None:
    lines = lines_of(EXTREMES, width)
    assert max(map(len, lines)) <= width
    if "Age" in lines[0]:
        assert len({line.rindex("s ●") for line in lines[1:] if "s ●" in line}) == 1


def test_prices_are_shown_whole_however_long_they_are() -> None:
    assert {"1234567.89", "1234567.90", "0.000012", "123456789012"} <= set(row_of(EXTREMES[0]).split())


@pytest.mark.parametrize(
    ("updates", "short"),
    [(9_999, "9999"), (10_000, "10k"), (999_999, "999k"), (1_234_567, "1M"), (12_000_000_000, "12G")],
)
def test_a_long_count_is_told_in_short(updates: int, short: str) -> None:
    assert short in row_of(quote("SBER", updates=updates)).split()


def test_no_column_becomes_narrower_again_so_that_nothing_moves_sideways() -> None:
    board = board_of(market(EXTREMES))
    before = drawn(board, EXTREMES, 200)[0]
    board.advance(market([sber()]), AT + 1)
    assert drawn(board, [sber()], 200)[0] == before


def test_a_ticker_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in row_of(quote("\x1b[2J"))


# What the person chose


def test_the_column_that_sorts_is_marked_with_its_direction() -> None:
    board = board_of(market(usual_quotes()))
    for is_descending, arrow in ((True, "▼"), (False, "▲")):
        board.sort(Sorting(SortKey.VOLUME, is_descending), AT)
        heading = painted(drawn(board, usual_quotes(), 200)[0], 200, COLOURLESS)
        assert f"Volume{arrow}" in heading
        assert heading.count("▼") + heading.count("▲") == 1


def test_the_selected_row_is_marked_as_a_whole_and_by_a_sign() -> None:
    board = board_of(market(usual_quotes()))
    board.rows(9)
    board.move(1)
    lines = drawn(board, usual_quotes(), 120)
    assert [all(span.is_selected for span in line) for line in lines[1:]] == [True] + [False] * 5
    assert lines[1][0].text == "►"


def test_a_favourite_has_its_sign() -> None:
    board = board_of(market([sber()]))
    board.favourites.add("SBER")
    assert painted(drawn(board, [sber()], 120)[1], 120, COLOURLESS).startswith(" ★ SBER")


def test_without_unicode_everything_is_ascii() -> None:
    board = board_of(market([sber()]))
    board.favourites.add("SBER")
    board.rows(9)
    board.move(1)
    lines = drawn(board, [sber()], 200, COLOURLESS._replace(glyphs=ASCII))
    assert all(painted(line, 200, COLOURLESS).isascii() for line in lines)
