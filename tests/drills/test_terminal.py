"""Whatever becomes of the display or of its terminal, the collectors go on, and the terminal is whole afterwards."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from multiprocessing.connection import wait
from threading import Event

import pytest

from shared.processes import run_state, usage_of
from tests.display.pseudo_terminal import ENTER_ALTERNATE, LEAVE_ALTERNATE, PseudoTerminal, pseudo_terminal
from tests.drills.conftest import StartDrill
from tests.drills.drill import CONFIG, FRESH_PROCESSES_MB, Drill, Record, meanwhile
from tests.drills.job_control import shell
from tests.drills.poison import HARMFUL
from tests.drills.test_gateway import SOON_DEAD
from tests.drills.test_poison import RATE, Doses
from tests.drills.test_processes import LAG_LIMIT_S
from tests.drills.watching import longest_lag_s, watched
from tests.fakes.gateway import GatewayProcess
from tests.process.program import wait_for

CTRL_Z = b"\x1a"
FREQUENT = CONFIG + "refresh_s = 0.1\n"
STOP_LIMIT_S = 5.0
MOST_CPU_S = 1.0
"""What a display may use from the loss of its terminal to its end."""

Start = Callable[..., Drill]


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    with pseudo_terminal(100, 30) as made:
        yield made


@pytest.fixture
def on_terminal(drill: StartDrill, terminal: PseudoTerminal) -> Start:
    """Starts the program as a shell in `terminal` does; when its table is drawn, the drill begins."""

    def start(rate: float = 500, **more: object) -> Drill:
        options = {"through": shell(terminal.path), "environment": {"TERM": "xterm-256color"}, "config": FREQUENT}
        running = drill("--display", "screen", **options | more)
        terminal.until(lambda: shows_table(terminal), "the table")
        running.program.wait_for_log("is online", 4)
        with read(terminal):
            running.begin(rate)
        return running

    return start


def shows_table(terminal: PseudoTerminal) -> bool:
    return "Connections: 4/4" in terminal.text and "q quit" in terminal.text


def updates_shown(terminal: PseudoTerminal) -> int:
    found = re.search(r"Updates: (\d+)", terminal.text)
    return int(found[1]) if found else 0


def read(terminal: PseudoTerminal) -> AbstractContextManager[None]:
    """Somebody reads the terminal all the time."""

    def read_on(is_over: Event) -> None:
        while not is_over.is_set():
            if wait(terminal.sources, 0.05):
                terminal.read()
        terminal.read_what_is_there()

    return meanwhile(read_on)


def test_a_killed_display_is_replaced_and_draws_again(on_terminal: Start, terminal: PseudoTerminal) -> None:
    running = on_terminal()
    before = running.program.children()
    for _ in range(3):
        os.kill(running.program.children()["display"], signal.SIGKILL)
        running.program.wait_for_log("display: running -> dead")
        terminal.clear()
        terminal.until(lambda: shows_table(terminal), "the table again")
    with read(terminal):
        after = running.program.children()
        assert {name for name, pid in before.items() if after[name] != pid} == {"display"}
        summary = running.end(more_mb=FRESH_PROCESSES_MB)
    assert sum(event["text"] == "killed by SIGKILL" for event in summary["events"]) == 3
    assert terminal.is_whole


def test_a_closed_terminal_ends_the_program_in_order(
    on_terminal: Start, record_property: Record, terminal: PseudoTerminal, gateway: GatewayProcess
) -> None:
    running = on_terminal()
    terminal.hang_up()
    began = time.monotonic()
    assert running.program.wait() == 0
    took_s = time.monotonic() - began
    record_property("ended_s", took_s)
    assert took_s < STOP_LIMIT_S
    assert running.program.summary()["connections"] == {"online": 4, "total": 4}
    assert gateway.ledger().disconnect_frames == 4
    assert "Traceback" not in running.program.output + running.program.log


def test_a_program_that_does_not_belong_to_its_terminal_goes_on_when_it_is_closed(
    on_terminal: Start, terminal: PseudoTerminal
) -> None:
    output = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    running = on_terminal(through=(), stdout=output)
    os.close(output)
    display = running.program.children()["display"]
    used_s = [cpu_s(display)]
    terminal.hang_up()

    def is_told() -> bool:
        used_s.append(cpu_s(display))
        return "display: running -> dead: ended with exit code 69" in running.program.log

    wait_for(is_told, "the display has ended")
    assert max(used_s) - used_s[0] < MOST_CPU_S
    running.begin()
    running.end()
    assert running.program.log.count("display: dead -> starting") == 1


def test_a_terminal_that_does_not_read_holds_up_no_collector_and_shows_the_truth_afterwards(
    on_terminal: Start,
    record_property: Record,
    terminal: PseudoTerminal,
    gateway: GatewayProcess,
    is_long: bool,
    grace_s: float,
) -> None:
    running = on_terminal()
    with watched(running) as notes:
        time.sleep(60 if is_long else 5)
    sent = gateway.ledger().frames_sent
    terminal.until(lambda: updates_shown(terminal) >= sent, "the table of now")
    with read(terminal):
        running.end()
    lag_s = longest_lag_s(notes, gateway.tickers)
    record_property("lag, s", lag_s)
    assert lag_s < LAG_LIMIT_S + grace_s
    assert terminal.is_whole


def test_it_ends_within_5_s_although_its_terminal_does_not_read(
    on_terminal: Start, record_property: Record, terminal: PseudoTerminal
) -> None:
    running = on_terminal()
    fill(terminal)
    running.program.send(signal.SIGTERM)  # the key would empty it
    began = time.monotonic()
    assert running.program.wait() == 0
    took_s = time.monotonic() - began
    record_property("ended_s", took_s)
    assert took_s < STOP_LIMIT_S
    assert running.program.summary()["connections"] == {"online": 4, "total": 4}
    assert terminal.modes == terminal.modes_before


def test_after_ctrl_z_and_fg_every_connection_is_still_there(
    on_terminal: Start, terminal: PseudoTerminal, gateway: GatewayProcess, is_long: bool
) -> None:
    running = on_terminal(rate=100)
    program = running.program
    before = program.children()
    terminal.press(CTRL_Z)
    terminal.until(lambda: all(is_stopped(pid) for pid in before.values()) and is_left(terminal), "all stop")
    time.sleep(60 if is_long else 3)
    terminal.clear()
    program.send(signal.SIGUSR1)
    terminal.until(lambda: shows_table(terminal), "the table again")
    with read(terminal):
        time.sleep(15 if is_long else 1)  # in the long form more than it takes to find a connection dead
        assert program.children() == before
        running.end()
    assert gateway.ledger().connects == 4
    assert terminal.is_whole


STALE_RED, FRESH_GREEN, AGING_YELLOW, QUIET_GREY = "ff5f5f", "5fd787", "ffd75f", "808080"
LIVE = {FRESH_GREEN, STALE_RED, "default"}
"""In which a price is shown that is not old: bid and ask have colours of their own."""


def test_an_old_price_never_looks_live_and_a_closed_market_is_no_alarm(
    on_terminal: Start, terminal: PseudoTerminal, gateway: GatewayProcess
) -> None:
    """Silence of a market that trades: every age is red, every price grey. Of one that is closed: nothing is red."""
    limits = 'theme = "dark"\nfresh_s = 0.5\nstale_s = 2\nrefresh_s = 0.1\n'
    running = on_terminal(config=SOON_DEAD + limits)
    gateway.quiet()
    terminal.until(lambda: ages_shown(terminal) == {STALE_RED}, "every age is red")
    if LIVE & prices_shown(terminal):
        for line in rows(terminal):
            print([(ch, terminal.colour_at(c, line)) for c, ch in enumerate(terminal.lines[line]) if ch != " "])
    assert not LIVE & prices_shown(terminal)

    gateway.enter("N")
    terminal.until(lambda: "Session: closed" in terminal.text, "the session")
    terminal.until(lambda: ages_shown(terminal) == {QUIET_GREY}, "no age is red")
    until = time.monotonic() + 4  # longer than a dead peer is given
    terminal.until(lambda: time.monotonic() > until, "nothing happens")
    assert ages_shown(terminal) == {QUIET_GREY}
    assert STALE_RED not in colours(terminal, range(len(terminal.lines)))
    with read(terminal):
        running.end(reconnects=0)
    assert gateway.ledger().connects == 4


VIEWS = ((b"1", "BID"), (b"\r", "Carried by"), (b"2", "Last reason"), (b"3", "the newest first"), (b"?", "quit, as"))


def test_nothing_that_the_exchange_says_is_obeyed_by_the_terminal(
    on_terminal: Start, terminal: PseudoTerminal, gateway: GatewayProcess
) -> None:
    """Whichever view is shown, while every kind of poison comes in."""
    running = on_terminal()
    doses = Doses(gateway)
    with read(terminal):
        doses.give_each_once()  # what is kept in mind of each kind is there then
        running.begin()
    for key, shown in VIEWS:
        terminal.press(key)
        terminal.until(lambda text=shown: text in terminal.text, shown)  # type: ignore[misc]
        with read(terminal):
            doses.give(RATE, seconds=1)
    with read(terminal):
        running.end()
    assert [text for text in HARMFUL if text.encode() in terminal.written] == []
    assert terminal.is_whole


def colours(terminal: PseudoTerminal, lines: Iterable[int], columns: slice = slice(None)) -> set[str]:
    """Of the characters that are not blank."""
    shown = [(line, list(enumerate(terminal.lines[line]))[columns]) for line in lines]
    return {terminal.colour_at(column, line) for line, cells in shown for column, char in cells if char != " "}


def rows(terminal: PseudoTerminal) -> range:
    """The lines of the table's body."""
    first = next(number for number, line in enumerate(terminal.lines) if "Ticker" in line and "Age" in line) + 1
    return range(first, terminal.lines.index("", first))


def ages_shown(terminal: PseudoTerminal) -> set[str]:
    """The colours of the column of ages."""
    end = terminal.lines[rows(terminal)[0] - 1].index("Age") + len("Age")
    return colours(terminal, rows(terminal), slice(end - 7, None))


def prices_shown(terminal: PseudoTerminal) -> set[str]:
    """Those of bid, ask, spread, last and its change."""
    heading = terminal.lines[rows(terminal)[0] - 1]
    return colours(terminal, rows(terminal), slice(heading.index("BID") - 6, heading.index("Volume") - 4))


def is_left(terminal: PseudoTerminal) -> bool:
    return terminal.written.rfind(LEAVE_ALTERNATE) > terminal.written.rfind(ENTER_ALTERNATE)


def fill(terminal: PseudoTerminal) -> None:
    """Write until it takes no more."""
    descriptor = os.open(terminal.path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"x")
    os.close(descriptor)


def cpu_s(pid: int) -> float:
    """Processor seconds so far; 0 once it is gone."""
    usage = usage_of(pid)
    return 0.0 if usage is None else usage.cpu_s


def is_stopped(pid: int) -> bool:
    return run_state(pid) == "T"
