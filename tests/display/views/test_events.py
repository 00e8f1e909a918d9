from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.board import Board, View
from display.views.events import events
from display.views.palette import COLOURLESS, Palette
from shared.market import Market
from shared.wire import Event
from tests.display.looks import WIDE, assert_fits, drawn, golden, harmful, limits, widths
from tests.display.samples import NOW, TAGGED, board_of, market


def event(age_s: float, source: str, text: str) -> Event:
    return Event((NOW.wall - timedelta(seconds=age_s)).timestamp(), source, text)


def market_with(*told: Event) -> Market:
    made = market()
    for one in told:
        made.tell(one)
    return made


USUAL = market_with(
    event(90_000, "instruments", "259 tickers from iss.moex.com (259 shares of TQBR)"),
    event(300, "connection 13", "online: all subscriptions sent"),
    *(event(200 - n, "connection 13", "waiting: connection refused (127.0.0.1:9)") for n in range(12)),
    event(100, "connection 2", "refused: Access denied"),
    event(50, "worker 5", "killed by SIGKILL, with all that it had on its mind and not yet told to anybody else"),
    event(1, "соединение", "株式会社 не отвечает"),
)


board = partial(board_of, view=View.EVENTS)


def lines_of(
    of: Market, width: int = 120, limit: int = 40, palette: Palette = COLOURLESS, on: Board | None = None
) -> list[str]:
    return drawn(events(of, on or board(of), limit, width, NOW, palette), palette)


@pytest.mark.parametrize(("width", "limit"), [(40, 20), (80, 20), (120, 20)])
def test_the_events_look_as_agreed(width: int, limit: int) -> None:
    assert lines_of(USUAL, width, limit) == golden(f"events_{width}")


def test_the_newest_comes_first_in_local_time_with_the_day_where_that_is_not_today() -> None:
    lines = lines_of(market_with(event(86_400, "a", "yesterday"), event(2, "b", "now")))
    assert lines[1:] == ["09:51:20     b  now", "01-21 09:51  a  yesterday"]


def test_equal_ones_in_a_row_are_counted() -> None:
    same = [event(age, "connection 1", "waiting: lost") for age in (9, 8, 7)]
    lines = lines_of(market_with(*same, event(6, "connection 1", "online: well"), same[0]))
    assert [line.partition("  ")[2] for line in lines[1:]] == [
        "connection 1  waiting: lost",
        "connection 1  online: well",
        "connection 1  waiting: lost (x3)",
    ]


def test_an_event_has_the_colour_of_the_state_that_it_tells_of() -> None:
    texts = ["online: well", "waiting: lost", "refused: denied", "down: worker 1 died", "killed by SIGKILL"]
    lines = lines_of(market_with(*(event(9, "a", text) for text in texts)), palette=TAGGED)
    roles = [next((role for role in ("good", "warning", "trouble") if f"<{role}>" in line), None) for line in lines]
    assert roles[1:] == [None, "trouble", "trouble", "warning", "good"]


@pytest.mark.parametrize("width", [25, 40, 70, 100])
def test_nothing_of_a_long_text_is_lost(width: int) -> None:
    text = "the reason is /a/path/so/long/that/no/line/of/any/terminal/can/hold/it/as/a/whole and more"
    told = "".join(lines_of(market_with(event(1, "a", text)), width)[1:])
    assert "".join(text.split()) in "".join(told.split())


def test_it_scrolls_and_stops_at_the_oldest() -> None:
    of = market_with(*(event(100 - n, "a", f"number {n}") for n in range(50)))
    on = board(of)
    assert lines_of(of, limit=11, on=on)[1].endswith("number 49")
    on.move(3)
    assert lines_of(of, limit=11, on=on)[1].endswith("number 46")
    on.move_to_end(is_first=False)
    assert lines_of(of, limit=11, on=on)[-1].endswith("number 0")


def test_before_anything_has_happened_it_says_so() -> None:
    assert lines_of(market()) == ["Nothing has happened yet."]


@given(st.lists(st.builds(Event, st.floats(0, 4e9), harmful, harmful), max_size=8), widths, limits)
def test_it_fits_every_screen_whatever_the_texts_are(told: list[Event], width: int, limit: int) -> None:
    of = market_with(*told)
    assert_fits(events(of, board(of), limit, width, NOW, WIDE), width, limit)
