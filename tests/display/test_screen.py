"""What is sent to the terminal for each frame."""

import base64
import os
import re
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

import pytest

from display.screen import BURST, Screen
from display.terminal import OUTPUT, Terminal
from display.views import Line, Role, Span
from tests.display import programs
from tests.display.fake_hub import run_apart
from tests.display.pseudo_terminal import PseudoTerminal, pseudo_terminal

Frame = list[Line] | str
"""Lines to draw, or a text to copy."""


def draw(
    frames: list[Frame],
    terminal: PseudoTerminal,
    *,
    read: Callable[[], None],
    theme: str = "dark",
    environment: Mapping[str, str] | None = None,
) -> list[bool]:
    """Draw `frames` in a process of its own; `read` is called after each one. Whether each was drawn."""
    more = {"theme": theme, "environment": {"LANG": "C.UTF-8"} | dict(environment or {})}
    with run_apart(programs.draw_frames, terminal.path, frames, **more) as ours:
        terminal.until(ours.poll, "the screen is entered")
        ours.recv()
        were_drawn: list[bool] = []
        for _ in frames:
            ours.send("next")
            were_drawn.append(ours.recv())
            read()
    return were_drawn


def shown(*frames: list[Line], **more: object) -> tuple[PseudoTerminal, list[bytes]]:
    """The terminal after these frames, of which each changes something, and what was sent for each."""
    with pseudo_terminal(20, 5) as terminal:
        seen = [0]

        def read() -> None:
            seen[0] += 1
            terminal.until(lambda: len(terminal.frames) >= seen[0], "the frame has come")

        draw([*frames], terminal, read=read, **more)  # type: ignore[arg-type]
        return terminal, terminal.frames


def lines_of(*texts: str) -> list[Line]:
    return [(Span(text),) for text in texts]


def test_only_what_changed_is_sent() -> None:
    terminal, frames = shown(lines_of("one", "two 1", "three"), lines_of("one", "two 2", "three"))
    assert frames[1] == b"\x1b[?2026h\x1b[2;5H2\x1b[?2026l"
    assert terminal.lines[:3] == ["one", "two 2", "three"]


def report_writes(terminal_path: str, frames: list[list[Line]], report: Connection) -> None:
    """Draw frame after frame; `report` gets what was given to the system for each one, write by write."""
    programs.take_environment({})
    screen = Screen(Terminal(terminal_path))
    screen.enter()
    written: list[bytes] = []
    write = os.write

    def noted(descriptor: int, data: bytes) -> int:
        if descriptor == OUTPUT:
            written.append(bytes(data))
        return write(descriptor, data)

    os.write = noted  # type: ignore[assignment]
    for frame in frames:
        screen.draw(frame)
        report.send(written[:])
        written.clear()
    screen.leave()


def test_a_frame_is_one_write_and_the_marks_of_its_beginning_and_end_are_in_it() -> None:
    colourful: list[list[Line]] = [
        [(Span(f"{n} "), Span(f"30{n}.{y}", Role.BID), Span("!", Role.TROUBLE)) for y in range(5)] for n in range(3)
    ]
    with pseudo_terminal(20, 5) as terminal, run_apart(report_writes, terminal.path, colourful) as ours:
        for _ in colourful:
            terminal.until(ours.poll, "a frame is drawn")
            (written,) = ours.recv()
            assert written.startswith(b"\x1b[?2026h")
            assert written.endswith(b"\x1b[?2026l")
        terminal.until(lambda: terminal.is_whole and len(terminal.frames) == len(colourful), "the screen is left")


def test_lines_that_are_gone_are_wiped() -> None:
    terminal, _ = shown(lines_of("one", "two", "three"), lines_of("one"))
    assert terminal.lines[:3] == ["one", "", ""]


def test_a_line_as_wide_as_the_terminal_stays_whole() -> None:
    terminal, _ = shown(lines_of("a" * 20, "x"), lines_of("b" * 20, "x"))
    assert terminal.lines[:2] == ["b" * 20, "x"]


def test_what_does_not_fit_on_the_terminal_is_cut_off() -> None:
    terminal, _ = shown(lines_of("a" * 30, "2", "3", "4", "5", "6", "7"))
    assert terminal.lines == ["a" * 20, "2", "3", "4", "5"]


def test_a_terminal_whose_size_has_changed_is_drawn_anew_at_once() -> None:
    with pseudo_terminal(20, 5) as terminal:
        steps = iter([(1, 30, 6), (2, 10, 3), (3, 10, 3)])

        def resize() -> None:
            frames, *size = next(steps)
            terminal.until(lambda: len(terminal.frames) == frames, "the frame")
            terminal.resize(*size)

        lines = lines_of("a" * 30, "2", "3", "4", "5", "6")
        assert draw([lines, lines, lines], terminal, read=resize) == [True] * 3
        assert all(b"\x1b[2J" in frame for frame in terminal.frames)
        assert terminal.lines == ["a" * 10, "2", "3"]


