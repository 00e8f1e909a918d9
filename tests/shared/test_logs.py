import io
import json
import logging
import multiprocessing
import os
import re
import select
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from shared.log_formats import LINE_LIMIT
from shared.logs import KEYS_REMEMBERED, LineHandler, OncePer, configure, set_level
from shared.settings import LogSettings, Secret

CHECKOUT = Path(__file__).parents[2]
CONTEXT = multiprocessing.get_context("forkserver")
LIMIT_S = 30.0
"""Generous: how long a loaded machine may take for anything that is not slow by itself."""

LINES_AT_ONCE = 100
TOO_MANY_LINES = 2000
"""More than a pipe and the memory of a process hold."""

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (\w+) +worker-2 MainThread: (.*)\n")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    root.handlers[:] = []
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    flush()
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises


def flush() -> None:
    """What was logged is written, if it can be."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LineHandler):
            handler.flush(LIMIT_S)


def text_of(path: Path) -> str:
    flush()
    return path.read_text("utf-8")


@pytest.fixture
def stderr(capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was written to stderr since the last look."""

    def look() -> str:
        flush()
        return capfd.readouterr().err

    return look


def configured(
    file: Path | None = None,
    *,
    level: str = "info",
    screen: bool = False,
    secrets: tuple[str, ...] = (),
    home: str = "",
    journal: str = "",
    **more: Any,
) -> None:
    settings = LogSettings(file=None if file is None else str(file), level=level, **more)  # type: ignore[arg-type]
    environment = {"HOME": home, "JOURNAL_STREAM": journal}
    configure("worker-2", settings, screen=screen, secrets=secrets, environment=environment)


log = logging.getLogger("collector.worker")


# Where it goes


def test_a_named_file_gets_the_log_and_keeps_what_it_had(tmp_path: Path, stderr: Callable[[], str]) -> None:
    (tmp_path / "x.log").write_text("before\n")
    configured(tmp_path / "x.log", screen=True)
    log.info("connection %d is online", 3)
    before, line = text_of(tmp_path / "x.log").splitlines(keepends=True)
    assert before == "before\n"
    found = LINE.fullmatch(line)
    assert found is not None
    assert found.groups() == ("INFO", "connection 3 is online")
    assert stderr() == ""


def test_without_a_file_and_a_screen_the_log_goes_to_stderr(stderr: Callable[[], str]) -> None:
    configured()
    log.warning("careful")
    found = LINE.fullmatch(stderr())
    assert found is not None
    assert found.groups() == ("WARNING", "careful")


def test_beside_a_drawn_screen_the_log_goes_to_the_state_folder(tmp_path: Path, stderr: Callable[[], str]) -> None:
    configured(screen=True, home=str(tmp_path))
    log.info("hello")
    assert "hello" in text_of(tmp_path / ".local/state/moex-monitor/monitor.log")
    assert stderr() == ""


def test_a_state_folder_that_cannot_be_made_leaves_the_screen_clean(tmp_path: Path, stderr: Callable[[], str]) -> None:
    (tmp_path / "file").write_text("")
    for home in (str(tmp_path / "file"), ""):
        configured(screen=True, home=home)
        log.error("lost")
    assert stderr() == ""


def test_a_named_file_that_cannot_be_opened_leaves_stderr_or_nothing(tmp_path: Path, stderr: Callable[[], str]) -> None:
    configured(tmp_path, screen=True)
    log.error("lost")
    configured(tmp_path, screen=False)
    log.error("said")
    said = stderr()
    assert "said" in said
    assert "lost" not in said


def test_a_process_without_stderr_logs_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    configured()
    log.error("nobody hears this")
    assert [type(handler) for handler in logging.getLogger().handlers] == [logging.NullHandler]


