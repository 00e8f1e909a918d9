"""`make bench`: this program and what else one could run, side by side on the same feed, in one table.

Costs are processor microseconds a message, user and system, over the whole process tree: they bear noise better than
times do. Every client has to tell how many messages it consumed, and is refused when one is missing.
"""

import argparse
import json
import os
import platform
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

from bench import measure

CHECKOUT = Path(__file__).parents[1]
ANSWER_LIMIT_S = 120.0

T = TypeVar("T")

SETTLE_S = 1.0
WORK_OFF_S = 0.3
STEADY_RATE = 2000
STEADY_S = 4.0
BOOKS, BOTH = "orderbooks", "orderbooks,securities"


class Scenario(NamedTuple):
    """One way to run one client: its command is made for the sender's port."""

    name: str
    client: str
    streams: str = BOOKS
    connections: int = 30
    workers: int = 6
    blast: int = 200_000
    profile: str = "economy"
    rounds: int = 3

    @property
    def subscriptions(self) -> int:
        return self.connections * 50 * len(self.streams.split(","))


class Result(NamedTuple):
    """What one round of one scenario cost; latencies are None where the client tells none."""

    blast_us: float
    blast_per_s: float
    steady_us: float
    p50_ms: float | None
    p99_ms: float | None
    idle_percent: float
    pss_mb: float
    ready_s: float


SCENARIOS = [
    Scenario("this program, 6 workers", "ours"),
    Scenario("this program, 2 workers", "ours", workers=2, rounds=2),
    Scenario("asyncio script (websockets)", "asyncio_script", blast=40_000),
    Scenario("stock stomp.py, 30 threads", "stock_stomp", blast=20_000, rounds=1),
    Scenario("exchange's own client", "exchange_client", blast=20_000, rounds=1),
    Scenario("this program, latency profile", "ours", profile="latency", rounds=1),
    Scenario("this program, both streams", "ours", streams=BOTH, rounds=2),
    Scenario("asyncio script, both streams", "asyncio_script", streams=BOTH, blast=40_000, rounds=2),
    Scenario("this program, 15,000 subscriptions", "ours", connections=300, rounds=1),
]


COMPARED = [
    ("asyncio script (websockets)", "this program, 6 workers"),
    ("stock stomp.py, 30 threads", "this program, 6 workers"),
    ("exchange's own client", "this program, 6 workers"),
    ("asyncio script, both streams", "this program, both streams"),
    ("this program, 15,000 subscriptions", "this program, 6 workers"),
]


class Sender:
    """bench.sender in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.sender"], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.port = self._answer()["port"]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)

    def _answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._answers.get(timeout=ANSWER_LIMIT_S))
        return answer

    def do(self, **command: object) -> dict[str, Any]:
        """Raises queue.Empty when it is not done in time: a client has stopped reading."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Client:
    """A client in a session of its own."""

    def __init__(self, scenario: Scenario, port: int, folder: Path) -> None:
        self._scenario = scenario
        self._summary = folder / "summary.json"
        command = self._ours(port, folder) if scenario.client == "ours" else self._yardstick(port)
        environment = os.environ | {"XDG_CACHE_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, start_new_session=True
        )
        self.session = self._process.pid

    def _yardstick(self, port: int) -> list[str]:
        scenario = self._scenario
        arguments = [f"ws://127.0.0.1:{port}/", str(scenario.connections), "50", scenario.streams]
        return [sys.executable, "-m", f"bench.clients.{scenario.client}", *arguments]

    def _ours(self, port: int, folder: Path) -> list[str]:
        scenario, config = self._scenario, folder / "config.toml"
        config.write_text(
            f"[exchange]\nconnect_stagger_s = 0\nsubscribe_pause_s = 0\n[collector]\nprofile = '{scenario.profile}'\n"
        )
        arguments = {
            "config": config,
            "url": f"ws://127.0.0.1:{port}/",
            "iss-url": f"http://127.0.0.1:{port}/iss",
            "workers": scenario.workers,
            "connections": scenario.connections,
            "streams": scenario.streams,
            "display": "none",
            "log-file": folder / "log",
            "summary": self._summary,
        }
        return [sys.executable, "run.py", *(f"--{name}={value}" for name, value in arguments.items())]

    def stop(self) -> dict[str, Any]:
        """What it says of itself at the end."""
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate(timeout=ANSWER_LIMIT_S)
        text = self._summary.read_text() if self._summary.exists() else output
        said: dict[str, Any] = json.loads(text)
        return said


@contextmanager
def running(scenario: Scenario) -> Iterator[tuple[Sender, Client]]:
    sender = Sender()
    with tempfile.TemporaryDirectory() as folder:
        client = Client(scenario, sender.port, Path(folder))
        try:
            yield sender, client
        finally:
            for process in list(measure.processes(client.session)):
                os.kill(int(process.name), signal.SIGKILL)
            sender.close()


