"""Whatever bytes the exchange sends are survived and counted, and change nothing that is true."""

import json
import time
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.drills.conftest import StartDrill
from tests.drills.drill import Drill
from tests.drills.poison import Poison, endings, large_poisons, poisons
from tests.fakes.gateway import GatewayProcess
from tests.fakes.ledger import SubscriptionSeen

RATE = 2_000
STEP_S = 0.02
LARGE_EVERY = 500
ROOM_MB = 45.0
"""What the memory allocator of a worker keeps is at most two of the largest frames that are taken, 8 MB each."""

MISFIT_LINE = "; sample: "
MISFIT_INTERVAL_S = 60.0


class Doses:
    """Poisons for each connection in turn, and what was given of them."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.messages = self.misfits = self.perhaps = 0
        self._gateway = gateway
        self._random = Random(1)
        self._given = 0
        by_connection: dict[int, list[SubscriptionSeen]] = {}
        for one in gateway.subscriptions():
            by_connection.setdefault(one.connection, []).append(one)
        self._poisons = {number: poisons(mine) for number, mine in by_connection.items()}
        self._large = {number: large_poisons(mine) for number, mine in by_connection.items()}

    def give_each_once(self) -> None:
        for number, kinds in self._poisons.items():
            for start in range(0, len(kinds), 50):
                self._give(number, kinds[start : start + 50])
            self._give(number, self._large[number])

    def give(self, rate: float, seconds: float) -> None:
        """So many messages a second, over all connections."""
        began, before = time.monotonic(), self._given
        turn = 0
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate) - (self._given - before)
            number = list(self._poisons)[turn % len(self._poisons)]
            turn += 1
            self._give(number, self._random.choices(self._poisons[number], k=max(0, due)))
            if self._random.random() < due / LARGE_EVERY:
                self._give(number, [self._random.choice(self._large[number])])
            time.sleep(STEP_S)

    def _give(self, connection: int, chosen: list[Poison]) -> None:
        self._gateway.send_tcp(b"".join(poison.data for poison in chosen), connection)
        self._given += len(chosen)
        self.messages += sum(poison.messages for poison in chosen)
        self.misfits += sum(poison.misfits for poison in chosen)
        self.perhaps += sum(poison.perhaps for poison in chosen)


def texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, content in value.items():
                yield from (key, *texts_in(content))
        case list():
            for content in value:
                yield from texts_in(content)


def check_that_nothing_reached_a_terminal(running: Drill) -> None:
    program = running.program
    for text in (program.log, program.output):
        assert [line for line in text.split("\n") if not line.isprintable()] == []
    text = program.summary_file.read_bytes().decode()
    assert [line for line in text.split("\n") if not line.isprintable()] == []
    assert [text for text in texts_in(json.loads(text)) if not text.isprintable()] == []


def check_that_misfits_were_sampled(running: Drill, seconds: float) -> None:
    """One line a connection and minute, none of them long."""
    lines = [line for line in running.program.log.splitlines() if MISFIT_LINE in line]
    assert 0 < len(lines) <= running.connections * (seconds / MISFIT_INTERVAL_S + 1)
    assert max(map(len, lines)) < 1000


def test_poison_is_counted_and_costs_neither_a_connection_nor_the_truth(
    drill: StartDrill, gateway: GatewayProcess, is_long: bool
) -> None:
    """Every kind at least once, and 2,000 of them a second, beside a feed of 500 true messages a second."""
    running = drill("--display", "plain")
    running.wait_until_online()
    doses = Doses(gateway)
    doses.give_each_once()
    began = time.monotonic()
    doses.give(RATE, seconds=60 if is_long else 4)  # what is kept in mind of each kind is there then
    running.begin()
    doses.give(RATE, seconds=600 if is_long else 4)
    summary = running.end()
    assert summary["messages"] == gateway.ledger().frames_sent + doses.messages
    assert doses.misfits <= summary["decode_errors"] <= doses.misfits + doses.perhaps
    check_that_misfits_were_sampled(running, time.monotonic() - began)
    check_that_nothing_reached_a_terminal(running)


def end_connections(running: Drill) -> int:
    """In each of the ways once, on all connections in turn; returns how many reconnects that makes."""
    gateway, rest = running.gateway, endings()
    while rest:
        ledger = gateway.ledger()
        numbers = [number for number, seen in ledger.connections.items() if seen.is_open]
        given = list(zip(numbers, rest, strict=False))
        rest = rest[len(given) :]
        for number, data in given:
            gateway.send_tcp(data, number)
        running.wait_until_back(ledger.connects + len(given), within_s=30)
    return len(endings())


def test_what_nothing_can_be_read_after_costs_one_reconnect_each_and_no_memory(
    drill: StartDrill, gateway: GatewayProcess, is_long: bool
) -> None:
    """A frame of 100 MB, announced or begun, one that never ends, and violations of the WebSocket protocol itself."""
    running = drill("--display", "plain", connections=len(endings()), tickers=3)
    running.begin()
    due = sum(end_connections(running) for _ in range(20 if is_long else 1))
    summary = running.end(reconnects=due, more_mb=ROOM_MB)
    assert summary["reconnects"] == gateway.ledger().connects - running.connections == due
    check_that_nothing_reached_a_terminal(running)
