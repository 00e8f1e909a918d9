"""What is measured, and what has to be reached. Pure."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

BOOKS, BOTH = "orderbooks", "orderbooks,securities"
TICKERS_PER_CONNECTION = 50


class Scenario(NamedTuple):
    """One way to run one client. `blast` is a number of messages (0: none), `rate` messages a second (0: no pace)."""

    name: str
    client: str
    streams: str = BOOKS
    connections: int = 30
    workers: int = 6
    blast: int = 200_000
    rate: int = 2_000
    profile: str = "economy"
    rounds: int = 3

    @property
    def subscriptions(self) -> int:
        return self.connections * TICKERS_PER_CONNECTION * len(self.streams.split(","))


class Result(NamedTuple):
    """What one round of one scenario cost; None is what was not measured, or what the client does not tell."""

    blast_us: float | None = None
    blast_per_s: float | None = None
    steady_us: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    idle_percent: float | None = None
    pss_mb: float | None = None
    ready_s: float | None = None


Results = Mapping[str, Sequence[Result]]
"""The rounds of each scenario, by its name."""

OURS, OURS_2 = "this program, 6 workers", "this program, 2 workers"
OURS_1, OURS_LATENCY = "this program, 1 worker", "this program, latency profile"
OURS_BOTH, OURS_10X = "this program, both streams", "this program, 15,000 subscriptions"
OURS_SLOW, OURS_QUICK = "this program, 500 a second", "this program, 8,000 a second"
SCRIPT, SCRIPT_BOTH = "asyncio script (websockets)", "asyncio script, both streams"
STOMP, MOEXALGO = "stock stomp.py, 30 threads", "exchange's own client (moexalgo)"

SCENARIOS = [
    Scenario(OURS, "ours", rounds=4),
    Scenario(SCRIPT, "asyncio_script", blast=80_000, rounds=4),
    Scenario(OURS_2, "ours", workers=2),
    Scenario(STOMP, "stock_stomp", blast=20_000, rounds=2),
    Scenario(MOEXALGO, "exchange_client", blast=20_000, rounds=2),
    Scenario(OURS_LATENCY, "ours", profile="latency"),
    Scenario(OURS_BOTH, "ours", streams=BOTH),
    Scenario(SCRIPT_BOTH, "asyncio_script", streams=BOTH, blast=80_000),
    Scenario(OURS_10X, "ours", connections=300, blast=2_000_000, rate=20_000, rounds=2),
    Scenario(OURS_1, "ours", workers=1, rounds=2),
    Scenario(OURS_SLOW, "ours", blast=0, rate=500, rounds=2),
    Scenario(OURS_QUICK, "ours", blast=0, rate=8_000, rounds=2),
]

YARDSTICKS = [(SCRIPT, OURS), (STOMP, OURS), (MOEXALGO, OURS), (SCRIPT_BOTH, OURS_BOTH)]
"""Whose figures are told as so many times ours."""


class Goal(NamedTuple):
    """One line that has to be reached: `figure` reads it from the results, `limit` is the most, or the least."""

    text: str
    figure: Callable[[Results], float]
    limit: float
    is_least: bool = False

    def is_reached(self, figure: float) -> bool:
        return figure >= self.limit if self.is_least else figure <= self.limit


def of(name: str, field: str) -> Callable[[Results], float]:
    """The median of one figure of one scenario. Raises KeyError or ValueError where it was not measured."""

    def figure(results: Results) -> float:
        values: list[float] = [value for result in results[name] if (value := getattr(result, field)) is not None]
        if not values:
            raise ValueError(f"{name} has no {field}")
        return median(values)

    return figure


def times(name: str, other: str, field: str) -> Callable[[Results], float]:
    """How many times the figure of `other` that of `name` is."""
    return lambda results: of(name, field)(results) / of(other, field)(results)


GOALS = [
    Goal("CPU us a message, blast, 6 workers", of(OURS, "blast_us"), 6),
    Goal("asyncio script / ours, CPU a message, blast", times(SCRIPT, OURS, "blast_us"), 5, is_least=True),
    Goal("ours / asyncio script, messages a second", times(OURS, SCRIPT, "blast_per_s"), 4, is_least=True),
    Goal("CPU us a message, 2,000 a second, 6 workers", of(OURS, "steady_us"), 80),
    Goal("CPU us a message, 2,000 a second, 2 workers", of(OURS_2, "steady_us"), 60),
    Goal("asyncio script / ours, both streams, blast", times(SCRIPT_BOTH, OURS_BOTH, "blast_us"), 3, is_least=True),
    Goal("latency p50 ms, as shipped", of(OURS, "p50_ms"), 60),
    Goal("latency p99 ms, as shipped", of(OURS, "p99_ms"), 130),
    Goal("latency p99 ms, latency profile", of(OURS_LATENCY, "p99_ms"), 25),
    Goal("s until 1500 subscriptions are confirmed", of(OURS, "ready_s"), 2),
    Goal("PSS MB of the whole tree, 6 workers", of(OURS, "pss_mb"), 150),
    Goal("PSS MB of the whole tree, 2 workers", of(OURS_2, "pss_mb"), 90),
    Goal("15,000 subscriptions / 1500, CPU a message, blast", times(OURS_10X, OURS, "blast_us"), 1.3),
    Goal("15,000 subscriptions / 1500, CPU a message, paced", times(OURS_10X, OURS, "steady_us"), 1.3),
]