def test_an_outside_rotation_is_followed(tmp_path: Path) -> None:
    configured(tmp_path / "x.log")
    log.info("first")
    flush()
    (tmp_path / "x.log").rename(tmp_path / "x.log.1")
    log.info("second")
    assert "first" in text_of(tmp_path / "x.log.1")
    assert "second" in text_of(tmp_path / "x.log")


def test_a_second_call_replaces_the_first(tmp_path: Path) -> None:
    configured(tmp_path / "a.log")
    configured(tmp_path / "b.log")
    log.info("once")
    assert text_of(tmp_path / "a.log") == ""
    assert text_of(tmp_path / "b.log").count("once") == 1


def test_each_record_is_one_write_so_that_processes_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    really_write = os.write

    def write(descriptor: int, data: bytes) -> int:
        writes.append(data)
        return really_write(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    configured(tmp_path / "x.log")
    log.info("short")
    log.info("x" * 50_000)
    written = text_of(tmp_path / "x.log")
    assert [data.count(b"\n") for data in writes] == [1, 1]
    assert b"".join(writes).decode() == written


def test_the_journal_is_told_the_level_in_its_own_way_and_no_time(stderr: Callable[[], str]) -> None:
    status = os.fstat(2)
    configured(journal=f"{status.st_dev}:{status.st_ino}")
    log.warning("careful")
    assert stderr() == "<4>worker-2 MainThread: careful\n"
    configured(journal=f"{status.st_dev}:{status.st_ino + 1}")
    log.warning("no journal")
    assert LINE.fullmatch(stderr())


def test_a_file_beside_the_journal_has_times(tmp_path: Path) -> None:
    status = os.fstat(2)
    configured(tmp_path / "x.log", journal=f"{status.st_dev}:{status.st_ino}")
    log.warning("careful")
    assert LINE.fullmatch(text_of(tmp_path / "x.log"))


def test_a_file_that_may_not_grow_is_moved_on(tmp_path: Path) -> None:
    configured(tmp_path / "x.log", max_mb=0.001, keep=2)
    for number in range(30):
        log.info("line %02d", number)
    flush()
    files = [tmp_path / f"x.log{suffix}" for suffix in (".2", ".1", "")]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    kept = [line.rpartition(" ")[2] for file in files for line in file.read_text().splitlines()]
    assert kept == [f"{number:02}" for number in range(30 - len(kept), 30)]
    assert all(file.stat().st_size <= 1000 for file in files)


def test_a_log_that_nobody_asked_for_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.logs.UNNAMED_MAX_MB", 0.001)
    configured(screen=True, home=str(tmp_path))
    for number in range(30):
        log.info("line %02d", number)
    flush()
    assert (tmp_path / ".local/state/moex-monitor/monitor.log.2").exists()


def test_json_is_one_object_a_line(tmp_path: Path) -> None:
    configured(tmp_path / "x.log", format="json", secrets=("hunter22",))
    log.warning("careful")
    try:
        raise ValueError("with hunter22")
    except ValueError:
        log.exception("failed")
    first, second = map(json.loads, text_of(tmp_path / "x.log").splitlines())
    assert first["message"] == "careful"
    assert second["exception"].endswith("\nValueError: with ***")


# What may be said


def test_the_level_can_be_changed_later(stderr: Callable[[], str]) -> None:
    configured()
    log.debug("not yet")
    set_level("debug")
    log.debug("now")
    logging.getLogger("stomp.py").info("of a library")
    set_level("error")
    log.warning("no more")
    assert [line.rpartition(": ")[2] for line in stderr().splitlines()] == ["now"]


def test_the_level_is_obeyed_and_libraries_are_held_back(stderr: Callable[[], str]) -> None:
    configured(level="debug")
    for name in ("collector.x", "stomp.py", "websocket", "urllib3.connectionpool"):
        logging.getLogger(name).debug("debug of %s", name)
        logging.getLogger(name).warning("warning of %s", name)
        logging.getLogger(name).error("error of %s", name)
    said = stderr()
    assert "debug of collector.x" in said
    assert said.count("debug of") == 1
    assert said.count("warning of") == 2
    assert said.count("error of") == 3


def test_libraries_say_no_more_than_the_program_itself(stderr: Callable[[], str]) -> None:
    configured(level="error")
    logging.getLogger("stomp.py").warning("too much")
    log.warning("too much")
    assert stderr() == ""


def test_warnings_of_python_go_to_the_log(tmp_path: Path, stderr: Callable[[], str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configured(tmp_path / "x.log")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    logging.captureWarnings(False)
    assert "old thing" in text_of(tmp_path / "x.log")
    assert stderr() == ""


def test_a_passcode_is_masked_in_messages_arguments_exceptions_and_stacks(stderr: Callable[[], str]) -> None:
    configured(secrets=(Secret("hun'ter/2"), ""))
    log.info("plain hun'ter/2")
    log.info("argument %s %r", "hun'ter/2", {"passcode": "hun'ter/2"})
    log.info("in an address: %s", "hun%27ter%2F2")
    try:
        raise ValueError("cannot log in with hun'ter/2")
    except ValueError:
        log.exception("failed", stack_info=True)
    said = stderr()
    assert "ter/2" not in said.replace('"hun\'ter/2"', "")
    assert "ter%2F2" not in said
    assert "cannot log in with ***" in said


def test_the_public_passcode_is_a_word_that_is_not_masked(stderr: Callable[[], str]) -> None:
    configured(secrets=("guest",))
    log.info("guest data is delayed")
    assert "guest data is delayed" in stderr()


def test_control_characters_neither_reach_a_terminal_nor_begin_a_line(stderr: Callable[[], str]) -> None:
    configured()
    log.info("caption %s", "\x1b[2J\r\n2026-01-01 ERROR forged\x9b")
    (line,) = stderr().splitlines()
    assert line.endswith("caption \ufffd[2J\ufffd\ufffd2026-01-01 ERROR forged\ufffd")


def test_a_line_is_cut_after_its_secrets_were_masked(stderr: Callable[[], str]) -> None:
    configured(secrets=("hunter22",))
    log.warning("%s", "x" * (LINE_LIMIT - 4) + "hunter22" + "y" * 10**6)
    line = stderr()
    assert len(line) < LINE_LIMIT + 200
    assert "hunt" not in line


def test_a_traceback_keeps_its_lines_and_only_the_first_begins_at_the_edge(stderr: Callable[[], str]) -> None:
    configured()
    try:
        raise ValueError("bad\nforged line \x1b[2J")
    except ValueError:
        log.exception("failed")
    first, *others = stderr().rstrip("\n").split("\n")
    assert first.endswith("failed")
    assert others[0] == "    Traceback (most recent call last):"
    assert others[-1] == "    forged line \ufffd[2J"
    assert all(line.startswith("    ") for line in others)


# What nobody catches


def fail() -> None:
    raise ValueError("cannot log in with hunter22")


def run_as_thread(target: Callable[[], object]) -> None:
    thread = Thread(target=target, name="connection-3")
    thread.start()
    thread.join()


class Unlucky:
    def __del__(self) -> None:
        fail()


@pytest.mark.parametrize(
    ("meet", "thread"), [(lambda: run_as_thread(fail), "connection-3"), (Unlucky, "MainThread")], ids=["thread", "end"]
)
def test_what_nobody_catches_goes_masked_to_the_log_that_was_configured_last_and_nowhere_else(
    tmp_path: Path, stderr: Callable[[], str], meet: Callable[[], object], thread: str
) -> None:
    configured(tmp_path / "a.log", secrets=("hunter22",))
    configured(tmp_path / "b.log", secrets=("hunter22",))
    meet()
    first, *others = text_of(tmp_path / "b.log").splitlines()
    assert re.search(rf" ERROR   worker-2 {thread}: .* failed$", first)
    assert others[0] == "    Traceback (most recent call last):"
    assert others[-1] == "    ValueError: cannot log in with ***"
    assert all(line.startswith("    ") for line in others)
    assert (text_of(tmp_path / "a.log"), stderr()) == ("", "")


@pytest.mark.parametrize("meet", [lambda: run_as_thread(fail), Unlucky], ids=["thread", "end"])
def test_what_nobody_catches_is_told_nowhere_where_there_is_no_log(
    stderr: Callable[[], str], meet: Callable[[], object]
) -> None:
    configured(screen=True)
    meet()
    assert stderr() == ""


def test_a_thread_that_ends_itself_is_no_failure(stderr: Callable[[], str]) -> None:
    configured()
    run_as_thread(sys.exit)
    assert stderr() == ""


def end_badly() -> None:
    """What a process does that fails, and what it leaves behind fails once more while the interpreter ends."""
    configured(secrets=("hunter22",))
    vars(logging)["kept"] = Unlucky()
    fail()


def test_a_program_that_fails_says_so_in_its_log_alone() -> None:
    code = f"from {__name__} import end_badly\nend_badly()"
    ended = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, check=False, text=True)
    first, *others = ended.stderr.splitlines()
    assert re.search(r" ERROR   worker-2 MainThread: .* failed$", first)
    assert others[-1] == "    ValueError: cannot log in with ***"
    assert all(line.startswith("    ") for line in others)
    assert (ended.returncode, ended.stdout) == (1, "")


# When the log itself fails


def test_a_log_that_cannot_be_written_neither_raises_nor_prints(
    tmp_path: Path, stderr: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(Path("/dev/full"))
    log.error("lost")
    flush()
    configured(tmp_path / "x.log")
    monkeypatch.setattr(os, "fstat", lambda _: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    log.error("kept back")
    flush()
    monkeypatch.undo()
    assert stderr() == ""
    log.error("as before")
    assert [line.rpartition(": ")[2] for line in text_of(tmp_path / "x.log").splitlines()] == ["kept back", "as before"]


def test_a_log_folder_that_goes_away_neither_raises_nor_stops_later_lines(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    configured(folder / "x.log")
    folder.rename(tmp_path / "gone")
    log.info("kept back")
    flush()
    folder.mkdir()
    log.info("back")
    assert [line.rpartition(": ")[2] for line in text_of(folder / "x.log").splitlines()] == ["kept back", "back"]


def test_a_stderr_whose_reader_is_gone_neither_raises_nor_prints(
    monkeypatch: pytest.MonkeyPatch, stderr: Callable[[], str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stderr", pipe)
        configured()
        log.error("nobody reads this")
        flush()
        monkeypatch.undo()
    assert stderr() == ""


def test_a_stderr_that_is_closed_or_no_file_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    closed = os.fdopen(writer, "w")
    closed.close()
    for nowhere in (closed, io.StringIO()):
        monkeypatch.setattr(sys, "stderr", nowhere)
        configured()
        log.error("nobody hears this")
        assert [type(handler) for handler in logging.getLogger().handlers] == [logging.NullHandler]


def test_a_wrong_log_call_is_lost_alone(stderr: Callable[[], str]) -> None:
    configured()
    log.info("%d", "not a number")
    log.info("next")
    assert stderr().count("\n") == 1


# When nobody reads


def test_a_pipe_that_nobody_reads_holds_up_no_log_call_and_a_line_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    logged = 3000
    with os.fdopen(reader, "rb") as unread, os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stderr", pipe)
        configured()
        for number in range(logged):
            log.info("line %d of %s", number, "x" * 1000)
        said = read_until(b"are missing here", unread.fileno())
        log.info("as before")
        said += read_until(b"as before", unread.fileno())
        monkeypatch.undo()
    *lines, gap, last = said.decode().splitlines()
    assert 0 < len(lines) < logged
    assert [int(found) for line in lines for found in re.findall(r": line (\d+) of x{1000}$", line)] == list(
        range(len(lines))
    )
    found = re.fullmatch(r"\S+ WARNING worker-2 log: (\d+) lines are missing here: .*", gap)
    assert found is not None
    assert int(found.group(1)) == logged - len(lines)
    assert last.endswith("as before")


def read_until(text: bytes, reader: int) -> bytes:
    """To the end of the line in which the text is."""
    end, said = time.monotonic() + LIMIT_S, b""
    while text not in said or not said.endswith(b"\n"):
        assert select.select([reader], [], [], max(0.0, end - time.monotonic()))[0], f"{text!r} did not come"
        said += os.read(reader, 65_536)
    return said


def log_last_words(way_out: str, file: str | None, lines: int) -> None:
    """What a process does that ends: its writing thread gets no turn before."""
    configured(None if file is None else Path(file))
    sys.setswitchinterval(LIMIT_S)
    for number in range(lines):
        log.info("last word %d %s", number, "x" * 1000)
    if way_out == "sys.exit":
        sys.exit(7)
    if way_out == "exception":
        raise ValueError("an end that nobody meant")


def program_with_last_words(way_out: str, lines: int) -> subprocess.Popen[bytes]:
    code = f"from {__name__} import log_last_words\nlog_last_words({way_out!r}, None, {lines})"
    return subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT, stderr=subprocess.PIPE)


WAYS_OUT = {"return": 0, "sys.exit": 7, "exception": 1}


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_what_a_program_logs_last_is_written_before_its_end(way_out: str) -> None:
    ended = program_with_last_words(way_out, LINES_AT_ONCE)
    said = ended.communicate(timeout=LIMIT_S)[1]
    assert ended.returncode == WAYS_OUT[way_out]
    assert said.count(b"last word") == LINES_AT_ONCE


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_what_a_child_logs_last_is_written_before_its_end(way_out: str, tmp_path: Path) -> None:
    """The servers of multiprocessing end their children by `os._exit`."""
    path = tmp_path / "x.log"
    child = CONTEXT.Process(target=log_last_words, args=(way_out, str(path), LINES_AT_ONCE))
    child.start()
    child.join(LIMIT_S)
    assert child.exitcode == WAYS_OUT[way_out]
    assert path.read_text().count("last word") == LINES_AT_ONCE


def test_a_program_whose_stderr_nobody_reads_ends_all_the_same() -> None:
    ended = program_with_last_words("return", TOO_MANY_LINES)
    assert ended.wait(LIMIT_S) == 0
    assert ended.stderr is not None
    ended.stderr.close()


def test_a_child_whose_log_nobody_reads_ends_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    child = CONTEXT.Process(target=log_last_words, args=("return", str(path), TOO_MANY_LINES))
    child.start()
    child.join(LIMIT_S)
    assert child.exitcode == 0
    assert os.read(reader, 65_536).startswith(b"20")
    os.close(reader)


# What repeats


def test_the_first_is_said_and_what_repeats_within_the_time_is_counted() -> None:
    limit = OncePer(60)
    assert limit.allows("bad body", 0.0) == ""
    assert [limit.allows("bad body", now) for now in (1.0, 30.0, 59.9)] == [None, None, None]
    assert limit.allows("bad body", 60.0) == "; 3 more since the last such line"
    assert limit.allows("bad body", 200.0) == ""


def test_each_key_has_its_own_time() -> None:
    limit = OncePer(60)
    assert limit.allows("a", 0.0) == ""
    assert limit.allows("b", 1.0) == ""
    assert limit.allows("a", 2.0) is None


def test_only_so_many_keys_are_remembered_and_the_idle_one_is_forgotten_first() -> None:
    limit = OncePer(60)
    for number in range(KEYS_REMEMBERED):
        limit.allows(str(number), 0.0)
    assert limit.allows("0", 1.0) is None
    limit.allows("one too many", 1.0)
    assert limit.allows("0", 2.0) is None
    assert limit.allows("1", 2.0) == ""
