"""Over hours, with a connection dropped again and again, nothing grows and nothing falls behind."""

import re
import time
from collections import deque
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

import pytest

from tests.drills.conftest import StartDrill
from tests.drills.drill import FRESH_PROCESSES_MB, Drill, Held
from tests.drills.plot import Curve, picture
from tests.fakes.gateway import GatewayProcess

RATE = 500
CONNECTIONS, TICKERS = 30, 50
STATUS = "[display]\nstatus_interval_s = 0.5\n"
LAG_LIMIT_S = 5.0
GROWTH_MB = 5.0
SPAN = 0.8
"""What lies between the second tenth and the last, between which the growth is measured."""

_messages = re.compile(r"(\d+) messages \|")


class Sample(NamedTuple):
    """How things stand at one moment, in seconds since the start of the soak."""

    at_s: float
    held: Held
    lag_s: float


class Soak:
    """Watches a program while connections are dropped one by one."""

    def __init__(self, drill: Drill) -> None:
        self._drill = drill
        self._began = time.monotonic()
        self._sent: deque[tuple[float, int]] = deque()
        self._random = Random(1)
        self.samples: list[Sample] = []
        self.drops = 0

    def run(self, seconds: float, drop_every_s: float) -> None:
        gateway, next_drop_s = self._drill.gateway, drop_every_s
        while (now_s := time.monotonic() - self._began) < seconds:
            ledger = gateway.ledger()
            self._sent.append((now_s, ledger.frames_sent))
            lag_s = self._lag_s()  # before the memory, which takes longer to look at
            self.samples.append(Sample(now_s, self._drill.held(), lag_s))
            if now_s >= next_drop_s:
                next_drop_s += drop_every_s
                self.drops += 1
                gateway.drop(self._random.choice([n for n, seen in ledger.connections.items() if seen.is_open]))
            time.sleep(0.5)

    def _lag_s(self) -> float:
        """For how long the program may have missed something by what it says: status lines and reports included, and
        the time between two looks at what the exchange has sent."""
        counts = _messages.findall(self._drill.program.output)
        counted = int(counts[-1]) if counts else 0
        while len(self._sent) > 1 and self._sent[1][1] <= counted:
            self._sent.popleft()
        return time.monotonic() - self._began - self._sent[0][0]


@pytest.mark.timeout(0)
def test_memory_descriptors_threads_and_lag_stay_where_they_are(
    drill: StartDrill, gateway: GatewayProcess, is_long: bool, grace_s: float, request: pytest.FixtureRequest
) -> None:
    minutes, drop_every_s = (60.0, 10.0) if is_long else (0.25, 5.0)
    running = drill("--display", "plain", connections=CONNECTIONS, tickers=TICKERS, config=STATUS)
    running.begin(RATE, is_warm=True)
    soak = Soak(running)
    soak.run(minutes * 60, drop_every_s)
    running.wait_until_online()
    if path := request.config.getoption("--plot"):
        Path(path).write_text(drawn(soak.samples))
    tenth = len(soak.samples) // 10
    memory = [sample.held.pss_mb for sample in soak.samples]
    assert median(memory[-tenth:]) - median(memory[tenth : 2 * tenth]) < GROWTH_MB * SPAN
    assert max(sample.lag_s for sample in soak.samples) < LAG_LIMIT_S + grace_s
    running.end(reconnects=soak.drops, more_mb=FRESH_PROCESSES_MB)


def drawn(samples: list[Sample]) -> str:
    """The picture for the README."""
    minutes = [sample.at_s / 60 for sample in samples]
    return picture(
        minutes,
        [
            Curve("memory of all processes (PSS, without files)", "MB", [sample.held.pss_mb for sample in samples]),
            Curve("lag of the counters behind the exchange", "s", [sample.lag_s for sample in samples]),
            Curve("descriptors", "number", [sample.held.descriptors for sample in samples]),
        ],
    )
