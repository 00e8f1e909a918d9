"""Plain mode as a real process with its output in a pipe."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from multiprocessing.connection import wait

import pytest

from display import plain_loop
from display.feed import Feed
from display.signals import Recorder
from shared.market import Market
from shared.settings import DisplaySettings
from shared.timing import Deadline
from shared.wire import ConnectionState
from tests.display.fake_hub import CONTEXT, FakeHub, plain_run
from tests.display.samples import connection, market, usual_quotes


class Pipes:
    """What a plain display writes to, and what it reports at its end."""

    def __init__(self) -> None:
        self.output, self.theirs = CONTEXT.Pipe(duplex=False)
        self.report, self.their_report = CONTEXT.Pipe(duplex=False)
        self.text = ""

    def read(self) -> str:
        while wait([self.output], 0) and (data := os.read(self.output.fileno(), 65536)):
            self.text += data.decode()
        return self.text

    def close(self) -> None:
        for end in (self.output, self.theirs, self.report, self.their_report):
            end.close()


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    made.close()


def all_online() -> Market:
    return market(usual_quotes(), [connection(number) for number in range(30)])


def test_status_lines_are_printed_at_once_and_in_the_interval(pipes: Pipes) -> None:
    with plain_run(all_online(), pipes.theirs, pipes.their_report) as run:
        run.until(lambda: pipes.read().count("\n") >= 3, "three lines are printed")
    assert all(line.startswith("30/30 online | ") for line in pipes.text.splitlines())
    assert "\x1b" not in pipes.text


class Waits:
    """In place of the waits of the loop: a hub answers each request after `answer_s`, on a clock of its own."""

    def __init__(self, hub: FakeHub, answer_s: float, until: float) -> None:
        self.now = 0.0
        self.count = 0
        self._hub = hub
        self._answer_s = answer_s
        self._until = until

    def wait(self, _sources: Sequence[object], timeout_s: float) -> list[object]:
        self.count += 1
        if self._hub.connection.poll():
            self.now += self._answer_s
            self._hub.answer()
        else:
            self.now += timeout_s
        if self.now >= self._until:
            self._hub.close()
        return []


class NoSignals(Recorder):
    def __init__(self) -> None:
        """Leaves the signals of this process alone."""

    def fileno(self) -> int:
        return -1

    def take(self) -> set[signal.Signals]:
        return set()


def test_a_line_is_asked_for_one_interval_after_the_one_before_and_nothing_is_done_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = FakeHub(all_online())
    waits = Waits(hub, answer_s=0.5, until=40.0)
    monkeypatch.setattr(plain_loop, "wait", waits.wait)
    monkeypatch.setattr(plain_loop, "Deadline", partial(Deadline, clock=lambda: waits.now))
    printed_at: list[float] = []

    def as_printed(line: str) -> str:
        printed_at.append(waits.now)
        return line

    with closing(hub.theirs):
        settings = DisplaySettings(status_interval_s=10.0)
        plain_loop.PlainLoop(Feed(hub.theirs), settings, NoSignals(), as_printed).run()
    assert printed_at == [0.5, 11.0, 21.5, 32.0]
    assert waits.count == 2 * len(printed_at)


def test_the_first_line_waits_until_the_connections_are_known(pipes: Pipes) -> None:
    with plain_run(market(), pipes.theirs, pipes.their_report, interval_s=1000) as run:
        run.until(lambda: len(run.hub.requests) >= 3, "the hub is asked again")
        assert pipes.read() == ""
        run.hub.market = all_online()
        run.until(lambda: pipes.read().count("\n") == 1, "the line is printed")


def test_a_character_that_the_output_cannot_show_is_replaced(pipes: Pipes) -> None:
    shown = market(connections=[connection(0, ConnectionState.DOWN, "рабочий 1")])
    with plain_run(shown, pipes.theirs, pipes.their_report) as run:
        run.until(lambda: pipes.read().count("\n") >= 2, "lines are printed")
    assert "trouble: 1 down: ??????? 1\n" in pipes.text


def test_plain_mode_does_not_import_blessed(pipes: Pipes) -> None:
    with plain_run(all_online(), pipes.theirs, pipes.their_report) as run:
        run.until(lambda: "online" in pipes.read(), "a line is printed")
        run.hub.close()
        assert run.until_ended() == 0
        assert pipes.report.recv() is False


def test_sigterm_ends_it(pipes: Pipes) -> None:
    with plain_run(all_online(), pipes.theirs, pipes.their_report) as run:
        run.until(lambda: "online" in pipes.read(), "a line is printed")
        run.send(signal.SIGTERM)
        assert run.until_ended() == 0


def test_it_lives_on_in_silence_when_nobody_reads_it_any_more(pipes: Pipes) -> None:
    with plain_run(all_online(), pipes.theirs, pipes.their_report) as run:
        run.until(lambda: "online" in pipes.read(), "a line is printed")
        pipes.output.close()
        asked = len(run.hub.requests)
        run.until(lambda: len(run.hub.requests) > asked + 3, "the hub is still asked")
        run.hub.close()
        assert run.until_ended() == 0
