"""The whole screen as text: what it has to look like stands in golden/."""

from pathlib import Path

import pytest

from display.board import Board, View
from display.commands import press
from display.views import COLOURLESS, Palette, screen_lines, starting_lines
from shared.market import Market
from tests.display.looks import painted
from tests.display.samples import (
    NOW,
    TAGGED,
    board_of,
    market,
    quote,
    usual_connections,
    usual_quotes,
    without_route,
)

GOLDEN = Path(__file__).parent.parent / "golden"


def screen(
    shown: Market, width: int, height: int, board: Board | None = None, palette: Palette = COLOURLESS
) -> list[str]:
    lines = screen_lines(shown, board or board_of(shown), width, height, NOW, palette)
    return [painted(line, width, palette) for line in lines]


def golden(name: str) -> list[str]:
    return (GOLDEN / f"{name}.txt").read_text().splitlines()


def busy() -> Market:
    return market(usual_quotes(), usual_connections(), is_simulated=True, is_guest=True, gateway="127.0.0.1:40123")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_screen_looks_as_agreed(width: int) -> None:
    assert [line.rstrip() for line in screen(busy(), width, 24)] == golden(f"busy_{width}")


def test_the_screen_without_a_route_looks_as_agreed() -> None:
    shown = market(connections=without_route(), is_guest=True)
    assert [line.rstrip() for line in screen(shown, 80, 24)] == golden("no_route_80")


def test_the_colours_are_as_agreed() -> None:
    assert [line.rstrip() for line in screen(busy(), 100, 24, palette=TAGGED)] == golden("colours_100")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("detail", ["KEY_DOWN", "KEY_DOWN", "KEY_ENTER"]),
        ("connections", ["2"]),
        ("help", ["?"]),
        ("frozen", ["KEY_DOWN", "*", " "]),
        ("filter", [*"/s"]),
    ],
)
def test_what_a_key_shows_looks_as_agreed(name: str, keys: list[str]) -> None:
    shown = busy()
    board = board_of(shown)
    for key in keys:
        screen(shown, 100, 30, board)
        press(board, key, NOW.monotonic)
    assert [line.rstrip() for line in screen(shown, 100, 30, board)] == golden(f"{name}_100")


@pytest.mark.parametrize("width", [1, 5, 17, 40, 59, 60, 80, 200])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 8, 11, 12, 24, 100])
def test_the_screen_fits_every_terminal(width: int, height: int) -> None:
    for keys in ([], ["?"], ["KEY_ENTER"], ["2"], ["3"], ["4"], [" "], [*"/age>"]):
        shown = busy()
        board = board_of(shown)
        for key in keys:
            press(board, key, NOW.monotonic)
        lines = screen(shown, width, height, board)
        assert len(lines) <= height
        assert max(map(len, lines)) <= width


@pytest.mark.parametrize("view", View)
def test_40_by_10_is_enough_for_every_view_to_show_something_and_the_keys_of_the_way_out(view: View) -> None:
    shown = busy()
    board = board_of(shown)
    board.view = view
    lines = screen(shown, 40, 10, board)
    assert "SIMULATED EXCHANGE" in lines[0]
    assert sum(bool(line.strip()) for line in lines) >= 5


@pytest.mark.parametrize("view", [View.TABLE, View.CONNECTIONS])
def test_between_two_refreshes_that_are_far_apart_no_connection_seems_to_fall_silent(view: View) -> None:
    shown = busy()
    board = board_of(shown)
    board.view, board.refresh_s = view, 60.0
    later = NOW._replace(monotonic=NOW.monotonic + 50)
    text = "\n".join(painted(line, 120, COLOURLESS) for line in screen_lines(shown, board, 120, 50, later, COLOURLESS))
    assert "silent" not in text
    assert "28 of 30 online" in text or "28 online" in text


@pytest.mark.parametrize("height", [1, 4, 10, 24])
@pytest.mark.parametrize("width", [20, 60, 120])
def test_a_simulated_exchange_is_called_so_on_every_terminal(width: int, height: int) -> None:
    assert "SIMULATED EXCHANGE" in screen(busy(), width, height)[0]


def test_a_low_terminal_still_shows_quotes_and_what_is_wrong() -> None:
    text = "\n".join(screen(busy(), 80, 10))
    assert "AKRN" in text
    assert "Trouble: " in text


def test_as_many_rows_as_fit_are_shown_and_at_most_those_of_the_settings() -> None:
    many = market([quote(f"T{n:03}") for n in range(200)], usual_connections())
    assert sum(line.strip().startswith(("T0", "T1")) for line in screen(many, 100, 200)) == 50
    lines = screen(many, 100, 40)
    assert len(lines) == 40
    first = next(number for number, line in enumerate(lines) if "BID" in line) + 1
    assert all(line.strip().startswith("T0") for line in lines[first:-6])


def test_before_the_first_picture_the_program_says_that_it_starts() -> None:
    for width, height, texts in ((80, 24, ["  MOEX Real-time Monitor", "  starting..."]), (8, 1, ["  MOEX R"])):
        lines = starting_lines(width, height, COLOURLESS)
        assert [painted(line, width, COLOURLESS) for line in lines] == texts
