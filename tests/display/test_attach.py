"""`attach` and `health` as a person meets them, on a service of the test's own."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from shared import handshake
from shared.market import Market
from shared.quotes import Price, Quote
from shared.wire import ConnectionState, ConnectionStatus, Request, Totals
from tests.display.attached import Attached, attached, following, viewed
from tests.display.fake_service import PID, FakeService, fake_service
from tests.display.pseudo_terminal import LIMIT_S, PseudoTerminal, pseudo_terminal

ONLINE = ConnectionState.ONLINE


def healthy() -> Market:
    """Everything is as new as can be, now."""
    now = time.monotonic()
    made = Market(Totals(started_at=now - 60, connections=1, tickers_per_connection=2, gateway="iss.moex.com"))
    made.totals.reported_at[0] = now
    made.connections[0] = ConnectionStatus(0, 0, ONLINE, "all subscriptions sent", now - 50, 2, 2)
    made.quotes = {ticker: quote(ticker, age_s=0.0) for ticker in ("SBER", "GAZP")}
    made._changed = dict.fromkeys(made.quotes, 0)
    return made


def quote(ticker: str, age_s: float) -> Quote:
    fields = {"TRADINGSTATUS": "T", "LAST": list(Price(306.1, 2))}
    return Quote(ticker, 1, fields=fields, fields_at=time.monotonic() - age_s)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def service(path: Path) -> Iterator[FakeService]:
    with fake_service(path, healthy()) as made:
        yield made


@pytest.fixture
def at(path: Path) -> tuple[str, str]:
    return ("--socket", str(path))


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    with pseudo_terminal(100, 24) as made:
        yield made


@pytest.fixture
def viewer(service: FakeService, tmp_path: Path, at: tuple[str, str], terminal: PseudoTerminal) -> Iterator[Attached]:
    """Attached to the service, with its table drawn."""
    with attached(tmp_path, terminal, "attach", *at) as made:
        made.until("SBER")
        yield made


def said_by(done: "subprocess.CompletedProcess[str]") -> tuple[str, str, int]:
    return done.stdout, done.stderr, done.returncode


# ---- health


def test_a_healthy_program_is_exit_code_0_and_one_line(
    service: FakeService, tmp_path: Path, at: tuple[str, str]
) -> None:
    output, errors, code = said_by(viewed(tmp_path, "health", *at))
    assert output.startswith("healthy: 1/1 connections online, session open, newest data ")
    assert (output.count("\n"), errors, code) == (1, "", 0)
    assert [hello.is_brief for hello in service.hellos] == [True]


def test_an_unhealthy_one_is_exit_code_1_and_why(service: FakeService, tmp_path: Path, at: tuple[str, str]) -> None:
    service.market.connections[0].state = ConnectionState.REFUSED
    service.market.connections[0].reason = "Access denied"
    output, errors, code = said_by(viewed(tmp_path, "health", *at))
    assert output == "unhealthy: login refused: Access denied; check MOEX_DOMAIN, MOEX_LOGIN and MOEX_PASSCODE\n"
    assert (errors, code) == ("", 1)


def test_how_old_data_may_be_is_said_by_the_argument_and_by_the_settings(
    service: FakeService, tmp_path: Path, at: tuple[str, str]
) -> None:
    service.market.quotes = {"SBER": quote("SBER", age_s=600)}
    service.market._changed = {"SBER": 0}
    assert "the limit is 60 s" in viewed(tmp_path, "health", *at).stdout
    assert viewed(tmp_path, "health", *at, "--max-age", "86400").returncode == 0
    config = tmp_path / "lenient.toml"
    config.write_text("[service]\nhealth_max_age_s = 86400\n")
    assert viewed(tmp_path, "health", *at, "--config", str(config)).returncode == 0


def test_wrong_arguments_of_health_are_no_exit_code_of_their_own(tmp_path: Path) -> None:
    output, errors, code = said_by(viewed(tmp_path, "health", "--max-age", "soon"))
    assert output.startswith("unhealthy: it cannot be asked: --max-age: must be a number")
    assert (output.count("\n"), errors, code) == (1, "", 1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("[service]\nhealth_max_age_s = 'soon'\n", "[service] health_max_age_s: must be a number"),
        ("[collector]\nwrkers = 1\n", "[collector]: unknown key 'wrkers'"),
    ],
)
@pytest.mark.usefixtures("service")
def test_a_config_that_became_wrong_is_told_and_makes_nobody_unhealthy(
    tmp_path: Path, at: tuple[str, str], wrong: str, why: str
) -> None:
    (tmp_path / "config.toml").write_text(wrong)
    output, errors, code = said_by(viewed(tmp_path, "health", *at, "--config", "config.toml"))
    assert output.startswith("healthy: 1/1 connections online, ")
    assert f" (asked without config.toml: config.toml: {why}" in output
    assert (output.count("\n"), errors, code) == (1, "", 0)


def test_a_program_that_is_not_there_is_unhealthy(tmp_path: Path, at: tuple[str, str], path: Path) -> None:
    expected = f"unhealthy: no program is running: nobody answers at {path}\n"
    assert said_by(viewed(tmp_path, "health", *at)) == (expected, "", 1)


def test_a_program_that_gives_no_answer_is_unhealthy(service: FakeService, tmp_path: Path, at: tuple[str, str]) -> None:
    service.answer = lambda: None
    output, _, code = said_by(viewed(tmp_path, "health", *at))
    assert (output, code) == (f"unhealthy: the running program (pid {PID}) gives no answer within 5 s\n", 1)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("output", ["/dev/full", "closed pipe"])
def test_whoever_cannot_be_told_has_the_exit_code(
    request: pytest.FixtureRequest, tmp_path: Path, at: tuple[str, str], is_there: bool, output: str
) -> None:
    if is_there:
        request.getfixturevalue("service")
    with writable(output) as stdout, following(tmp_path, "health", *at, stdout=stdout) as viewer:
        assert viewer.stderr is not None
        assert (viewer.stderr.read(), viewer.wait(LIMIT_S)) == (b"", 0 if is_there else 1)


@contextmanager
def writable(output: str) -> Iterator[int]:
    """Writing there fails."""
    if output == "closed pipe":
        reader, descriptor = os.pipe()
        os.close(reader)
    else:
        descriptor = os.open(output, os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


# ---- once


def test_once_prints_the_state_in_the_format_that_is_asked_for(
    service: FakeService, tmp_path: Path, at: tuple[str, str]
) -> None:
    table, _, code = said_by(viewed(tmp_path, "attach", *at, "--once"))
    assert code == 0
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["Ticker", "GAZP", "SBER"]
    assert all(line.isprintable() for line in table.splitlines())
    assert list(json.loads(viewed(tmp_path, "attach", *at, "--once", "--format", "json").stdout)["quotes"]) == [
        "GAZP",
        "SBER",
    ]
    assert viewed(tmp_path, "attach", *at, "--once", "--format", "csv").stdout.count("\n") == 3


@pytest.mark.parametrize("how", [["--once"], ["--follow"], ["--once", "--format", "json"]])
def test_without_a_program_it_is_one_line_and_exit_code_69(
    tmp_path: Path, at: tuple[str, str], path: Path, how: list[str]
) -> None:
    expected = f"no program is running: nobody answers at {path}\n"
    assert said_by(viewed(tmp_path, "attach", *at, *how)) == ("", expected, 69)


def test_a_program_of_another_version_is_one_line_and_exit_code_69(
    service: FakeService, tmp_path: Path, at: tuple[str, str]
) -> None:
    service.welcome = lambda: msgspec.msgpack.encode(handshake.Welcome(99, 99, "9.9", 12))
    output, errors, code = said_by(viewed(tmp_path, "attach", *at, "--once"))
    assert (output, errors.count("\n"), code) == ("", 1, 69)
    assert "version 9.9" in errors


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--once", "--follow"], "--once: contradicts --follow"),
        (["--format", "csv"], "--format: is only allowed together with --once"),
        (["--once", "--format", "xml"], "--format: must be one of table, json, csv, not 'xml'"),
        (["--workers", "3"], "unknown argument '--workers'"),
        ([], "there is no terminal to show it on: use --once or --follow"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    service: FakeService, tmp_path: Path, at: tuple[str, str], arguments: list[str], told: str
) -> None:
    output, errors, code = said_by(viewed(tmp_path, "attach", *at, *arguments))
    assert (output, errors.count("\n"), code) == ("", 1, 2)
    assert told in errors


def test_a_full_disk_is_one_line_and_exit_code_70(service: FakeService, tmp_path: Path, at: tuple[str, str]) -> None:
    with open("/dev/full", "wb") as full, following(tmp_path, "attach", *at, "--once", stdout=full.fileno()) as viewer:  # noqa: PTH123
        assert viewer.stderr is not None
        assert viewer.stderr.read() == b"it cannot be printed: No space left on device\n"
        assert viewer.wait(LIMIT_S) == 70


# ---- follow


def lines_of(viewer: "subprocess.Popen[bytes]", count: int) -> list[str]:
    assert viewer.stdout is not None
    return [json.loads(viewer.stdout.readline())["ticker"] for _ in range(count)]


def test_follow_prints_all_that_is_known_and_then_what_changes(
    service: FakeService, tmp_path: Path, at: tuple[str, str]
) -> None:
    pictures = iter([-1, 0, 0])
    service.answer = lambda: None if (since := next(pictures, None)) is None else picture(service.market, since)
    with following(tmp_path, "attach", *at, "--follow") as viewer:
        assert sorted(lines_of(viewer, 2)) == ["GAZP", "SBER"]
        assert lines_of(viewer, 2) == ["GAZP", "GAZP"]


def picture(market: Market, since: int) -> bytes:
    market.revision = 1
    market._changed["GAZP"] = 1
    return msgspec.msgpack.encode(market.picture(since))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_following_without_a_word(
    service: FakeService, tmp_path: Path, at: tuple[str, str], number: signal.Signals
) -> None:
    with following(tmp_path, "attach", *at, "--follow") as viewer:
        lines_of(viewer, 2)
        viewer.send_signal(number)
        _, errors = viewer.communicate(timeout=LIMIT_S)
        assert (errors, viewer.returncode) == (b"", 0)
    assert set(service.requests) == {Request.NEXT}


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_pipe_that_closes_ends_following_without_a_word_even_where_nothing_changes(
    service: FakeService, tmp_path: Path, at: tuple[str, str], is_silent: bool
) -> None:
    reader, writer = os.pipe()
    answers = iter([picture(service.market, -1)])
    if is_silent:
        service.answer = lambda: next(answers, None)
    with following(tmp_path, "attach", *at, "--follow", stdout=writer) as viewer:
        os.close(writer)
        assert select.select([reader], [], [], LIMIT_S)[0]
        os.close(reader)
        _, errors = viewer.communicate(timeout=LIMIT_S)
        assert (errors, viewer.returncode) == (b"", 0)


def test_the_end_of_the_program_ends_following_with_one_line(
    service: FakeService, tmp_path: Path, at: tuple[str, str]
) -> None:
    with following(tmp_path, "attach", *at, "--follow") as viewer:
        lines_of(viewer, 2)
        service.hang_up()
        _, errors = viewer.communicate(timeout=LIMIT_S)
        assert (errors, viewer.returncode) == (f"the running program (pid {PID}) has ended\n".encode(), 69)


def test_a_picture_that_cannot_be_read_ends_following_with_one_line(
    service: FakeService, tmp_path: Path, at: tuple[str, str]
) -> None:
    with following(tmp_path, "attach", *at, "--follow") as viewer:
        lines_of(viewer, 2)
        service.answer = lambda: b"\xc1"
        _, errors = viewer.communicate(timeout=LIMIT_S)
    assert (errors, viewer.returncode) == (f"the running program (pid {PID}) sent what cannot be read\n".encode(), 69)


# ---- on the screen


@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_the_screen_shows_the_whole_state_and_a_key_leaves_it(
    service: FakeService, tmp_path: Path, at: tuple[str, str], terminal: PseudoTerminal, key: bytes
) -> None:
    with attached(tmp_path, terminal, "attach", *at) as viewer:
        viewer.until("306.10")
        assert not terminal.is_whole
        terminal.press(key)
        assert viewer.wait() == 0
        viewer.until_said(f"left the program (pid {PID}), which runs on")
    assert terminal.is_whole
    assert "Traceback" not in terminal.text
    assert set(service.requests) == {Request.NEXT}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_leaves_the_screen_whole(viewer: Attached, terminal: PseudoTerminal, number: signal.Signals) -> None:
    viewer.send(number)
    assert viewer.wait() == 0
    assert terminal.is_whole


def test_the_end_of_the_program_leaves_the_screen_whole_and_is_told(
    service: FakeService, viewer: Attached, terminal: PseudoTerminal
) -> None:
    service.hang_up()
    assert viewer.wait() == 69
    viewer.until_said(f"the running program (pid {PID}) has ended")
    assert terminal.is_whole


def test_a_picture_that_cannot_be_read_leaves_the_screen_whole_and_is_told(
    service: FakeService, viewer: Attached, terminal: PseudoTerminal
) -> None:
    service.answer = lambda: b"\xc1"
    assert viewer.wait() == 69
    viewer.until_said(f"the running program (pid {PID}) sent what cannot be read")
    assert terminal.is_whole


def reload(service: FakeService, viewer: Attached, text: str) -> None:
    """The file of the viewer has this text, and the program has read its own anew."""
    viewer.config.write_text(text)
    service.market.totals.rereadings += 1


def colours_of(terminal: PseudoTerminal, text: str) -> set[str]:
    """Empty while it is not shown."""
    rows = [(line.index(text), y) for y, line in enumerate(terminal.lines) if text in line]
    return {terminal.colour_at(*place) for place in rows}


def row_of(terminal: PseudoTerminal, ticker: str) -> str:
    return "".join(line for line in terminal.lines if ticker in line)


def test_a_viewer_takes_over_what_changed_when_the_program_reads_its_settings_anew(
    service: FakeService, viewer: Attached, terminal: PseudoTerminal
) -> None:
    dark = colours_of(terminal, "306.10")
    assert "○" not in row_of(terminal, "SBER")
    viewer.config.write_text(ANOTHER)
    pictures = len(service.requests)
    terminal.until(lambda: len(service.requests) > pictures + 2, "the file alone changes nothing")
    assert colours_of(terminal, "306.10") == dark
    reload(service, viewer, ANOTHER)
    terminal.until(lambda: not colours_of(terminal, "306.10") <= dark, "the theme")
    terminal.until(lambda: "○" in row_of(terminal, "SBER"), "the thresholds")
    terminal.press(b"\t\t")
    terminal.until(lambda: " banks " in terminal.text and "GAZP" not in terminal.text, "the groups")


ANOTHER = """\
[display]
refresh_s = 0.1
theme = "light"
fresh_s = 0.1
stale_s = 0.2
groups = { banks = ["SBER"] }
"""


def test_a_bad_file_is_refused_with_one_line_in_the_viewer_and_a_good_one_is_taken_later(
    service: FakeService, viewer: Attached, terminal: PseudoTerminal, tmp_path: Path
) -> None:
    reload(service, viewer, "[display]\nrows = 'many'\n")
    viewer.until("old settings stay: attached.toml: [display] rows: must be a whole number")
    viewer.until("SBER")
    log = tmp_path / ".local/state/moex-monitor/monitor.log"
    told = "[display] rows: must be a whole number from 1 to 1000, not 'many'"
    terminal.until(lambda: log.exists() and told in log.read_text(), "the log has all of the line")
    reload(service, viewer, "[display]\nrows = 1\n")
    terminal.until(lambda: "GAZP" in terminal.text and "SBER" not in terminal.text, "one row")
    assert "old settings stay" not in terminal.text


def test_what_a_viewer_was_told_at_its_start_stays_so(
    service: FakeService, tmp_path: Path, at: tuple[str, str], terminal: PseudoTerminal
) -> None:
    with attached(tmp_path, terminal, "attach", *at, "--theme", "mono") as viewer:
        viewer.until("306.10")
        reload(service, viewer, ANOTHER)
        terminal.until(lambda: "○" in row_of(terminal, "SBER"), "the thresholds")
        assert colours_of(terminal, "306.10") == {"default"}


def test_without_a_program_the_terminal_is_left_alone(
    tmp_path: Path, at: tuple[str, str], terminal: PseudoTerminal
) -> None:
    with attached(tmp_path, terminal, "attach", *at) as viewer:
        assert viewer.wait() == 69
        viewer.until_said("no program is running")
    assert b"\x1b" not in terminal.written
