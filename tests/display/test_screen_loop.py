"""The screen as a real process draws it on a real pseudo-terminal."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from wcwidth import wcswidth

from shared.market import Market
from shared.processes import usage_of
from shared.quotes import Price
from shared.settings import DisplaySettings
from shared.wire import Event, Request
from tests.display.fake_hub import Run, just_heard, screen_run
from tests.display.pseudo_terminal import SYNCHRONIZED, PseudoTerminal, pseudo_terminal
from tests.display.samples import market, quote, usual_connections, usual_quotes

WATCHED_S, MOST_CPU_S = 5.0, 1.0
"""How long a display is watched that has lost its terminal, and what it may use until its end."""


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    with pseudo_terminal(100, 24) as made:
        yield made


def busy() -> Market:
    return just_heard(market(usual_quotes(), usual_connections(), is_simulated=True))


def shows_table(run: Run) -> bool:
    assert run.terminal is not None
    return "SBER" in run.terminal.text and "q quit" in run.terminal.text


def drawn(run: Run) -> Run:
    run.until(lambda: shows_table(run), "the table is drawn")
    return run


def test_the_table_is_drawn_in_colour_with_the_cursor_hidden(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        row = next(y for y, line in enumerate(terminal.lines) if line.startswith("   SBER"))
        assert "SBER      306.12    306.13      0.01   306.12" in terminal.lines[row]
        bid, ask = (terminal.colour_at(terminal.lines[row].index(price), row) for price in ("306.12", "306.13"))
        assert "default" not in (bid, ask) and bid != ask
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
        before = terminal.lines[1:4]
        run.until(lambda: terminal.lines[1:4] != before, "the uptime goes on")


def test_new_prices_replace_the_old_ones(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        run.hub.market.totals.counters.updates = 98765
        run.until(lambda: "Updates: 98765" in terminal.text, "the new figure is drawn")


def test_nothing_is_written_between_two_frames(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        before = terminal.written.rindex(b"\x1b[?2026h")
        for key, text in ((b"2", "Last reason"), (b"?", "the row above"), (b"1", "Volume"), (b"/s", "Filter: s_")):
            terminal.press(key)
            run.until(partial(shown, run, text), f"{text} after {key!r}")
        run.until(lambda: terminal.written.endswith(b"\x1b[?2026l"), "the last one is over")
        assert SYNCHRONIZED.sub(b"", terminal.written[before:]) == b""


WIDE = ("SBER", "株式", "СБЕР", "株式会社", "Сбер株")
"""Tickers; the first one is the first in the table."""


def columns_from(line: str, column: int) -> str:
    """What of a line stands from that column of the terminal on."""
    return line[next(at for at in range(len(line)) if wcswidth(line[:at]) >= column) :]


def test_what_is_right_of_cyrillic_and_wide_characters_stands_in_its_column(terminal: PseudoTerminal) -> None:
    same = {"bid": Price(306.12, 2), "ask": Price(306.13, 2), "last": Price(306.12, 2), "volume": 1322700}
    shown = just_heard(market([quote(name, **same) for name in WIDE], is_simulated=True))  # type: ignore[arg-type]
    for each in shown.quotes.values():
        assert each.fields is not None
        each.fields["CAPTION"] = "株式会社 Сбер"
    with screen_run(shown, terminal, settings=DisplaySettings(mode="screen", refresh_s=30.0)) as run:
        drawn(run)
        run.until(lambda: terminal.written.endswith(b"\x1b[?2026l"), "the frame is whole")
        rows = {name: next(line for line in terminal.lines if line.split()[:1] == [name]) for name in WIDE}
        beside = {columns_from(row, 12).partition("1322700")[0] for row in rows.values()}
        assert len(beside) == 1
        assert beside.pop().split() == ["306.12", "306.13", "0.01", "306.12", "N/A"]
        terminal.press(b"\r")
        run.until(lambda: "Order book" in terminal.text, "the detail")
        assert any(line.startswith("SBER  株式会社 Сбер  306.12  ") for line in terminal.lines)


def test_the_last_200_events_are_shown_the_newest_first(terminal: PseudoTerminal) -> None:
    shown = busy()
    for number in range(205):
        shown.tell(Event(time.time(), "program", f"number {number} happened"))
    with screen_run(shown, terminal) as run:
        drawn(run)
        terminal.press(b"3")
        run.until(lambda: "200 events" in terminal.text and "number 204 happened" in terminal.text, "the newest")
        terminal.press(b"\x1b[F")
        run.until(lambda: "number 5 happened" in terminal.text, "the oldest")
        assert "number 4 happened" not in terminal.text


def test_ctrl_s_keeps_no_old_picture_on_the_screen_and_no_farewell_back(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        terminal.press(b"\x13")
        run.hub.market.totals.counters.updates = 98765
        run.until(lambda: "Updates: 98765" in terminal.text, "the new figure is drawn")
        run.send(signal.SIGTERM)
        assert run.until_ended() == 0
        assert terminal.is_whole


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


@pytest.mark.parametrize("refresh_s", [0.1, 60.0])
def test_the_display_of_a_closed_terminal_uses_up_no_processor(refresh_s: float) -> None:
    settings = DisplaySettings(mode="screen", refresh_s=refresh_s)
    with pseudo_terminal() as terminal, screen_run(busy(), terminal, settings=settings) as run:
        drawn(run)
        before = cpu_s(run)
        terminal.hang_up()
        used, end = [before], time.monotonic() + WATCHED_S

        def is_over() -> bool:
            used.append(cpu_s(run))
            return time.monotonic() > end or not run.process.is_alive()

        run.until(is_over, "it has ended, or was watched for long enough")
        assert max(used) - before < MOST_CPU_S


def cpu_s(run: Run) -> float:
    """Of the display so far; 0 once it is gone."""
    usage = usage_of(run.process.pid or 0)
    return 0.0 if usage is None else usage.cpu_s


def test_a_terminal_that_cannot_be_opened_ends_the_display_with_a_code_of_its_own(terminal: PseudoTerminal) -> None:
    terminal.path = os.path.join(os.sep, "nowhere", "tty")  # noqa: PTH118
    with screen_run(busy(), terminal) as run:
        assert run.until_ended() == 69


# Keys


def shown(run: Run, text: str) -> bool:
    assert run.terminal is not None
    return text in run.terminal.text


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (b"2", "28 of 30 online"),
        (b"3", "Nothing has happened yet"),
        (b"4", "--streams orderbooks,securities,candles"),
        (b"?", "the row above"),
        (b"\x1b[B\r", "Order book"),
        (b"/sb", " Filter: sb_ "),
        (b" ", "FROZEN"),
        (b"t", "by ticker"),
        ("\u0435".encode(), "by ticker"),
        (b"v", "Volume\u25bc"),
        (b"s", "by ticker"),
        (b"\t", "favourites"),
        (b"+", "refresh every"),
        (b"c", "copied AKRN"),
        (b"\x1b[B*", "\u2605"),
        (b"/age>", "age>"),
    ],
)
def test_a_key_is_heard_and_shown_at_once(terminal: PseudoTerminal, keys: bytes, text: str) -> None:
    with screen_run(busy(), terminal, settings=DisplaySettings(mode="screen", refresh_s=5.0)) as run:
        drawn(run)
        terminal.press(keys)
        run.until(lambda: shown(run, text), f"{text} after {keys!r}")


def test_a_key_that_is_pressed_before_the_screen_is_there_is_not_forgotten(terminal: PseudoTerminal) -> None:
    terminal.press(b"2")
    with screen_run(busy(), terminal) as run:
        run.until(lambda: shown(run, "28 of 30 online"), "the connections are shown")


def test_a_mouse_that_another_program_left_on_presses_no_keys(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        terminal.press(b"\x1b[<35;44;12M\x1b[<0;3;2M\x1b[<0;3;2mt")
        run.until(lambda: shown(run, "by ticker"), "the key after it is heard")
        assert shown(run, "Quotes  1-6 of 6")


def test_what_is_pasted_presses_no_keys_and_is_text_in_a_filter(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        assert b"\x1b[?2004h" in terminal.written
        terminal.press(b"\x1b[200~q quit\r2\x1b[201~/\x1b[200~sb\rer\x1b[201~q")
        run.until(lambda: shown(run, " Filter: sberq_ "), "the text and the key after it")
        assert Request.QUIT not in run.hub.requests
        run.send(signal.SIGTERM)
        assert run.until_ended() == 0
        assert terminal.written.rindex(b"\x1b[?2004l") > terminal.written.rindex(b"\x1b[?2004h")
        assert terminal.is_whole


def test_copying_gives_the_ticker_to_the_terminal_s_clipboard(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        terminal.press(b"c")
        run.until(lambda: b"\x1b]52;c;QUtSTg==" in terminal.written, "AKRN in base64")


def test_what_was_chosen_is_there_again_at_the_next_start(terminal: PseudoTerminal, tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    with screen_run(busy(), terminal, environment=environment) as run:
        drawn(run)
        terminal.press(b"\x1b[B*tS")
        run.until(lambda: shown(run, "by ticker \u25bc") and shown(run, "\u2605"), "sorted, and one marked")
    with pseudo_terminal(100, 24) as second, screen_run(busy(), second, environment=environment) as run:
        drawn(run)
        assert shown(run, "by ticker \u25bc")
        assert shown(run, "\u2605")


def test_every_change_of_the_order_is_remembered_at_once(terminal: PseudoTerminal, tmp_path: Path) -> None:
    def remembered() -> list[object]:
        known = msgspec.json.decode((tmp_path / "moex-monitor" / "display.json").read_bytes())
        return [known["sort"], known["is_descending"]]

    with screen_run(busy(), terminal, environment={"XDG_STATE_HOME": str(tmp_path)}) as run:
        drawn(run)
        for key, glyph, kept in ((b"s", "\u25b2", ["ticker", False]), (b"S", "\u25bc", ["ticker", True])):
            terminal.press(key)
            run.until(partial(shown, run, f"by ticker {glyph}"), f"sorted by {key!r}")
            assert remembered() == kept


def test_esc_alone_is_a_key(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        terminal.press(b"/sber\r")
        run.until(lambda: shown(run, " Filter: sber "), "filtered")
        terminal.press(b"\x1b")
        run.until(lambda: not shown(run, "Filter"), "all are shown again")


def test_a_filter_in_cyrillic_can_be_typed(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        terminal.press("/Сбер".encode())
        run.until(lambda: shown(run, "Filter: Сбер_"), "the letters are there")


def test_nothing_is_written_when_nothing_changes(terminal: PseudoTerminal) -> None:
    frozen = market([], usual_connections())
    for status in frozen.connections.values():
        status.retry_at = None
    frozen.totals.started_at = time.monotonic() - 7200  # an uptime in minutes
    with screen_run(frozen, terminal) as run:
        run.until(lambda: "q quit" in terminal.text, "drawn")
        asked, frames = len(run.hub.requests), len(terminal.frames)
        run.until(lambda: len(run.hub.requests) > asked + 5, "some refreshes went by")
        assert len(terminal.frames) - frames <= 2  # the minute may have changed


@pytest.mark.parametrize(("columns", "lines"), [(40, 10), (60, 16), (200, 60)])
def test_every_size_shows_quotes(columns: int, lines: int) -> None:
    with pseudo_terminal(columns, lines) as terminal, screen_run(busy(), terminal) as run:
        run.until(lambda: "AKRN" in terminal.text and "SIMULATED EXCHANGE" in terminal.text, "quotes are drawn")
        assert not any(len(line) > columns for line in terminal.lines)


def test_sizes_that_follow_each_other_quickly_end_with_the_last_one(terminal: PseudoTerminal) -> None:
    with screen_run(busy(), terminal) as run:
        drawn(run)
        for columns, lines in ((200, 50), (40, 10), (80, 24), (61, 17), (120, 30)):
            terminal.resize(columns, lines)
            run.send(signal.SIGWINCH)
        run.until(lambda: shown(run, "Exch.") and shows_table(run), "drawn to the last size")


def test_without_utf_8_the_screen_is_ascii() -> None:
    with pseudo_terminal(100, 24) as terminal:
        environment = {"LANG": "C", "LC_ALL": "C"}
        with screen_run(busy(), terminal, environment=environment) as run:
            drawn(run)
            assert terminal.text.isascii()
            assert "SIMULATED EXCHANGE" in terminal.text
