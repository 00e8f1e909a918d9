"""The display process as a whole: what it makes of its settings, how it fails, and its relatives.

Those are the parent that dies, and the shell with job control.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from shared.settings import DisplaySettings, LogSettings
from shared.wire import ConnectionState
from tests.display.fake_hub import Run, just_heard, screen_run
from tests.display.pseudo_terminal import LIMIT_S, PseudoTerminal, pseudo_terminal
from tests.display.samples import connection, market, usual_connections, usual_quotes

PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    with pseudo_terminal(100, 24) as made:
        yield made


@contextmanager
def program(module: str, terminal: PseudoTerminal) -> "Iterator[subprocess.Popen[str]]":
    """A Python module in a session of its own, with pipes for input and output."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.display.{module}", terminal.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_the_death_of_the_parent_ends_the_display_and_leaves_the_terminal_whole(terminal: PseudoTerminal) -> None:
    with program("doomed_parent", terminal) as parent:
        terminal.until(lambda: "starting..." in terminal.text, "the display has started")
        parent.kill()
        terminal.until(lambda: terminal.is_whole, "the terminal is whole")


def test_in_the_background_nothing_is_drawn_and_ctrl_z_gives_the_terminal_back(terminal: PseudoTerminal) -> None:
    with program("job_shell", terminal) as shell:
        assert shell.stdin is not None and shell.stdout is not None
        assert [shell.stdout.readline() for _ in range(5)] == ["asked\n"] * 5
        assert terminal.written == b""
        for _ in range(2):
            print("fg", file=shell.stdin, flush=True)
            terminal.until(lambda: "SBER" in terminal.text and not terminal.is_whole, "the table is drawn")
            terminal.press(b"\x1a")
            terminal.until(lambda: terminal.is_whole, "the terminal is given back")
            while shell.stdout.readline() != "stopped\n":
                pass
            terminal.clear()
        shell.stdin.close()
        shell.wait(LIMIT_S)


def drawn(run: Run, terminal: PseudoTerminal) -> Run:
    run.until(lambda: "SBER" in terminal.text and "306.13" in terminal.text, "the table is drawn")
    return run


def colour_of(terminal: PseudoTerminal, text: str) -> str:
    row = next(y for y, line in enumerate(terminal.lines) if text in line)
    return terminal.colour_at(terminal.lines[row].index(text), row)


@pytest.mark.parametrize(
    ("theme", "environment", "colour"),
    [
        ("dark", {}, "ff8787"),
        ("light", {}, "d70000"),
        ("colorblind", {}, "d75f00"),
        ("mono", {}, "default"),
        ("light", {"NO_COLOR": "1"}, "default"),
        ("light", {"NO_COLOR": ""}, "d70000"),
        ("dark", {"TERM": "xterm"}, "red"),
    ],
)
def test_the_theme_is_the_one_of_the_settings_unless_no_color_is_set(
    terminal: PseudoTerminal, theme: str, environment: dict[str, str], colour: str
) -> None:
    settings = msgspec.structs.replace(DisplaySettings(mode="screen", refresh_s=0.1), theme=theme)
    shown = just_heard(market(usual_quotes(), usual_connections()))
    with screen_run(shown, terminal, settings=settings, environment=environment) as run:
        drawn(run, terminal)
        assert colour_of(terminal, "306.13") == colour, "of the ask"


@pytest.mark.parametrize("environment", [{"LANG": "C"}, {"LC_ALL": "ru_RU.CP1251"}, {"TERM": "linux"}])
def test_the_table_is_ascii_where_the_terminal_is_not_known_to_show_more(
    terminal: PseudoTerminal, environment: dict[str, str]
) -> None:
    connections = [connection(0, ConnectionState.DOWN, "Сбой" if "LANG" in environment else "failure")]
    with screen_run(market(usual_quotes(), connections), terminal, environment=environment) as run:
        drawn(run, terminal)
        assert terminal.written.isascii()
        assert ("????" in terminal.text) == ("LANG" in environment)


def test_a_failure_leaves_the_terminal_whole_and_its_traceback_in_the_log(
    terminal: PseudoTerminal, tmp_path: Path
) -> None:
    log = LogSettings(file=str(tmp_path / "monitor.log"))
    with screen_run(market(usual_quotes(), usual_connections()), terminal, log_settings=log) as run:
        drawn(run, terminal)
        run.hub.connection.send_bytes(b"no picture")
        assert run.until_ended() == 70
        assert terminal.is_whole
    text = (tmp_path / "monitor.log").read_text()
    assert "display MainThread: the process failed" in text
    assert "Traceback" in text
    assert "Traceback" not in terminal.text


def test_without_a_log_file_of_its_own_the_log_goes_to_the_user_s_state_folder(
    terminal: PseudoTerminal, tmp_path: Path
) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    with screen_run(market(usual_quotes(), usual_connections()), terminal, environment=environment) as run:
        drawn(run, terminal)
        terminal.hang_up()
        assert run.until_ended() == 69
    assert "terminal lost" in (tmp_path / "moex-monitor" / "monitor.log").read_text()


def test_the_key_that_kills_is_left_to_the_parent(terminal: PseudoTerminal) -> None:
    with screen_run(market(usual_quotes(), usual_connections()), terminal) as run:
        drawn(run, terminal)
        run.send(signal.SIGQUIT)
        run.send(signal.SIGTERM)
        assert run.until_ended() == 0
        assert terminal.is_whole
