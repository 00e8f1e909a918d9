import pytest

from display.views.ages import Ages
from display.views.fields import MOST_WIDTH, field_lines, field_page
from display.views.palette import ASCII, Palette
from shared.quotes import Fields, Quote
from tests.display.looks import painted
from tests.display.samples import NOW, board_of, market

PLAIN = Palette(len, ASCII)
FIELDS: Fields = {
    "TICKER": "SBER",
    "NUMTRADES": 10774,
    "LCLOSEPRICE": None,
    "BID": [306.12, 2],
    "ZNEW": "\x1b[2J",
    "ANEW": 0,
    "STATUS": "A",
    "LAST": [306.1, 2],
}


def lines_of(fields: Fields | None, limit: int = 20, width: int = 34) -> list[str]:
    quote = Quote("SBER", fields=fields, fields_at=None if fields is None else NOW.monotonic - 1.5)
    ages = Ages.of(market([quote]), board_of(market([quote])), NOW, PLAIN)
    return [painted(line, 200, PLAIN).rstrip() for line in field_lines(quote, limit, width, ages, PLAIN)]


def test_fields_are_told_by_importance_then_by_name_and_unknown_ones_last() -> None:
    assert lines_of(FIELDS) == [
        "All fields  1.5s +",
        "Last                        306.10",
        "Bid                         306.12",
        "Trades today                10,774",
        "Status                  A: allowed",
        "Ticker                        SBER",
        "ANEW                             0",
        "ZNEW                          \N{REPLACEMENT CHARACTER}[2J",
        "Official closing price         N/A",
    ]


def test_they_stand_in_as_few_columns_as_they_fit_in() -> None:
    lines = lines_of(FIELDS, limit=5, width=71)
    assert [line.split()[0] for line in lines] == ["All", "Last", "Bid", "Trades", "Status"]
    assert lines[1] == "Last                        306.10   Ticker                        SBER"
    assert len(lines_of(FIELDS, limit=9, width=71)) == 9


def test_on_a_wide_screen_a_value_stays_near_its_caption() -> None:
    assert max(map(len, lines_of(FIELDS, width=200))) == MOST_WIDTH


def test_those_that_find_no_room_are_counted() -> None:
    assert lines_of(FIELDS, limit=4)[1:] == [
        "Last                        306.10",
        "Bid                         306.12",
        "and 6 more fields",
    ]
    assert lines_of(FIELDS, limit=2)[1:] == ["and 8 more fields"]


def test_without_the_securities_stream_there_are_none() -> None:
    assert lines_of(None) == ["All fields  none was received"]


def test_of_a_value_that_is_too_long_the_beginning_is_shown_and_of_its_caption_too() -> None:
    assert lines_of({"PRICEMINUSPREVWAPRICE": "x" * 100}, width=30)[1:] == ["Last t... xxxxxxxxxxxxxxxxx..."]


@pytest.mark.parametrize("limit", range(-1, 12))
@pytest.mark.parametrize("width", [1, 2, 10, 30, 60, 90, 150])
def test_they_fit_every_room(limit: int, width: int) -> None:
    lines = lines_of(FIELDS, limit, width)
    assert len(lines) <= max(0, limit)
    assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize(("width", "limit"), [(40, 3), (40, 8), (71, 4), (200, 30)])
def test_page_by_page_every_field_can_be_reached(width: int, limit: int) -> None:
    quote = Quote("SBER", fields=FIELDS, fields_at=NOW.monotonic - 1.5)
    ages = Ages.of(market([quote]), board_of(market([quote])), NOW, PLAIN)
    seen, pages = "", 0
    for wanted in range(1, 20):
        lines, page = field_page(quote, wanted, limit, width, ages, PLAIN)
        assert len(lines) <= limit
        seen += "\n".join(painted(line, width, PLAIN) for line in lines)
        pages = max(pages, page)
    assert all(caption in seen for caption in ("Last", "Bid", "Trades today", "Status", "ANEW", "ZNEW", "Official"))
    assert f"page {pages} of {pages}" in seen
