"""Draws the pictures of the README from a real run of the demo. `make picture`, or `python -m docs.picture`."""

import re
import time
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory

import pyte
from pyte.screens import Char

from docs.svg import INK, PAPER, Cell, svg
from tests.display.pseudo_terminal import PseudoTerminal, pseudo_terminal
from tests.drills.job_control import shell
from tests.process.program import Program

COLUMNS, LINES = 120, 34
CONFIG = "[instruments]\nseed = 1\n[simulator]\nseed = 1\n"
ENVIRONMENT = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": ""}
END_OF_FRAME = b"\x1b[?2026l"
WATCHED_S = 100.0
"""Until the order has settled, and the curves of the detail pane are long enough to look at."""

_hexadecimal = re.compile(r"[0-9a-f]{6}")


def main() -> None:
    take(Path(__file__).parent, WATCHED_S)


def take(folder: Path, watched_s: float) -> None:
    """Write `screen.svg` and `detail.svg` to `folder`: the table, and the detail pane of the ticker at its top."""
    with (
        TemporaryDirectory() as home,
        pseudo_terminal(COLUMNS, LINES) as terminal,
        Program(
            Path(home),
            "--simulate",
            "--display",
            "screen",
            config=CONFIG,
            environment=ENVIRONMENT,
            through=shell(terminal.path),
        ) as program,
    ):
        show(terminal, b"", "Connections: 30/30")
        watch(terminal, watched_s)
        show(terminal, b"j*", "►★")
        (folder / "screen.svg").write_text(svg(cells(terminal.written)))
        show(terminal, b"\r", "Order book")
        (folder / "detail.svg").write_text(svg(cells(terminal.written)))
        terminal.press(b"q")
        terminal.until(lambda: terminal.is_whole, "the normal screen")
        program.wait()


def show(terminal: PseudoTerminal, keys: bytes, expected: str) -> None:
    """Press keys, wait for what is expected, and then for the next refresh, which has new prices in it."""
    terminal.press(keys)
    terminal.until(lambda: expected in terminal.text, expected)
    before = len(terminal.frames)
    terminal.until(lambda: len(terminal.frames) > before and terminal.written.endswith(END_OF_FRAME), "a frame")


def watch(terminal: PseudoTerminal, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if wait(terminal.sources, left):
            terminal.read()


def cells(written: bytes) -> list[list[Cell]]:
    """What a terminal shows after that was written to it."""
    screen = pyte.Screen(COLUMNS, LINES)
    pyte.ByteStream(screen).feed(written)
    return [[cell(screen.buffer[line][column]) for column in range(COLUMNS)] for line in range(LINES)]


def cell(shown: Char) -> Cell:
    """pyte leaves the second place of a wide character empty, and keeps marks together with what they are above."""
    ink, paper = colour(shown.fg, INK), colour(shown.bg, PAPER)
    return Cell((shown.data or " ")[0], *((paper, ink) if shown.reverse else (ink, paper)), shown.bold)


def colour(name: str, usual: str) -> str:
    """As SVG calls it what pyte does: `default`, the basic colours by name, all others by six digits."""
    if name == "default":
        return usual
    return f"#{name}" if _hexadecimal.fullmatch(name) else name


if __name__ == "__main__":
    main()
