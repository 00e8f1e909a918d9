"""The screen as a real process draws it on a real pseudo-terminal."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from shared.market import Market
from shared.wire import Request
from tests.display.fake_hub import Run, screen_run
from tests.display.pseudo_terminal import PseudoTerminal, pseudo_terminal
from tests.display.samples import market, usual_connections, usual_quotes


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    with pseudo_terminal(100, 24) as made:
        yield made


def busy() -> Market:
    return market(usual_quotes(), usual_connections(), is_simulated=True)


def shows_table(run: Run) -> bool:
    assert run.terminal is not None
    return "SBER" in run.terminal.text and "q quit" in run.terminal.text


def drawn(run: Run) -> Run:
    run.until(lambda: shows_table(run), "the table is drawn")
    return run


def test_the_table_is_drawn_in_colour_with_the_cursor_hidden(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        row = next(y for y, line in enumerate(terminal.lines) if line.startswith("SBER"))
        assert "|   306.12 |   306.13 |   306.12 |" in terminal.lines[row]
        colours = [terminal.colour_at(terminal.lines[row].index("306.12", start), row) for start in (0, 25)]
        assert colours == ["green", "cyan"]
        assert not terminal.is_whole
        assert b"\x1b[?25l" in terminal.written


def test_the_program_says_that_it_starts_before_the_hub_has_spoken(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        run.hub.is_answering = False
        run.until(lambda: "starting..." in terminal.text, "the first frame is drawn")


def test_a_terminal_that_answers_no_question_does_not_hold_up_the_first_frame() -> None:
    with pseudo_terminal(100, 24, is_answering=False) as terminal, screen_run(busy(), terminal) as run:
        drawn(run)


def test_one_picture_is_asked_for_at_a_time(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        run.hub.is_answering = False
        run.until(lambda: len(terminal.frames) >= 1 and bool(run.hub.requests), "the first frame is drawn")
        frames = len(terminal.frames)
        terminal.press(b"q")
        run.until(lambda: Request.QUIT in run.hub.requests, "q is heard")
        assert run.hub.requests.count(Request.NEXT) == 1
        assert len(terminal.frames) >= frames


def test_the_time_goes_on_when_the_hub_falls_silent(terminal: PseudoTerminal) -> None:
    shown = busy()
    shown.totals.started_at = time.monotonic()
    with screen_run(shown, terminal) as run:
        drawn(run)
        run.hub.is_answering = False
        before = terminal.lines[1:3]
        run.until(lambda: terminal.lines[1:3] != before, "the uptime goes on")


def test_new_prices_replace_the_old_ones(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        run.hub.market.totals.counters.updates = 98765
        run.until(lambda: "Updates: 98765" in terminal.text, "the new figure is drawn")


def test_q_asks_the_hub_to_end_and_says_so(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        terminal.press(b"\xff\x1b[Aq")
        run.until(lambda: Request.QUIT in run.hub.requests, "QUIT is sent")
        run.until(lambda: "Stopping..." in terminal.text, "the answer is drawn")


def test_sigterm_leaves_the_terminal_whole(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        run.send(signal.SIGTERM)
        assert run.until_ended() == 0
        assert terminal.is_whole


def test_the_end_of_the_hub_ends_the_display_and_leaves_the_terminal_whole(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        run.hub.close()
        assert run.until_ended() == 0
        assert terminal.is_whole


def test_ctrl_c_is_the_supervisor_s_affair(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        run.send(signal.SIGINT)
        terminal.press(b"q")
        run.until(lambda: "Stopping..." in terminal.text, "the display lives on")


def test_after_a_resize_everything_is_drawn_anew_to_the_new_size(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        terminal.resize(60, 20)
        run.send(signal.SIGWINCH)
        run.until(lambda: "MOEX Real-time Monitor - 1500 Tickers   SIMULATED" in terminal.text, "the title fits")
        run.until(lambda: shows_table(run), "the table is drawn")
        assert not any("Volume" in line for line in terminal.lines)


def test_no_color_means_no_colours_but_still_a_drawn_screen(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal, environment={"NO_COLOR": "1"}) as run:
        drawn(run)
        cells = [(x, y) for y in range(24) for x in range(100)]
        assert {terminal.colour_at(x, y) for x, y in cells} == {"default"}


def test_a_hang_up_ends_the_display_with_a_code_of_its_own() -> None:
    with pseudo_terminal() as terminal, screen_run(busy(), terminal) as run:
        drawn(run)
        terminal.hang_up()
        assert run.until_ended() == 69


def test_a_terminal_that_cannot_be_opened_ends_the_display_with_a_code_of_its_own(terminal: PseudoTerminal) -> None:
    terminal.path = os.path.join(os.sep, "nowhere", "tty")  # noqa: PTH118
    with screen_run(busy(), terminal) as run:
        assert run.until_ended() == 69
