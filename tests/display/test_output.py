"""Printing for a pipe, in a process of its own: the handlers of signals are those of a main thread."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.display.pseudo_terminal import LIMIT_S

CHECKOUT = Path(__file__).parents[2]
HEAD = """
import os, sys
from signal import Signals
from display.output import Output
from display.signals import Recorder
output = Output(Recorder([Signals.SIGINT, Signals.SIGTERM]))
"""
LINE = "x" * 99 + "\n"


@contextmanager
def printing(program: str, stdout: int) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-c", HEAD + program]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=stdout, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> tuple[str, str, int]:
    output, errors = process.communicate(timeout=LIMIT_S)
    return output, errors, process.returncode


def test_all_of_a_long_text_comes_through_a_pipe_that_holds_less() -> None:
    with printing(
        f"output.write({LINE!r} * 20_000)\nprint(output.is_over, file=sys.stderr)", subprocess.PIPE
    ) as process:
        assert said(process) == (LINE * 20_000, "False\n", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heard_although_nobody_reads(number: signal.Signals) -> None:
    program = (
        f"print('full', file=sys.stderr, flush=True)\noutput.write({LINE!r} * 20_000)\nsys.exit(3 * output.is_over)"
    )
    with printing(program, subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stderr.readline() == "full\n"
        assert process.stdout.read(1000)  # it writes, and there is far more than fits
        process.send_signal(number)
        assert process.wait(LIMIT_S) == 3


def test_a_reader_that_is_gone_ends_it_without_a_word() -> None:
    reader, writer = os.pipe()
    with printing(f"sys.stdin.readline()\noutput.write({LINE!r})\nsys.exit(3 * output.is_over)", writer) as process:
        os.close(writer)
        os.close(reader)
        assert said(process)[1:] == ("", 3)


def test_a_reader_that_goes_while_nothing_is_printed_is_noticed() -> None:
    reader, writer = os.pipe()
    program = """
silent, _ = os.pipe()
print("waits", file=sys.stderr, flush=True)
print(output.wait(silent, 3600.0), output.is_over, file=sys.stderr)
"""
    with printing(program, writer) as process:
        assert process.stderr is not None
        os.close(writer)
        assert process.stderr.readline() == "waits\n"
        os.close(reader)
        assert process.stderr.readline() == "False True\n"


def test_what_is_waited_for_is_told_apart_from_the_end_of_the_time() -> None:
    program = """
reader, writer = os.pipe()
print(output.wait(reader, 0.0), file=sys.stderr)
os.write(writer, b"x")
print(output.wait(reader, 3600.0), output.is_over, file=sys.stderr)
"""
    with printing(program, subprocess.PIPE) as process:
        assert said(process) == ("", "False\nTrue False\n", 0)


def test_without_a_standard_output_it_is_over_from_the_start() -> None:
    program = HEAD + "output.write('x')\nsys.exit(3 * output.is_over)"
    command = ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, program]
    assert subprocess.run(command, cwd=CHECKOUT, timeout=LIMIT_S, check=False).returncode == 3


def test_a_disk_that_is_full_is_an_error() -> None:
    program = """
try:
    output.write("x")
except OSError as error:
    print(error.strerror, file=sys.stderr)
"""
    with open("/dev/full", "wb") as full, printing(program, full.fileno()) as process:  # noqa: PTH123
        assert said(process)[1] == "No space left on device\n"


def test_what_the_encoding_has_no_place_for_is_a_question_mark() -> None:
    command = [sys.executable, "-c", HEAD + "output.write('Сбой')"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, timeout=LIMIT_S, check=True)
    assert done.stdout == b"????"
