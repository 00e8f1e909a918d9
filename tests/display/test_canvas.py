"""What a canvas sends, read back by a terminal emulator."""

import re

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcwidth

from display.canvas import CLEAR, FILLER, Canvas, Cells
from display.themes import theme_of
from display.views import Line, Role, Span

WIDTH, HEIGHT = 20, 4
ROW = (Span("SBER   "), Span("306.12", Role.BID), Span(" "), Span("306.13", Role.ASK))


def canvas(theme: str = "dark", colours: int = 256, encoding: str = "utf-8") -> Canvas:
    return Canvas(theme_of(theme, colours), wcwidth, encoding)


class Emulated:
    """A canvas and the terminal that it is sent to."""

    def __init__(self, made: Canvas | None = None) -> None:
        self.canvas = made or canvas()
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.Stream(self.screen)
        self._stream.feed(CLEAR)
        self.shown = [self.canvas.cells((), WIDTH)] * HEIGHT

    def show(self, *lines: Line) -> str:
        """What was sent."""
        padded = [*lines, *[()] * (HEIGHT - len(lines))]
        cells = [self.canvas.cells(line, WIDTH) for line in padded]
        sent = self.canvas.difference(self.shown, cells)
        self._stream.feed(sent)
        self.shown = cells
        return sent

    def looks(self) -> list[list[tuple[str, ...]]]:
        """Every cell: its character, and its style unless it is blank and that cannot be seen."""
        return [[_look(self.screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]


def _look(cell: "pyte.screens.Char") -> tuple[str, ...]:
    paper = (cell.bg, str(cell.reverse), str(cell.underscore))
    return (
        (cell.data, *paper) if cell.data == " " and not cell.reverse else (cell.data, *paper, cell.fg, str(cell.bold))
    )


def cut(cells: Cells) -> str:
    return cells.text.rstrip()


spans = st.builds(
    Span,
    st.text(st.sampled_from("  ab1Я株▲\n\x1b\u0301"), max_size=9),
    st.sampled_from([Role.PLAIN, Role.BID, Role.ASK, Role.CHANGED, Role.SIMULATED, Role.STALE, Role.DIM]),
    st.booleans(),
)
frames = st.lists(st.lists(st.lists(spans, max_size=5), max_size=HEIGHT), min_size=1, max_size=6)


@given(frames, st.sampled_from(["dark", "light", "colorblind", "mono"]), st.sampled_from([0, 8, 16, 256]))
def test_after_any_frames_the_terminal_shows_what_it_would_if_it_had_only_got_the_last_one(
    drawn: list[list[list[Span]]], theme: str, colours: int
) -> None:
    made = canvas(theme, colours)
    changed, fresh = Emulated(made), Emulated(made)
    for frame in drawn:
        changed.show(*frame)
    fresh.show(*drawn[-1])
    assert changed.looks() == fresh.looks()
    assert changed.screen.display == fresh.screen.display


@given(st.lists(spans, max_size=8), st.integers(1, 30), st.sampled_from(["utf-8", "koi8-r", "ascii"]))
def test_a_line_is_as_wide_as_asked_and_free_of_control_characters(line: Line, width: int, encoding: str) -> None:
    text, styles = canvas(encoding=encoding).cells(line, width)
    assert len(text) == len(styles) == width
    shown = text.replace(FILLER, "")
    assert shown.isprintable()
    shown.encode(encoding)
    assert sum(map(wcwidth, shown)) == width


def test_nothing_is_sent_when_nothing_changed() -> None:
    emulated = Emulated()
    assert emulated.show(ROW)
    assert emulated.show(ROW) == ""


def test_of_a_changed_line_only_the_changed_columns_are_sent() -> None:
    emulated = Emulated()
    emulated.show(ROW, ROW)
    sent = emulated.show(ROW, (Span("SBER   "), Span("306.15", Role.BID), Span(" "), Span("306.13", Role.ASK)))
    assert sent == "\x1b[38;5;78m\x1b[2;13H5\x1b[m"


def test_the_style_is_switched_once_for_all_that_is_drawn_in_it() -> None:
    emulated = Emulated()
    assert len(re.findall(r"\x1b\[[\d;]*m", emulated.show(ROW, ROW, ROW))) == 3, "bid, ask, and back to normal"


def test_blanks_keep_a_background_and_a_line_under_them() -> None:
    emulated = Emulated()
    emulated.show((Span("a  ", Role.BANNER), Span("  ", Role.SIMULATED), Span("  ", Role.BID)))
    papers = [emulated.screen.buffer[0][x].bg for x in range(7)]
    assert papers == ["ffd75f"] * 3 + ["d7005f"] * 2 + ["default"] * 2


def test_the_rest_of_a_line_that_becomes_shorter_is_cleared_at_once() -> None:
    emulated = Emulated()
    emulated.show((Span("a" * WIDTH),))
    assert emulated.show((Span("aaa"),)) == "\x1b[1;4H\x1b[K"


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[2Jb", "a[2Jb"), ("\x9bm", "m"), ("a\u0301\u200b", "a"), ("\0", "")]
)
def test_what_would_not_be_seen_is_not_sent(text: str, shown: str) -> None:
    assert cut(canvas().cells((Span(text),), WIDTH)) == shown


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "Сбер ▲ 株" + FILLER), ("koi8-r", "Сбер ? ??"), ("ascii", "???? ? ??")],
)
def test_what_the_encoding_does_not_have_is_shown_as_question_marks_of_the_same_width(
    encoding: str, shown: str
) -> None:
    assert cut(canvas(encoding=encoding).cells((Span("Сбер ▲ 株"),), WIDTH)) == shown


def test_a_wide_character_is_not_cut_in_half() -> None:
    assert canvas().cells((Span("ab株"),), 3).text == "ab "


@pytest.mark.parametrize(("theme", "colours"), [("dark", 256), ("dark", 16), ("light", 256), ("mono", 0)])
def test_the_selected_row_stands_out_as_far_as_the_edge(theme: str, colours: int) -> None:
    emulated = Emulated(canvas(theme, colours))
    emulated.show(
        [Span("SBER"), Span(" 1", Role.BID)], [span.selected() for span in (Span("GAZP"), Span("2", Role.BID))]
    )
    for x in range(WIDTH):
        ordinary, selected = (emulated.screen.buffer[y][x] for y in (0, 1))
        assert (selected.bg, selected.reverse) != (ordinary.bg, ordinary.reverse)
