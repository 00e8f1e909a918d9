"""`python -m simulator`, as a person runs it."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulator.__main__ import main
from simulator.server import listen
from tests.simulator.client import Client

LINE = re.compile(
    r"listening on (ws://127\.0\.0\.1:(\d+)/infocx/v3/websocket) and http://127\.0\.0\.1:\2/iss\n",
)


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the URL of its gateway."""
    command = [sys.executable, "-m", "simulator", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = LINE.fullmatch(process.stdout.readline())
        assert line is not None
        yield process, line[1]
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    with started("--rate", "100", "--seed", "3") as (process, url), Client(url):
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.communicate() == ("", "")


def test_its_flags_reach_the_exchange() -> None:
    flags = ("--session", "closed", "--refuse-ticker", "SBER", "--refusal", "gateway.timeout", "--reframe")
    with started(*flags) as (_, url), Client(url) as client:
        client.subscribe("SBER")
        assert client.next().headers["message"] == "gateway.timeout"
        client.subscribe("GAZP", "securities", "GAZP")
        assert client.next_message("GAZP").rows[0]["TRADINGSTATUS"] == "N"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "65536"], "'65536' is not a whole number from 0 to 65535"),
        (["--port", "http"], "'http' is not a whole number"),
        (["--rate", "0"], "'0' is not a whole number from 1 to"),
        (["--seed", "-1"], "--seed"),
        (["--session", "half"], "--session"),
        (["--refuse-ticker", "NOPE"], "'NOPE' is not traded here"),
        (["--cut-every", "0"], "'0' is not a positive number"),
        (["--silent-after", "nan"], "'nan' is not a positive number"),
        (["--junk", "2"], "'2' is not a number from 0 to 1"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert complaint in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_a_port_that_is_taken_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            main(["--port", str(port)])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"python -m simulator: port {port} on 127.0.0.1: Address already in use\n"