def measured(scenario: Scenario, steady_s: float) -> Result:
    """One round: a run at a steady rate, and a run as fast as the sockets take it."""
    began = time.monotonic()
    with running(scenario) as (sender, client):
        sender.do(do="wait", subscriptions=scenario.subscriptions)
        ready_s = time.monotonic() - began
        time.sleep(SETTLE_S)
        idle_s, _ = cost_of(client, lambda: time.sleep(SETTLE_S))
        steady_cpu_s, steady = cost_of(client, lambda: sender.do(do="pace", rate=STEADY_RATE, seconds=steady_s))
        pss_mb = measure.pss_mb(client.session)
        latency = consumed(client, steady["messages"]).get("latency_ms", {})
    with running(scenario) as (sender, client):
        sender.do(do="wait", subscriptions=scenario.subscriptions)
        time.sleep(SETTLE_S)
        blast_cpu_s, blast = cost_of(client, lambda: sender.do(do="blast", messages=scenario.blast))
        consumed(client, blast["messages"])
    return Result(
        blast_us=blast_cpu_s / blast["messages"] * 1e6,
        blast_per_s=blast["messages"] / blast["seconds"],
        steady_us=steady_cpu_s / steady["messages"] * 1e6,
        p50_ms=latency.get("p50"),
        p99_ms=latency.get("p99"),
        idle_percent=100 * idle_s / SETTLE_S,
        pss_mb=pss_mb,
        ready_s=ready_s,
    )


def cost_of(client: Client, action: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds of the client while `action` runs and what it brought is worked off; what it returns."""
    before = measure.cpu_s(client.session)
    result = action()
    time.sleep(WORK_OFF_S)
    return measure.cpu_s(client.session) - before, result


def consumed(client: Client, sent: int) -> dict[str, Any]:
    """What the client says at its end. Raises ValueError when it did not consume all that was sent."""
    said = client.stop()
    if said["messages"] != sent:
        raise ValueError(f"{said['messages']} of {sent} messages were consumed")
    return said


HEADINGS = ("", "blast us", "msg/s", "steady us", "p50 ms", "p99 ms", "idle %", "PSS MB", "ready s")
DIGITS = (1, 0, 1, 0, 0, 1, 0, 2)


def row(name: str, results: Sequence[Result]) -> list[str]:
    """Medians, and the spread behind the costs."""
    cells = [name]
    for field, digits in zip(Result._fields, DIGITS, strict=True):
        values = [value for result in results if (value := getattr(result, field)) is not None]
        cells.append(cell(field, values, digits))
    return cells


def cell(field: str, values: Sequence[float], digits: int) -> str:
    if not values:
        return "-"
    text = f"{median(values):.{digits}f}"
    is_cost = field.endswith("_us") and len(values) > 1
    return f"{text} ({min(values):.{digits}f}-{max(values):.{digits}f})" if is_cost else text


def ratios(name: str, results: Sequence[Result], ours: Sequence[Result]) -> list[str]:
    """How many times ours each figure is."""
    return [
        f"  {name} / ours",
        *(f"{of(results, field) / of(ours, field):.1f}x" for field in ("blast_us", "blast_per_s", "steady_us")),
    ]


def of(results: Sequence[Result], field: str) -> float:
    figure: float = median(getattr(result, field) for result in results)
    return figure


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table that Markdown reads as well."""
    full = [[*cells, *[""] * (len(HEADINGS) - len(cells))] for cells in (HEADINGS, *rows)]
    widths = [max(len(cells[column]) for cells in full) for column in range(len(HEADINGS))]
    lines = ["| " + " | ".join(text.ljust(w) for text, w in zip(cells, widths, strict=True)) + " |" for cells in full]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Costs side by side, in one table.")
    parser.add_argument("--quick", action="store_true", help="one round of each")
    parser.add_argument("--only", default="", help="scenarios whose name holds this text")
    chosen = parser.parse_args()
    results: dict[str, list[Result]] = {}
    scenarios = [scenario for scenario in SCENARIOS if chosen.only in scenario.name]
    for turn in range(1 if chosen.quick else max(scenario.rounds for scenario in scenarios)):
        for scenario in scenarios:
            if turn < scenario.rounds:
                results.setdefault(scenario.name, []).append(measured(scenario, STEADY_S))
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = [row(name, found) for name, found in results.items()]
    for theirs, ours in COMPARED:
        if theirs in results and ours in results:
            rows.append(ratios(theirs, results[theirs], results[ours]))
    print(f"{date.today()}, {machine()}")
    print(table(rows))


def machine() -> str:
    """What it ran on."""
    return f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}, {platform.system()}"


if __name__ == "__main__":
    main()
