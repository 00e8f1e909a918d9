"""The hub's end of a display's pipe, and the display's process, driven by the test's own thread."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess

from shared.market import Market
from shared.settings import DisplaySettings, LogSettings
from shared.wire import Request, decode_request, encode
from tests.display import programs
from tests.display.pseudo_terminal import LIMIT_S, PseudoTerminal

CONTEXT = multiprocessing.get_context("forkserver")


@contextmanager
def run_apart(function: Callable[..., None], *arguments: object, **more: object) -> Iterator[Connection]:
    """Runs one of `programs` in a process of its own until the end of the block: our end of the pipe that it is given.

    The pipe's other end is its last argument but for `more`.
    """
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=function, args=(*arguments, theirs), kwargs=more)
    process.start()
    theirs.close()
    with ours:
        yield ours
    process.join()
    process.close()


def just_heard(market: Market) -> Market:
    """The samples' quotes as if they had come now: their own second is long ago on the clock of a real process."""
    for quote in market.quotes.values():
        quote.fields_at = time.monotonic()
        quote.book_at = None if quote.book is None else quote.fields_at
    return market


class FakeHub:
    """Answers NEXT with all of `market`, while `is_answering`; counts what it was asked."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.connection, self.theirs = CONTEXT.Pipe(duplex=True)
        self.requests: list[Request] = []
        self.is_answering = True
        self._is_closed = False

    def answer(self) -> None:
        """Serve the one request that is there."""
        try:
            self.requests.append(decode_request(self.connection.recv_bytes()))
            if self.requests[-1] is Request.NEXT and self.is_answering:
                self.connection.send_bytes(encode(self.market.picture(-1)))
        except (EOFError, OSError):
            self.close()

    @property
    def sources(self) -> list[int]:
        return [] if self._is_closed else [self.connection.fileno()]

    def close(self) -> None:
        self._is_closed = True
        self.connection.close()


class Run:
    """One display process, its hub and its terminal."""

    def __init__(self, hub: FakeHub, process: ForkServerProcess, terminal: PseudoTerminal | None) -> None:
        self.hub = hub
        self.process = process
        self.terminal = terminal

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Serve hub and terminal until `condition` holds; fails, with the screen, when it does not in time."""
        end = time.monotonic() + LIMIT_S
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not in {LIMIT_S} s: {what}\n{self.terminal.text if self.terminal else ''}")
            self._serve()

    def until_ended(self) -> int | None:
        """The exit code."""
        self.until(lambda: not self.process.is_alive(), "the process ends")
        if self.terminal is not None:
            self.terminal.read_what_is_there()
        return self.process.exitcode

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def _serve(self) -> None:
        terminal = [] if self.terminal is None else self.terminal.sources
        ready = wait([*self.hub.sources, *terminal], 0.05)
        if self.terminal is not None and any(source in ready for source in terminal):
            self.terminal.read()
        if any(source in ready for source in self.hub.sources):
            self.hub.answer()


@contextmanager
def screen_run(
    market: Market,
    terminal: PseudoTerminal,
    *,
    settings: DisplaySettings | None = None,
    environment: dict[str, str] | None = None,
    log_settings: LogSettings | None = None,
) -> Iterator[Run]:
    """A display that draws on `terminal`."""
    hub = FakeHub(market)
    chosen = settings or DisplaySettings(mode="screen", refresh_s=0.1)
    variables = {"TERM": "xterm-256color", **(environment or {})}
    arguments = (hub.theirs, chosen, terminal.path, variables, log_settings or LogSettings())
    process = CONTEXT.Process(target=programs.draw_screen, args=arguments)
    with _started(Run(hub, process, terminal)) as run:
        yield run


@contextmanager
def plain_run(market: Market, output: Connection, report: Connection, *, interval_s: float = 0.1) -> Iterator[Run]:
    """A display that writes status lines to `output`."""
    hub = FakeHub(market)
    settings = DisplaySettings(mode="plain", status_interval_s=interval_s)
    process = CONTEXT.Process(target=programs.print_lines, args=(hub.theirs, settings, output, report))
    with _started(Run(hub, process, None)) as run:
        output.close()
        report.close()
        yield run


@contextmanager
def _started(run: Run) -> Iterator[Run]:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    run.process.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    run.hub.theirs.close()
    try:
        yield run
    finally:
        run.process.kill()
        run.process.join()
        run.process.close()
        run.hub.close()
