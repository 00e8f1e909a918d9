import pytest

from display.board import View
from display.views.footer import footer
from display.views.palette import COLOURLESS
from shared.market import Market
from shared.wire import Counters
from tests.display.looks import painted
from tests.display.samples import NOW, board_of, connection, market, usual_connections, without_route


def lines_of(shown: Market, *, limit: int = 20, width: int = 120) -> list[str]:
    found = footer(shown, board_of(shown), limit, width, NOW, COLOURLESS)
    return [painted(line, width, COLOURLESS) for line in found]


def test_connections_with_trouble_are_told_by_number_and_reason() -> None:
    lines = lines_of(market(connections=usual_connections()))
    assert lines[:2] == [
        "Trouble: 13 waiting 3s: connection refused (127.0.0.1:9)",
        "         21 down: worker 5 killed by SIGKILL",
    ]


def test_without_a_route_the_demo_is_offered() -> None:
    assert "No route to the exchange? Try: make demo" in lines_of(market(connections=without_route()))
    assert "No route to the exchange? Try: make demo" not in lines_of(market(connections=usual_connections()))


def test_refused_tickers_are_counted_and_named() -> None:
    assert "Refused tickers (1): ZZZZ (gateway.invalidrequest)" in lines_of(market(connections=usual_connections()))


def test_many_refused_tickers_are_not_all_named() -> None:
    refusals = {f"T{n:02}": "Access denied" for n in range(50)}
    lines = lines_of(market(connections=[connection(0, refusals=refusals)]), width=300)
    assert any(line.startswith("Refused tickers (50): T00, ") and "and 30 more" in line for line in lines)


def test_a_reason_too_long_for_a_line_goes_on_below_itself() -> None:
    lines = lines_of(market(connections=usual_connections()), width=40)
    assert lines[:2] == ["Trouble: 13 waiting 3s: connection", "         refused (127.0.0.1:9)"]


def test_bodies_that_could_not_be_read_are_told_when_there_were_any() -> None:
    shown = market(connections=[connection(0)])
    assert "Decode errors" not in "\n".join(lines_of(shown))
    shown.totals.counters = Counters(decode_errors=3)
    assert "Decode errors: 3" in lines_of(shown)


@pytest.mark.parametrize(
    ("gateway", "told"),
    [
        ("iss.moex.com", None),
        ("wss://iss.moex.com/infocx/v3/websocket", None),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("ws://127.0.0.1:9/infocx/v3/websocket", "127.0.0.1:9"),
        ("iss.moex.com.evil.example", "iss.moex.com.evil.example"),
    ],
)
def test_a_gateway_that_is_not_the_exchange_s_own_is_named(gateway: str, told: str | None) -> None:
    text = "\n".join(lines_of(market(gateway=gateway)))
    assert (f"Gateway: {told}" in text) if told else ("Gateway" not in text)


def test_the_gateway_of_a_simulated_exchange_is_not_worth_a_line() -> None:
    assert "Gateway" not in "\n".join(lines_of(market(gateway="127.0.0.1:9", is_simulated=True)))


def test_before_the_plan_is_known_the_list_is_being_loaded() -> None:
    assert lines_of(market())[0] == "Loading the list of instruments..."


def test_a_hub_that_fell_silent_is_told() -> None:
    shown = market(connections=usual_connections())
    later = NOW._replace(monotonic=NOW.monotonic + 7)
    found = footer(shown, board_of(shown), 20, 120, later, COLOURLESS)
    assert painted(found[0], 120, COLOURLESS) == "No news from the collector for 7.0s"


def test_a_hub_that_is_asked_seldom_is_not_silent() -> None:
    shown = market(connections=usual_connections())
    board = board_of(shown)
    board.refresh_s = 30.0
    for elapsed_s, is_told in ((59, False), (61, True)):
        later = NOW._replace(monotonic=NOW.monotonic + elapsed_s)
        texts = [painted(line, 120, COLOURLESS) for line in footer(shown, board, 20, 120, later, COLOURLESS)]
        assert any(text.startswith("No news from the collector") for text in texts) is is_told


def test_the_keys_are_told_until_one_asked_for_the_end() -> None:
    shown = market(connections=usual_connections())
    assert lines_of(shown)[-1].startswith("q quit  ? help  ")
    board = board_of(shown)
    board.is_quitting = True
    assert painted(footer(shown, board, 20, 120, NOW, COLOURLESS)[-1], 120, COLOURLESS) == "Stopping..."


@pytest.mark.parametrize("limit", range(10))
def test_there_are_never_more_lines_than_there_is_room(limit: int) -> None:
    assert len(lines_of(market(connections=usual_connections()), limit=limit)) <= limit


def test_what_is_wrong_outlives_what_is_good_to_know() -> None:
    assert lines_of(market(connections=without_route()), limit=2) == [
        "Trouble: 1-30 waiting: connection refused (127.0.0.1:9); next retry in 2s",
        "No route to the exchange? Try: make demo",
    ]


def test_troubles_that_find_no_room_are_counted() -> None:
    connections = without_route()
    for status in connections:
        status.reason = f"reason {status.number}"
    lines = lines_of(market(connections=connections), limit=5)
    assert [line.strip().partition(" waiting")[0] for line in lines[:3]] == ["Trouble: 1", "2", "3"]
    assert lines[3] == "... 27 more lines"


def test_where_connections_or_events_are_shown_only_keys_that_count_there_are_told() -> None:
    shown = market(connections=usual_connections())
    board = board_of(shown)
    board.view = View.EVENTS
    line = painted(footer(shown, board, 20, 120, NOW, COLOURLESS)[-1], 120, COLOURLESS)
    assert line == "q quit  ? help  Esc quotes"
