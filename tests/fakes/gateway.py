"""The tests' own gateway: the exchange as its protocol page describes it, with a ledger, and faults on demand.

`FakeGateway` runs in a thread of the test, `GatewayProcess` in a process of its own, so that it takes no time from the
test's interpreter; both are driven as `Control` says. By hand: `python -m tests.fakes.gateway [--port N] [--rate N]
[--seed N]` prints one JSON line with its port, then obeys one JSON command a line until its input ends or says close:
`{"do": "start", "rate": 1500}`, `{"do": "drop", "connection": 3, "how": "reset"}`, `{"do": "quiet", "within_s": 5}`,
`{"do": "ledger"}`, `{"do": "close"}`.
"""

import argparse
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, cast

import msgspec

from tests.fakes.commands import Commands, obey
from tests.fakes.control import ANSWER_LIMIT_S, Control, GatewayError
from tests.fakes.exchange import Exchange
from tests.fakes.loop_thread import LoopThread

CHECKOUT = Path(__file__).parents[2]
START_LIMIT_S = 20.0
END_LIMIT_S = 5.0
COMMAND_LIMIT_S = 3600.0
CLOSE_COMMAND = {"do": "close"}


class FakeGateway(Control):
    """In a daemon thread of this process; `port` 0 takes a free one. Raises OSError when the port is taken."""

    def __init__(self, port: int = 0, seed: int = 1) -> None:
        self._exchange = Exchange(seed)
        self._thread = LoopThread("fake-gateway")
        try:
            super().__init__(self._thread.call(self._exchange.open_port(port)))
        except OSError:
            self.close()
            raise
        self._commands = Commands(self._exchange, self.port)

    def close(self) -> None:
        self._thread.close(self._exchange.close)

    def ask(self, request: bytes, within_s: float = ANSWER_LIMIT_S) -> bytes:
        return self._thread.call(obey(self._commands, request), within_s)


class GatewayProcess(Control):
    """In a process of its own, which ends when this one does; `pid` is there for signals. Raises GatewayError."""

    def __init__(self, port: int = 0, seed: int = 1) -> None:
        command = [sys.executable, "-m", "tests.fakes.gateway", "--port", str(port), "--seed", str(seed)]
        # A group of its own, so that a Ctrl+C meant for the tested program does not reach it.
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )
        self.pid = self._process.pid
        self._input = cast(IO[bytes], self._process.stdin)
        self._output = cast(IO[bytes], self._process.stdout)
        self._unanswered = 0
        self._asking = threading.Lock()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="fake-gateway-answers", daemon=True)
        self._reader.start()
        try:
            super().__init__(msgspec.json.decode(self._next_answer(START_LIMIT_S), type=dict[str, int])["port"])
        except (GatewayError, TimeoutError):
            self.close()
            raise

    def close(self) -> None:
        self._process.send_signal(signal.SIGCONT)  # a drill may have left it stopped
        try:
            self._input.close()
            self._process.wait(END_LIMIT_S)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._output.close()

    def ask(self, request: bytes, within_s: float = ANSWER_LIMIT_S) -> bytes:
        with self._asking:
            try:
                self._input.write(request + b"\n")
                self._input.flush()
            except (OSError, ValueError) as error:
                raise GatewayError(f"the gateway's process is gone: {error}") from error
            self._unanswered += 1
            while True:  # past the answers that came too late for who had asked
                answer = self._next_answer(within_s)
                self._unanswered -= 1
                if self._unanswered == 0:
                    return answer

    def _next_answer(self, within_s: float) -> bytes:
        try:
            answer = self._answers.get(timeout=within_s)
        except queue.Empty:
            raise TimeoutError(f"the gateway's process did not answer within {within_s} s") from None
        if not answer:
            raise GatewayError(f"the gateway's process is gone, exit code {self._process.poll()}")
        return answer

    def _read(self) -> None:
        """Thread: hand on every line, and an empty one at the end."""
        for line in self._output:
            self._answers.put(line)
        self._answers.put(b"")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.gateway")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0, help="MESSAGE frames a second over all subscriptions")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with FakeGateway(arguments.port, arguments.seed) as gateway:
        _print_line(msgspec.json.encode({"port": gateway.port}))
        if arguments.rate:
            gateway.start(arguments.rate)
        for line in sys.stdin.buffer:
            if msgspec.json.decode(line) == CLOSE_COMMAND:
                break
            _print_line(gateway.ask(line, COMMAND_LIMIT_S))


def _print_line(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
