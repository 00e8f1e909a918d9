"""The detail pane as text: what it has to look like stands in golden/."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from display.board import Board
from display.views.detail import detail
from display.views.palette import ASCII, COLOURLESS, Palette
from display.views.text import columns
from shared.book import Level, book_of
from shared.market import Market
from shared.quotes import Fields, Price, Quote, Stamp
from shared.settings import DisplaySettings
from shared.wire import ConnectionState, Counters
from tests.display.looks import painted
from tests.display.samples import NOW, TAGGED, connection, market, quote, usual_connections

GOLDEN = Path(__file__).parent.parent / "golden"
PLAIN = Palette(len, ASCII)
WIDE = Palette(lambda text: sum(1 + ("\u1100" <= c < "\u2500" or c > "\u2bff") for c in text))

FIELDS: Fields = {
    "TICKER": "SBER",
    "CAPTION": "Сбербанк ао",
    "CHANGE": [1.4, 2],
    "BID": [306.12, 2],
    "OFFER": [306.13, 2],
    "HIGH": [307.5, 2],
    "LOW": [304, 2],
    "HIGHBID": [307.49, 2],
    "LOWOFFER": [304.01, 2],
    "BIDDEPTHT": 412345,
    "OFFERDEPTHT": 398765,
    "VOLTODAY": [1322700, 0],
    "VALTODAY": 405375659,
    "NUMTRADES": 10774,
    "LCLOSEPRICE": None,
    "LCURRENTPRICE": [306.1, 2],
    "PREVPRICE": [304.72, 2],
    "WAPRICE": [305.9, 2],
    "PREVWAPRICE": [304.5, 2],
    "PRICEMINUSPREVWAPRICE": [1.62, 2],
    "QTY": 3,
    "VALUE": [918.36, 2],
    "BASEPRICE": None,
    "MARKETPRICE": [304.5, 2],
    "CURRENCYID": "SUR",
    "SETTLECODE": "Y1",
    "SETTLEDATE1": "2026-01-23",
    "SETTLEDATE2": None,
    "LOTSIZE": 1,
    "FACEUNIT": "SUR",
    "FACEVALUE": [3, 2],
    "ISSUESIZE": 21586948000,
    "ADMITTEDQUOTE": None,
    "TRADINGSTATUS": "T",
    "STATUS": "A",
    "DPVALINDICATORBUY": " ",
    "DPVALINDICATORSELL": " ",
    "TIME": "09:51:20",
    "MINSTEP": [0.01, 2],
    "PRICEMINSTEP": [0.01, 2],
}


def sber(at: float = NOW.monotonic - 1) -> Quote:
    """What is known at that time: a price that swings around 306, and an order book."""
    seconds = at - NOW.monotonic
    last = round(306 + math.sin(seconds / 15), 2)
    made = Quote("SBER", updates=900 + int(seconds * (3 + math.sin(seconds / 9))))
    stamp = Stamp((NOW.wall.timestamp() + seconds - 1.3) * 1000, 1)
    made.take_fields(FIELDS | {"LAST": [last, 2]}, at, stamp, is_full=True)
    asks = [(306.13 + 0.01 * n, 9 * ((53 * n * n + 211) % 997)) for n in range(15)]
    bids = [(306.12 - 0.01 * n, 7 * ((37 * n * n + 113) % 997)) for n in range(12)]
    made.take_book(book_of(bids, asks, 2), at - 0.5, stamp)
    return made


def shown_of(*quotes: Quote) -> Market:
    shown = market(quotes, usual_connections())
    shown.carriers = {"SBER": [3, 12, 17]}
    shown.connections[3].latency_ms = 12.34
    shown.totals.latency_p50_ms, shown.totals.latency_p99_ms = 3.1, 9.84
    return shown


def board_on(shown: Market, ticker: str | None = "SBER", at: float = NOW.monotonic) -> Board:
    """A board with that ticker selected, which saw its first picture at that time."""
    board = Board(DisplaySettings())
    board.advance(shown, at)
    board.selected = ticker
    return board


def two_minutes() -> tuple[Market, Board]:
    board = board_on(shown_of(), at=NOW.monotonic - 123)
    for at in range(-121, 0, 2):
        shown = shown_of(sber(NOW.monotonic + at))
        board.advance(shown, NOW.monotonic + at)
    board.favourites = {"SBER"}
    return shown, board


def lines_of(
    shown: Market, board: Board, limit: int = 24, width: int = 120, palette: Palette = COLOURLESS
) -> list[str]:
    lines = detail(shown, board, limit, width, NOW, palette)
    return [painted(line, width, palette).rstrip() for line in lines]


def golden(name: str) -> list[str]:
    return (GOLDEN / f"{name}.txt").read_text().splitlines()


# ---- how it looks


@pytest.mark.parametrize(("width", "limit"), [(40, 6), (60, 20), (80, 30), (90, 18), (120, 24), (200, 40)])
def test_the_detail_looks_as_agreed(width: int, limit: int) -> None:
    assert lines_of(*two_minutes(), limit, width) == golden(f"detail_{width}")


def test_the_colours_of_the_detail_are_as_agreed() -> None:
    assert lines_of(*two_minutes(), 16, 100, TAGGED) == golden("detail_colours_100")


def test_the_detail_needs_no_more_than_ascii() -> None:
    lines = lines_of(*two_minutes(), 24, 100, PLAIN)
    assert lines == golden("detail_ascii_100")
    assert "".join(lines).replace("Сбербанк ао", "").isascii()


# ---- what it says


def text_of(one: Quote, limit: int = 40, width: int = 120) -> str:
    shown = shown_of(one)
    return "\n".join(lines_of(shown, board_on(shown), limit, width))


def test_without_a_ticker_one_line_says_so() -> None:
    shown = shown_of()
    assert lines_of(shown, board_on(shown, "\x1bGAZP")) == ["Nothing is known of \N{REPLACEMENT CHARACTER}GAZP yet"]
    assert lines_of(shown, board_on(shown, None)) == ["No ticker is selected"]


def test_every_known_field_is_told_with_its_caption_where_there_is_room() -> None:
    text = text_of(sber(), limit=60)
    assert "Last to previous average" in text
    assert "21,586,948,000" in text
    assert "more fields" not in text


@pytest.mark.parametrize(
    ("before", "after", "told"), [(306.1, 306.2, "306.20 ▲"), (306.2, 306.1, "306.10 ▼"), (306.1, 306.1, "306.10  ")]
)
def test_last_has_an_arrow_against_the_trade_before(before: float, after: float, told: str) -> None:
    board = board_on(shown_of(quote("SBER", last=Price(before, 2))))
    shown = shown_of(quote("SBER", last=Price(after, 2)))
    board.advance(shown, NOW.monotonic)
    assert told in lines_of(shown, board)[0] + "  "


def test_what_is_unknown_is_said_to_be_and_is_not_zero() -> None:
    text = text_of(Quote("SBER", updates=1))
    assert text.splitlines()[:2] == [
        "SBER  LAST N/A",
        "Received N/A      by exchange N/A      at N/A      Updates 1,  0.0/s  Latency of all p50  3.1 ms, p99  9.8 ms",
    ]
    assert "Order book  none was received" in text
    assert "All fields  none was received" in text


def test_both_ages_have_their_marks() -> None:
    assert "Received 1.0s ●   by exchange 2.3s ●   at 09:51:21" in text_of(sber())
    assert "Received 1m ○     by exchange 1m ○     at 09:49:47" in text_of(sber(NOW.monotonic - 95))


def test_an_old_price_is_grey_and_so_is_its_change() -> None:
    shown = shown_of(sber(NOW.monotonic - 95))
    name = lines_of(shown, board_on(shown), palette=TAGGED)[0]
    assert "<quiet>305.95</>" in name
    assert "<quiet>+0.46%</>" in name


def test_an_instrument_that_does_not_trade_is_quiet_and_not_stale() -> None:
    silent = quote("SBER", last=Price(306.1, 2), age_s=95, status="B")
    shown = shown_of(silent)
    lines = lines_of(shown, board_on(shown), palette=TAGGED)
    assert "<quiet>break</>" in lines[0]
    assert "<quiet>1m ·   </>" in lines[1]


def test_the_time_that_the_sparklines_cover_is_named() -> None:
    shown, board = two_minutes()
    assert "120s  305.00 to 307.00" in "\n".join(lines_of(shown, board, width=120))
    assert "  52s" in "\n".join(lines_of(shown, board, width=40))


@pytest.mark.parametrize("price", [306.12, 1234567.89, 0.01])
def test_a_range_that_has_no_room_is_left_out_and_not_cut(price: float) -> None:
    board = board_on(shown_of())
    for at, last in ((-4, price), (-2, price * 2)):
        shown = shown_of(quote("SBER", last=Price(last, 2)))
        board.advance(shown, NOW.monotonic + at)
    for width in range(40, 140):
        line = next(line for line in lines_of(shown, board, width=width) if line.startswith("LAST  "))
        assert re.search(rf"\d+s(  {price:,.2f} to {price * 2:,.2f})?$", line), line


def test_the_point_that_is_not_over_is_no_sign_of_fewer_updates() -> None:
    shown, board = two_minutes()
    line = next(line for line in lines_of(shown, board) if line.startswith("Updates"))
    assert line[8 + 60] == " "
    assert " " not in line[9 : 8 + 60]


def test_who_carries_it_is_told_and_trouble_comes_first() -> None:
    assert (
        "Carried by 13 (worker 3) waiting: connection refused (127.0.0.1:9), 4 (worker 1) online 12.3 ms, "
        "18 (worker 4) online"
    ) in text_of(sber(), width=140)


# ---- how it gives way


@pytest.mark.parametrize("limit", range(2, 40))
@pytest.mark.parametrize("width", [30, 40, 60, 90, 200])
def test_ticker_price_and_age_stay_to_the_end(width: int, limit: int) -> None:
    lines = lines_of(*two_minutes(), limit, width)
    assert lines[0].startswith("SBER ★")
    assert "305.93 " in lines[0]
    assert lines[1].startswith("Received 1.0s ●")


@pytest.mark.parametrize("limit", range(5, 40))
@pytest.mark.parametrize("width", [40, 60, 90, 200])
def test_the_best_prices_are_seen_from_five_lines_on(width: int, limit: int) -> None:
    text = "\n".join(lines_of(*two_minutes(), limit, width))
    assert "ask     306.13" in text
    assert "bid     306.12" in text


@pytest.mark.parametrize("width", [0, 1, 5, 40, 59, 60, 89, 90, 200])
@pytest.mark.parametrize("limit", [-1, 0, 1, 2, 3, 5, 10, 24, 100])
def test_the_detail_fits_every_room(width: int, limit: int) -> None:
    lines = detail(*two_minutes(), limit, width, NOW, COLOURLESS)
    assert len(lines) <= max(0, limit)
    assert all(columns(line, COLOURLESS) <= width for line in lines)


TEXTS = st.text(max_size=30) | st.sampled_from(["\x1b[2J", "株式会社" * 20, "x" * 300, "e\u0301" * 9, "\u202e"])
NUMBERS = st.floats(-9e18, 9e18, allow_nan=False) | st.integers(-(2**53), 2**53)
CELLS = TEXTS | NUMBERS | st.none() | st.tuples(NUMBERS, st.integers(0, 12)).map(list)
LEVELS: st.SearchStrategy[list[Level]] = st.lists(
    st.tuples(st.floats(-9e18, 9e18), st.none() | st.integers(-5, 2**53)), max_size=25
)


@settings(max_examples=200)
@given(
    fields=st.dictionaries(st.sampled_from(sorted(FIELDS)) | TEXTS, CELLS, max_size=50),
    bids=LEVELS,
    asks=LEVELS,
    decimals=st.integers(0, 12),
    words=TEXTS,
    updates=st.integers(0, 2**62),
    width=st.integers(0, 220),
    limit=st.integers(-1, 60),
    palette=st.sampled_from([PLAIN, WIDE]),
)
def test_nothing_that_the_exchange_says_is_wider_than_the_screen_or_steers_it(
    fields: Fields,
    bids: list[Level],
    asks: list[Level],
    decimals: int,
    words: str,
    updates: int,
    width: int,
    limit: int,
    palette: Palette,
) -> None:
    one = Quote(words, updates)
    one.take_fields(fields, NOW.monotonic - 1e6, Stamp(5e18, 1), is_full=True)
    one.take_book(book_of(bids, asks, decimals), NOW.monotonic, None)
    troubled = connection(0, ConnectionState.DOWN, words, refusals={"x": words})
    troubled.total = Counters(messages=updates)
    shown = market([one], [troubled])
    shown.carriers = {words: [0]}
    lines = detail(shown, board_on(shown, words), limit, width, NOW, palette)
    assert len(lines) <= max(0, limit)
    for line in lines:
        assert columns(line, palette) <= width
        assert all(span.text.isprintable() for span in line)
