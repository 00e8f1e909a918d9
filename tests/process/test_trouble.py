"""What is wrong is said plainly, and the program goes on."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.behaviour import Behaviour
from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL, Start
from tests.process.program import CHECKOUT, LIMIT_S, PASSCODE, wait_for


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_without_a_route_to_the_exchange_it_runs_on_says_why_and_points_to_the_demo(start: Start) -> None:
    address = f"127.0.0.1:{unused_port()}"
    program = start("--url", f"ws://{address}/", "--iss-url", f"http://{address}/iss", *SMALL)
    wait_for(lambda: "make demo" in program.output, "the hint")
    assert "connection refused" in program.output
    program.wait_for_log("is waiting: connection refused", 4)
    assert program.stop() == 0
    summary = program.summary()
    assert summary["connections"] == {"online": 0, "total": 4}
    assert "shipped" in summary["instruments_source"]


def test_a_folder_for_temporary_files_whose_path_is_too_long_is_told_in_one_line(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    program = start("--simulate", "--display", "none", *SMALL, environment={"TMPDIR": str(folder)})
    assert program.wait() == 70
    assert program.output.startswith(
        "the folder for temporary files ($TMPDIR) can hold no socket: AF_UNIX path too long\n"
    )
    assert "Traceback" not in program.log


def test_a_refused_login_is_no_reason_to_end_and_its_passcode_is_nowhere(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    gateway.behave(Behaviour(greeting="refuse"))
    login = {"MOEX_DOMAIN": "passport", "MOEX_LOGIN": "trader", "MOEX_PASSCODE": PASSCODE}
    program = start(*at[:-1], "plain", *SMALL, "--log-level", "debug", environment=login)
    program.wait_for_log("is refused: Access denied", 4)
    wait_for(lambda: "refused" in program.output, "the refusal in the status line")
    assert PASSCODE not in program.command_lines()
    assert program.stop() == 0
    said = program.log + program.output + program.summary_file.read_text()
    assert PASSCODE not in said
    assert gateway.ledger().logins_refused == 4


def test_a_refused_ticker_is_marked_and_the_rest_goes_on(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    ticker = gateway.tickers[0]
    gateway.behave(Behaviour(refused_tickers=frozenset({ticker})))
    program = start(*at, "--workers", "1", "--connections", "1", "--tickers-per-connection", "258")
    gateway.wait_until(lambda ledger: ledger.subscriptions == 2 * 257)
    program.wait_for_log("is online")
    program.wait_for_log(f"connection 1: refused {ticker}: ")
    assert program.stop() == 0
    summary = program.summary()
    assert summary["subscriptions"] == {"planned": 516, "confirmed": 514, "refused": 2}
    assert summary["reconnects"] == 0
    assert ticker not in summary["quotes"]


def test_a_simulated_exchange_is_recognised_at_whatever_address(start: Start) -> None:
    command = [sys.executable, "-m", "simulator", "--port", "0", "--rate", "100"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        line = simulator.stdout.readline()
        address = line.partition("ws://")[2].partition("/")[0]
        program = start("--url", f"ws://{address}/infocx/v3/websocket", "--iss-url", f"http://{address}/iss", *SMALL)
        wait_for(lambda: "SIMULATED" in program.output, "the mark")
        assert program.stop() == 0
        simulator.terminate()
    assert program.summary()["simulated"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "many"], "many"),
        (["--workers", "5", "--connections", "4"], "connections"),
        (["--url", "ws://iss.moex.com/"], "wss://"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2_before_anything_starts(
    start: Start, arguments: list[str], said: str
) -> None:
    program = start(*arguments)
    assert program.wait() == 2
    assert program.output.count("\n") == 1
    assert said in program.output
    assert not program.log_file.exists()
    assert not program.summary_file.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "begin"), [((), 2, ""), (("health",), 1, "unhealthy: it cannot be asked: ")]
)
def test_a_python_without_its_packages_is_told_which_one_to_take(
    arguments: tuple[str, ...], code: int, begin: str
) -> None:
    command = [sys.executable, "-S", str(CHECKOUT / "run.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    why = "has no msgspec: start run.py by .venv/bin/python (make setup)"
    assert (done.returncode, done.stdout + done.stderr) == (code, f"{begin}{sys.executable} {why}\n")
    assert bool(done.stdout) is bool(begin)


def test_a_mistyped_key_is_named_with_the_nearest_right_one(start: Start) -> None:
    program = start(config="[collector]\nworker = 3\n")
    assert program.wait() == 2
    assert "config.toml" in program.output
    assert "worker" in program.output
    assert "workers" in program.output
