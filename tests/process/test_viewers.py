"""Looking at the running program from other processes: whatever becomes of them, it does not notice."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyte.graphics
import pytest

from collector.viewers import MOST_VIEWERS
from display.service import reach
from display.themes import MANY_COLOURS, theme_of
from display.views import Role
from shared.processes import run_state
from shared.service_socket import AUTO, paths_to_try
from tests.display.attached import attached, following, viewed
from tests.display.pseudo_terminal import LIMIT_S, PseudoTerminal, pseudo_terminal
from tests.fakes.behaviour import Behaviour
from tests.fakes.gateway import GatewayProcess
from tests.process.conftest import SMALL, Start
from tests.process.program import Program, wait_for
from tests.process.test_trouble import unused_port

SIMULATED = ("--simulate", "--display", "none", *SMALL)
VIEWERS = MOST_VIEWERS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket of a program is that was told nothing."""
    return tmp_path / "moex-monitor" / "monitor.sock"


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    with pseudo_terminal(100, 30) as made:
        yield made


def online(start: Start, *arguments: str, connections: int = 4) -> Program:
    program = start(*arguments)
    program.wait_for_log("is online", connections)
    return program


def health(folder: Path, *arguments: str) -> tuple[int, str]:
    done = viewed(folder, "health", *arguments)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return done.returncode, done.stdout.rstrip()


def held(pid: int) -> tuple[int, int]:
    """The threads and descriptors of a process."""
    return len(list(Path(f"/proc/{pid}/task").iterdir())), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def memory_mb(pid: int) -> float:
    fields = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) / 1024


# ---- what is shown


