"""What one refresh of a great market costs, from the hub's picture to the bytes for the terminal."""

import time
from collections.abc import Iterator
from functools import partial
from random import Random

from wcwidth import wcwidth

from display.board import Board
from display.canvas import Canvas
from display.themes import theme_of
from display.views import COLOURLESS, screen_lines
from shared.market import Market
from shared.quotes import Price, Quote, Stamp
from shared.settings import DisplaySettings
from shared.wire import QuoteBatch, decode_picture, encode
from tests.display.fake_hub import screen_run
from tests.display.pseudo_terminal import PseudoTerminal, pseudo_terminal
from tests.display.samples import NOW, market, quote, usual_connections

TICKERS, CHANGES, FRAMES = 1500, 500, 15
WIDTH, HEIGHT = 200, 50
MOST_BYTES, MOST_CPU_S = 8_000, 0.02


def busy_quotes(frame: int, random: Random) -> Iterator[Quote]:
    """Of all tickers at first, then of so many as a second brings; a few are much busier than the others."""
    numbers = range(TICKERS) if frame == 0 else {int(TICKERS * random.random() ** 3) for _ in range(CHANGES)}
    for number in numbers:
        tick = random.randint(0, 99)
        prices = {"bid": Price(300 + tick / 100, 2), "ask": Price(301 + tick / 100, 2), "last": Price(300.5, 2)}
        yield quote(f"T{number:04}", **prices, volume=1_000 + 10 * frame, updates=1, age_s=-frame)  # type: ignore[arg-type]


def test_a_second_of_1500_tickers_costs_less_than_8_kb_and_a_fiftieth_of_a_core() -> None:
    random = Random(1)
    hub = market(connections=usual_connections())
    shown = Market(hub.totals)
    board = Board(DisplaySettings())
    canvas = Canvas(theme_of("dark", 256), wcwidth, "utf-8")
    before = [canvas.cells((), WIDTH)] * HEIGHT
    sizes, seconds, since = [], [], -1
    for frame in range(FRAMES):
        hub.apply(QuoteBatch(0, list(busy_quotes(frame, random))), now_ms=0.0)
        data, since = encode(hub.picture(since)), hub.revision
        now = NOW._replace(monotonic=NOW.monotonic + frame)
        began = time.process_time()
        shown.show(decode_picture(data))
        board.advance(shown, now.monotonic)
        cells = [canvas.cells(line, WIDTH) for line in screen_lines(shown, board, WIDTH, HEIGHT, now, COLOURLESS)]
        cells += [canvas.cells((), WIDTH)] * (HEIGHT - len(cells))
        sizes.append(len(canvas.difference(before, cells).encode()))
        seconds.append(time.process_time() - began)
        before = cells
    later_sizes, later_seconds = sizes[1:], seconds[1:]
    assert sum(later_sizes) / len(later_sizes) < MOST_BYTES, "bytes"
    assert min(later_seconds) < MOST_CPU_S, "processor time, of the frame that was disturbed the least"


def all_changed(frame: int, began_ms: float) -> Iterator[Quote]:
    """Every ticker, with another figure in every column."""
    at = time.monotonic() - 0.3 * (1 + frame % 9)
    for number in range(TICKERS):
        cents = 1000 + (37 * number + 1013 * frame) % 9000
        bid, ask, last = (Price((cents + more) / 100, 2) for more in (0, 1 + frame % 7, frame % 2))
        made = quote(f"T{number:04}", bid=bid, ask=ask, last=last, volume=1_234_567 * (frame + number + 1))
        assert made.fields is not None
        made.fields["PREVPRICE"] = [60.0, 2]
        made.fields_at = made.book_at = at
        made.fields_stamp = Stamp(began_ms + frame, frame)
        yield made


def test_a_real_display_of_1500_tickers_writes_less_than_8_kb_although_every_figure_changes() -> None:
    began_ms = 1000 * time.time()
    hub = market(all_changed(0, began_ms), usual_connections(), is_simulated=True)
    settings = DisplaySettings(mode="screen", refresh_s=0.1)
    with pseudo_terminal(120, 60) as terminal, screen_run(hub, terminal, settings=settings) as run:
        run.until(lambda: " of 1500" in terminal.text, "the table is drawn")
        seen = len(terminal.frames)
        for frame in range(1, FRAMES):
            hub.apply(QuoteBatch(0, list(all_changed(frame, began_ms))), now_ms=0.0)
            drawn = len(terminal.frames)
            run.until(partial(has_more, terminal, drawn), "the next frame")
        sizes = [len(data) for data in terminal.frames[seen:]]
    assert MOST_BYTES / 2 < max(sizes) < MOST_BYTES


def has_more(terminal: PseudoTerminal, frames: int) -> bool:
    return len(terminal.frames) > frames
