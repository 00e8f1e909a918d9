"""The sender and one client as processes, and what a round of a scenario costs."""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bench import measure
from bench.scenarios import TICKERS_PER_CONNECTION, Result, Scenario

CHECKOUT = Path(__file__).parents[1]
ANSWER_LIMIT_S = 120.0
SETTLE_S = 0.5
IDLE_S = 1.0
WORK_OFF_S = 0.3

T = TypeVar("T")


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
        self._process.communicate()


class Client:
    """A client in a session of its own. `wrapper` is a command that runs it, such as a profiler."""

    def __init__(self, scenario: Scenario, port: int, folder: Path, wrapper: Sequence[str] = ()) -> None:
        self._scenario = scenario
        self._is_wrapped = bool(wrapper)
        self._summary = folder / "summary.json"
        command = self._ours(port, folder) if scenario.client == "ours" else self._yardstick(port)
        environment = os.environ | {"XDG_CACHE_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
        self._process = subprocess.Popen(
            [*wrapper, *command], cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, start_new_session=True
        )
        self.session = self._process.pid

    def _yardstick(self, port: int) -> list[str]:
        scenario = self._scenario
        arguments = [str(scenario.connections), str(TICKERS_PER_CONNECTION), scenario.streams]
        return [sys.executable, "-m", f"bench.clients.{scenario.client}", f"ws://127.0.0.1:{port}/", *arguments]

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

    def stop(self, sent: int) -> dict[str, Any]:
        """What it says of itself at its end. Raises ValueError when it did not consume all that was sent."""
        pid = self._process.pid
        os.kill(measure.child_of(pid) if self._is_wrapped else pid, signal.SIGTERM)
        output, _ = self._process.communicate(timeout=ANSWER_LIMIT_S)
        said: dict[str, Any] = json.loads(self._summary.read_text() if self._summary.exists() else output)
        if said["messages"] != sent:
            raise ValueError(f"{self._scenario.name}: {said['messages']} of {sent} messages were consumed")
        return said

    def kill(self) -> None:
        for process in list(measure.processes(self.session)):
            os.kill(int(process.name), signal.SIGKILL)
        self._process.communicate()


@contextmanager
def running(scenario: Scenario, wrapper: Sequence[str] = ()) -> Iterator[tuple[Sender, Client]]:
    """A client that has confirmed all its subscriptions, and the sender that it listens to."""
    sender = Sender()
    with tempfile.TemporaryDirectory() as folder:
        client = Client(scenario, sender.port, Path(folder), wrapper)
        try:
            sender.do(do="wait", subscriptions=scenario.subscriptions)
            yield sender, client
        finally:
            client.kill()
            sender.close()


def measured(scenario: Scenario, steady_s: float) -> Result:
    """One round: a run at a steady pace, and a run as fast as the sockets take it."""
    result = paced(scenario, steady_s) if scenario.rate else Result()
    return blasted(scenario, result) if scenario.blast else result


def paced(scenario: Scenario, steady_s: float) -> Result:
    began = time.monotonic()
    with running(scenario) as (sender, client):
        ready_s = time.monotonic() - began
        time.sleep(SETTLE_S)
        idle_s, _ = cost_of(client, lambda: time.sleep(IDLE_S - WORK_OFF_S))
        cpu_s, done = cost_of(client, lambda: sender.do(do="pace", rate=scenario.rate, seconds=steady_s))
        pss_mb = measure.pss_mb(client.session)
        latency = client.stop(done["messages"]).get("latency_ms", {})
    return Result(
        steady_us=cpu_s / done["messages"] * 1e6,
        p50_ms=latency.get("p50"),
        p99_ms=latency.get("p99"),
        idle_percent=100 * idle_s / IDLE_S,
        pss_mb=pss_mb,
        ready_s=ready_s,
    )


def blasted(scenario: Scenario, before: Result) -> Result:
    """What is added to a result. The memory is the larger one of the two runs."""
    with running(scenario) as (sender, client):
        time.sleep(SETTLE_S)
        cpu_s, done = cost_of(client, lambda: sender.do(do="blast", messages=scenario.blast))
        pss_mb = measure.pss_mb(client.session)
        client.stop(done["messages"])
    return before._replace(
        blast_us=cpu_s / done["messages"] * 1e6,
        blast_per_s=done["messages"] / done["seconds"],
        pss_mb=max(pss_mb, before.pss_mb or 0.0),
    )


def cost_of(client: Client, action: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds of the client while `action` runs and what it brought is worked off; what it returns."""
    before = measure.cpu_s(client.session)
    result = action()
    time.sleep(WORK_OFF_S)
    return measure.cpu_s(client.session) - before, result
