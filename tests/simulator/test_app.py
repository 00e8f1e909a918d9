"""The exchange as a child process, as the supervisor starts it."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext, ForkServerProcess
from socket import create_connection, socket

import pytest

from shared.settings import SimulatorSettings
from simulator.app import main
from simulator.server import gateway_url, listen
from tests.simulator.client import Client
from tests.simulator.waiting import wait_for

SETTINGS = SimulatorSettings(seed=1)
CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")
ORPHAN_MAKER = """
import multiprocessing, os, signal, sys
from shared.settings import SimulatorSettings
from simulator.app import main
from simulator.server import listen
if __name__ == "__main__":
    listener = listen(0)
    child = multiprocessing.get_context("forkserver").Process(target=main, args=(listener, SimulatorSettings(seed=1)))
    child.start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def listener() -> Iterator[socket]:
    with listen(0) as each:
        yield each


def start(listener: socket) -> ForkServerProcess:
    child = CONTEXT.Process(target=main, args=(listener, SETTINGS), daemon=True)
    child.start()
    return child


def end(child: ForkServerProcess) -> int | None:
    assert child.pid is not None
    os.kill(child.pid, signal.SIGTERM)
    child.join(10)
    return child.exitcode


def test_it_serves_until_sigterm_and_ignores_sigint(listener: socket) -> None:
    child = start(listener)
    with Client(gateway_url(listener)) as client:
        assert child.pid is not None
        os.kill(child.pid, signal.SIGINT)
        client.subscribe("SBER")
        assert client.next_message("SBER").rows
        assert end(child) == 0


def test_the_listening_socket_outlives_the_child_and_serves_the_next_one(listener: socket) -> None:
    first = start(listener)
    with Client(gateway_url(listener)):
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        first.join(10)
    second = start(listener)
    with Client(gateway_url(listener)) as client:
        client.subscribe("SBER")
        assert client.next_message("SBER").rows
    assert end(second) == 0


def test_it_does_not_outlive_its_parent() -> None:
    command = [sys.executable, "-c", ORPHAN_MAKER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None and parent.stdin is not None
        port = int(parent.stdout.readline())
        with Client(f"ws://127.0.0.1:{port}/infocx/v3/websocket"):
            parent.stdin.write("\n")
            parent.stdin.flush()
            assert parent.wait(10) == -signal.SIGKILL
        wait_for(lambda: not accepts_connections(port))


def accepts_connections(port: int) -> bool:
    try:
        create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