def test_once_shows_the_state_of_a_running_program(start: Start, tmp_path: Path, path: Path) -> None:
    program = online(start, *SIMULATED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    said = json.loads(viewed(tmp_path, "attach", "--once", "--format", "json").stdout)
    assert said["totals"]["connections"] == {"online": 4, "total": 4}
    assert said["totals"]["simulated"] is True
    assert [one["state"] for one in said["connections"]] == ["online"] * 4
    table = viewed(tmp_path, "attach", "--once").stdout
    rows = viewed(tmp_path, "attach", "--once", "--format", "csv").stdout.splitlines()
    assert "SIMULATED EXCHANGE" in table
    assert len(rows) - 1 >= len(said["quotes"]) > 0
    assert program.stop() == 0
    assert not path.exists()


def test_the_screen_of_a_viewer_is_that_of_the_program_and_leaving_it_ends_nothing(
    start: Start, tmp_path: Path, terminal: PseudoTerminal
) -> None:
    program = online(start, *SIMULATED)
    with attached(tmp_path, terminal, "attach") as viewer:
        viewer.until("Connections: 4/4")
        viewer.until("SIMULATED EXCHANGE")
        terminal.press(b"q")
        assert viewer.wait() == 0
        assert terminal.is_whole
    terminal.clear()
    with attached(tmp_path, terminal, "attach") as viewer:
        viewer.until("Connections: 4/4")
        os.kill(viewer.process.pid, signal.SIGKILL)
        viewer.wait()
    assert health(tmp_path)[0] == 0
    terminal.clear()
    with attached(tmp_path, terminal, "attach") as viewer:
        viewer.until("Connections: 4/4")
        assert program.stop() == 0
        assert viewer.wait() == 69
        viewer.until_said("has ended")


def test_a_reload_of_the_program_reaches_the_screens_of_its_viewers_unless_the_file_is_bad(
    start: Start, tmp_path: Path, gateway: GatewayProcess, at: tuple[str, ...], terminal: PseudoTerminal
) -> None:
    program = start(*at, *SMALL, config=DARK)
    program.wait_for_log("is online", 4)
    gateway.blast(2000)
    config = tmp_path / "config.toml"
    with attached(tmp_path, terminal, "attach", config=config) as viewer:
        terminal.until(lambda: marks(terminal) == {("●", colour("dark", Role.FRESH))}, "every quote is fresh")
        config.write_text(LIGHT)
        program.send(signal.SIGHUP)
        stale = {("○", colour("light", Role.STALE))}
        terminal.until(lambda: marks(terminal) == stale, "the thresholds and the theme")
        ticker = next(line.split()[0] for line in terminal.lines if "○" in line)
        config.write_text(LIGHT + f'groups = {{ few = ["{ticker}"] }}\n')
        program.send(signal.SIGHUP)
        program.wait_for_log("changed [display] groups")
        terminal.press(b"3")
        viewer.until("read anew: changed [display] groups")
        terminal.press(b"1\t\t")
        viewer.until(" few ")
        terminal.until(lambda: sum("○" in line for line in terminal.lines) == 1, "the group alone")
        config.write_text(DARK.replace("3000", "9000"))
        program.send(signal.SIGHUP)
        viewer.until("old settings stay: config.toml: [display] fresh_s")
        program.wait_for_log("the settings stay as they are: ")
        assert marks(terminal) == stale
        assert sum("○" in line for line in terminal.lines) == 1
    assert program.stop() == 0


DARK = "[display]\nrefresh_s = 0.1\nfresh_s = 3000\nstale_s = 6000\n"
LIGHT = '[display]\nrefresh_s = 0.1\nfresh_s = 0.1\nstale_s = 0.2\ntheme = "light"\n'


def marks(terminal: PseudoTerminal) -> set[tuple[str, str]]:
    """Those of all ages that are shown, with their colours."""
    places = ((x, y) for y, line in enumerate(terminal.lines) for x, mark in enumerate(line) if mark in "●◐○")
    return {(terminal.lines[y][x], terminal.colour_at(x, y)) for x, y in places}


def colour(theme: str, role: Role) -> str:
    """As the emulator of the terminal tells it."""
    ink = theme_of(theme, MANY_COLOURS).style(role).ink
    assert ink is not None
    return str(pyte.graphics.FG_BG_256[ink])


def test_following_goes_through_a_pipe_until_that_closes(start: Start, tmp_path: Path) -> None:
    program = online(start, *SIMULATED)
    with following(tmp_path, "attach", "--follow") as viewer:
        command = ["head", "-n", "100"]
        with subprocess.Popen(command, stdin=viewer.stdout, stdout=subprocess.PIPE) as head:
            assert viewer.stdout is not None
            viewer.stdout.close()
            output, _ = head.communicate(timeout=LIMIT_S)
        assert viewer.wait(LIMIT_S) == 0
        assert viewer.stderr is not None
        assert viewer.stderr.read() == b""
    said = [json.loads(line) for line in output.splitlines()]
    assert len(said) == 100
    assert all(one["simulated"] is True for one in said)
    assert len({one["ticker"] for one in said}) < 100  # so some of them have come again, as they changed
    assert program.stop() == 0


# ---- viewers that are slow, stopped, killed or too many


def test_a_stopped_viewer_costs_the_program_neither_memory_nor_time_and_sees_the_newest_state_afterwards(
    start: Start, tmp_path: Path, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = online(start, *at, *SMALL)
    gateway.start(2000)
    with following(tmp_path, "attach", "--follow") as viewer:
        assert viewer.stdout is not None
        viewer.stdout.readline()
        os.kill(viewer.pid, signal.SIGSTOP)
        wait_for(lambda: run_state(viewer.pid) == "T", "the viewer is stopped")
        gateway.wait_until(lambda ledger: ledger.frames_sent > 8_000)
        before = memory_mb(program.pid)
        gateway.wait_until(lambda ledger: ledger.frames_sent > 24_000)
        assert memory_mb(program.pid) < before + 5
        sent = gateway.quiet()
        wait_for(lambda: messages(tmp_path) == sent.frames_sent, "all is counted while the viewer is stopped")
        os.kill(viewer.pid, signal.SIGCONT)
        last = {name: quote.last for name, quote in sent.quotes.items() if quote.frames}
        while last:
            said = json.loads(viewer.stdout.readline())
            if last.get(said["ticker"]) == said["last"]:
                del last[said["ticker"]]
    assert program.stop() == 0


def messages(folder: Path) -> int:
    counted: int = json.loads(viewed(folder, "attach", "--once", "--format", "json").stdout)["totals"]["messages"]
    return counted


def test_viewers_that_are_killed_leave_nothing_behind(start: Start, tmp_path: Path) -> None:
    program = online(start, *SIMULATED)
    before = held(program.pid)
    for _ in range(3):
        with following(tmp_path, "attach", "--follow") as viewer:
            assert viewer.stdout is not None
            viewer.stdout.readline()
            viewer.kill()
            viewer.wait()
        wait_for(lambda: held(program.pid) == before, "nothing is left")
    assert "viewer" not in program.log
    assert program.stop() == 0


def test_one_viewer_too_many_is_told_so_and_health_is_answered_all_the_same(
    start: Start, tmp_path: Path, path: Path
) -> None:
    program = online(start, *SIMULATED)
    feeds = [reach([path], is_brief=False) for _ in range(VIEWERS)]
    done = viewed(tmp_path, "attach", "--follow")
    assert (done.stdout, done.returncode) == ("", 69)
    assert f"{VIEWERS} viewers are attached already" in done.stderr
    assert health(tmp_path)[0] == 0
    for feed in feeds:
        feed.close()
    assert program.stop() == 0


# ---- health


def test_a_healthy_program_is_called_so_and_after_its_end_no_more(start: Start, tmp_path: Path) -> None:
    program = online(start, *SIMULATED)
    code, told = health(tmp_path)
    assert code == 0
    assert told.startswith("healthy: 4/4 connections online, session open, newest data ")
    assert program.stop() == 0
    code, told = health(tmp_path)
    assert code == 1
    assert told.startswith("unhealthy: no program is running: nobody answers at ")


def test_a_program_that_is_stopped_gives_no_answer(start: Start, tmp_path: Path) -> None:
    program = online(start, *SIMULATED)
    program.send(signal.SIGSTOP)
    code, told = health(tmp_path)
    program.send(signal.SIGCONT)
    assert code == 1
    assert f"(pid {program.pid}) gives no answer within 5 s" in told
    assert program.stop() == 0


def test_without_a_route_no_connection_is_online(start: Start, tmp_path: Path) -> None:
    address = f"127.0.0.1:{unused_port()}"
    program = start("--url", f"ws://{address}/", "--iss-url", f"http://{address}/iss", "--display", "none", *SMALL)
    program.wait_for_log("is waiting: connection refused", 4)
    wait_for(lambda: "no connection online: 4 of 4 waiting: connection refused" in health(tmp_path)[1], "the reason")
    assert program.stop() == 0


def test_a_refused_login_is_unhealthy_with_its_own_text(
    start: Start, tmp_path: Path, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    gateway.behave(Behaviour(greeting="refuse"))
    program = start(*at, *SMALL)
    program.wait_for_log("is refused: Access denied", 4)
    wait_for(lambda: health(tmp_path)[1].startswith("unhealthy: login refused: Access denied"), "the reason")
    assert health(tmp_path)[0] == 1
    assert program.stop() == 0


def test_data_that_are_too_old_while_the_exchange_trades_are_unhealthy(
    start: Start, tmp_path: Path, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = online(start, *at, *SMALL)
    gateway.blast(1000)
    limit = ("--max-age", "0.1")
    wait_for(lambda: "while the exchange trades, the limit is 0.1 s" in health(tmp_path, *limit)[1], "old data")
    assert health(tmp_path, "--max-age", "3600")[0] == 0
    assert program.stop() == 0


# ---- the socket


def test_the_socket_of_a_killed_program_is_replaced(start: Start, tmp_path: Path, path: Path) -> None:
    killed = online(start, *SIMULATED)
    killed.send(signal.SIGKILL)
    killed.wait()
    assert path.is_socket()
    assert health(tmp_path)[0] == 1
    killed.log_file.unlink()
    program = online(start, *SIMULATED)
    assert health(tmp_path)[0] == 0
    assert program.stop() == 0
    assert not path.exists()


def second(folder: Path, *arguments: str, **environment: str) -> Program:
    """A program beside another one that has its socket in `folder`, started as a person does who names none."""
    own = folder / "second"
    own.mkdir(exist_ok=True)
    return Program(own, *SIMULATED, *arguments, environment={"RUNTIME_DIRECTORY": "", **environment})


def test_a_second_start_on_a_socket_that_was_named_says_who_is_running_and_does_nothing_else(
    start: Start, tmp_path: Path, path: Path
) -> None:
    program = online(start, *SIMULATED)
    with second(tmp_path, "--socket", str(path)) as other:
        assert other.wait() == 73
        assert other.output == (
            f"already running: pid {program.pid} has the socket {path}; to run beside it: --socket PATH, or none\n"
        )
        assert not other.summary_file.exists()
        assert "-> starting" not in other.log
    assert health(tmp_path)[0] == 0
    assert program.stop() == 0


@pytest.mark.parametrize("place", ["XDG_RUNTIME_DIR", "XDG_STATE_HOME"])
def test_a_second_start_runs_without_a_socket_and_says_who_has_one_though_its_own_place_may_be_another(
    start: Start, tmp_path: Path, path: Path, place: str
) -> None:
    program = online(start, *SIMULATED)
    with second(tmp_path, **{place: str(tmp_path)}) as other:
        other.wait_for_log("is online", 4)
        assert other.log.count(f"already running: pid {program.pid} has the socket {path}, so attach") == 1
        assert not other.socket_file.exists()
        assert other.stop() == 0
        [event] = [one for one in other.summary()["events"] if one["source"] == "viewers"]
        assert str(program.pid) in event["text"]
    as_the_second = {"XDG_RUNTIME_DIR": str(tmp_path / "second"), place: str(tmp_path)}
    with closing(reach(paths_to_try(AUTO, as_the_second), is_brief=True)) as feed:
        assert feed.pid == program.pid
    assert program.stop() == 0


def test_two_programs_with_sockets_of_their_own_are_seen_side_by_side(start: Start, tmp_path: Path) -> None:
    program = online(start, *SIMULATED)
    named = tmp_path / "other.sock"
    with second(tmp_path, "--socket", str(named)) as other:
        other.wait_for_log("is online", 4)
        with closing(reach([named], is_brief=True)) as feed:
            assert feed.pid == other.pid
        assert health(tmp_path, "--socket", str(named))[0] == health(tmp_path)[0] == 0
        assert other.stop() == 0
    assert program.stop() == 0


def test_where_no_socket_can_be_made_the_program_runs_on_with_one_warning(start: Start, tmp_path: Path) -> None:
    program = online(start, *SIMULATED, "--socket", str(tmp_path / "gone" / "s"))
    assert program.log.count("attach and health cannot see this program") == 1
    assert program.log.count("WARNING") == 1
    assert program.stop() == 0


def test_a_socket_whose_path_is_too_long_is_one_line_and_exit_code_2(start: Start, tmp_path: Path) -> None:
    program = start(*SIMULATED, "--socket", "/tmp/" + "x" * 120)
    assert program.wait() == 2
    assert program.output.count("\n") == 1
    assert "--socket: " in program.output
    assert "is 125 bytes long, a socket's path has at most 107" in program.output