def test_nothing_is_sent_for_a_frame_that_changes_nothing() -> None:
    with pseudo_terminal(20, 5) as terminal:
        lines = lines_of("one", "two")
        assert draw([lines, lines, lines, lines_of("1")], terminal, read=lambda: None) == [True] * 4
        terminal.until(lambda: terminal.lines[0] == "1", "the last frame")
        assert len(terminal.frames) == 2


def test_a_terminal_that_does_not_read_holds_nobody_up() -> None:
    frames: list[Frame] = [lines_of(*[str(n % 10) * 190] * 200) for n in range(20)]
    with pseudo_terminal(200, 200) as terminal:
        were_drawn = draw(frames, terminal, read=lambda: None)
    assert were_drawn[0]
    assert not were_drawn[-1]


@pytest.mark.parametrize(
    ("term", "more", "colour"),
    [
        ("xterm-256color", {}, "5fd787"),
        ("xterm-256color", {"COLORTERM": "truecolor"}, "5fd787"),
        ("xterm-16color", {}, "green"),
        ("xterm", {}, "green"),
    ],
)
def test_colours_are_those_that_the_terminal_has(term: str, more: dict[str, str], colour: str) -> None:
    terminal, _ = shown([(Span("306.12", Role.BID),)], environment={"TERM": term} | more)
    assert terminal.colour_at(0, 0) == colour


def test_a_terminal_without_colours_gets_none() -> None:
    _, frames = shown([(Span("306.12", Role.BID), Span("!", Role.TROUBLE))], environment={"TERM": "vt100"})
    assert frames == [b"\x1b[?2026h\x1b[H\x1b[2J\x1b[1H306.12\x1b[1m\x1b[1;7H!\x1b[m\x1b[?2026l"]


@pytest.mark.parametrize(
    ("theme", "colour"), [("dark", "5fd787"), ("light", "008700"), ("colorblind", "0087ff"), ("mono", "default")]
)
def test_colours_are_those_of_the_theme(theme: str, colour: str) -> None:
    terminal, _ = shown([(Span("306.12", Role.BID),)], theme=theme)
    assert terminal.colour_at(0, 0) == colour


@pytest.mark.parametrize(
    ("language", "line", "is_unicode"),
    [("ru_RU.UTF-8", "Сбер ▲", True), ("ru_RU.KOI8-R", "Сбер ?", False), ("C", "???? ?", False)],
)
def test_what_the_terminal_s_encoding_lacks_is_replaced(language: str, line: str, is_unicode: bool) -> None:
    terminal, frames = shown([(Span("Сбер ▲"),)], environment={"LANG": language})
    encoding = {"ru_RU.UTF-8": "utf-8", "ru_RU.KOI8-R": "koi8-r", "C": "ascii"}[language]
    assert line in frames[0].decode(encoding)
    assert (terminal.lines[0] == line) == (language != "ru_RU.KOI8-R"), "the emulator speaks UTF-8"


def test_a_copied_text_goes_to_the_clipboard_without_control_characters() -> None:
    with pseudo_terminal(20, 5) as terminal:
        draw([lines_of("one"), "SBER\x07\x1b]52;Ж"], terminal, read=lambda: None)
        terminal.until(lambda: b"\x1b]52;" in terminal.written, "it is copied")
        (copied,) = re.findall(rb"\x1b\]52;c;([\w+/=]*)\x1b\\", terminal.written)
        assert base64.b64decode(copied).decode() == "SBER\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}]52;Ж"
        assert terminal.lines == ["one", "", "", "", ""]


@pytest.mark.parametrize(("term", "is_cleared"), [("xterm-256color", False), ("linux", True)])
def test_a_terminal_without_an_alternate_screen_is_left_empty(term: str, is_cleared: bool) -> None:
    with pseudo_terminal(20, 5) as terminal:
        draw([lines_of("one")], terminal, read=lambda: None, environment={"TERM": term})
        terminal.until(lambda: b"\x1b[?7h" in terminal.written, "the screen is left")
        terminal.until(lambda: terminal.is_whole, "the terminal is whole")
        farewell = terminal.written[terminal.written.rindex(b"\x1b[?7h") :]
        assert (b"\x1b[2J" in farewell) == is_cleared


def test_a_long_text_that_is_pasted_comes_in_parts_so_that_the_screen_lives_on_meanwhile() -> None:
    text = "".join(f"SBER {number} Сбер " for number in range(100))
    with pseudo_terminal(20, 5) as terminal, run_apart(programs.report_keys, terminal.path) as ours:
        terminal.until(ours.poll, "the screen is entered")
        ours.recv()
        terminal.press(text.encode())
        parts: list[list[str]] = []
        while sum(map(len, parts)) < len(text):
            ours.send("next")
            parts.append(ours.recv())
        ours.send("end")
    assert "".join(key for part in parts for key in part) == text
    assert max(map(len, parts)) <= BURST
