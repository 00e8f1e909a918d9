"""What is sent to the terminal for each frame."""

from collections.abc import Callable

from tests.display import programs
from tests.display.fake_hub import CONTEXT
from tests.display.pseudo_terminal import PseudoTerminal, pseudo_terminal


def draw(frames: list[list[str]], terminal: PseudoTerminal, *, read: Callable[[], None]) -> list[bool]:
    """Draw `frames` in a process of its own; `read` is called after each one. Whether each was drawn."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=programs.draw_frames, args=(terminal.path, frames, theirs))
    process.start()
    theirs.close()
    with ours:
        terminal.until(lambda: b"\x1b[?25l" in terminal.written, "the screen is entered")
        were_drawn: list[bool] = []
        for _ in frames:
            ours.send("next")
            were_drawn.append(ours.recv())
            read()
    process.join()
    process.close()
    return were_drawn


def frames_of(*frames: list[str]) -> tuple[PseudoTerminal, list[bytes]]:
    with pseudo_terminal(20, 5) as terminal:
        seen = [0]

        def read() -> None:
            seen[0] += 1
            terminal.until(lambda: len(terminal.frames) >= seen[0], "the frame has come")

        draw([*frames], terminal, read=read)
        return terminal, terminal.frames


def test_only_changed_lines_are_sent() -> None:
    terminal, frames = frames_of(["one", "two", "three"], ["one", "2", "three"])
    assert b"2" in frames[1]
    assert b"one" not in frames[1] and b"three" not in frames[1]
    assert terminal.lines[:3] == ["one", "2", "three"]


def test_lines_that_are_gone_are_wiped() -> None:
    terminal, _ = frames_of(["one", "two", "three"], ["one"])
    assert terminal.lines[:3] == ["one", "", ""]


def test_a_line_as_wide_as_the_terminal_stays_whole() -> None:
    terminal, _ = frames_of(["a" * 20, "x"], ["b" * 20, "x"])
    assert terminal.lines[:2] == ["b" * 20, "x"]


def test_a_terminal_that_does_not_read_holds_nobody_up() -> None:
    frames = [[str(n % 10) * 190] * 200 for n in range(20)]
    with pseudo_terminal(200, 200) as terminal:
        were_drawn = draw(frames, terminal, read=lambda: None)
    assert were_drawn[0]
    assert not were_drawn[-1]
