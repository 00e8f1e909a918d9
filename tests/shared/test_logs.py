import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.logs import KEYS_REMEMBERED, LINE_LIMIT, OncePer, OneLineFormatter, configure
from shared.settings import LogSettings, Secret

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (\w+) +worker-2 MainThread: (.*)\n")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    root.handlers[:] = []
    yield
    logging.captureWarnings(False)
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was written to stderr since the last look."""
    return lambda: capsys.readouterr().err


def configured(
    file: Path | None = None,
    *,
    level: str = "info",
    screen: bool = False,
    secrets: tuple[str, ...] = (),
    home: str = "",
) -> None:
    settings = LogSettings(file=None if file is None else str(file), level=level)  # type: ignore[arg-type]
    configure("worker-2", settings, screen=screen, secrets=secrets, environment={"HOME": home})


log = logging.getLogger("collector.worker")


# Where it goes


def test_a_named_file_gets_the_log_and_keeps_what_it_had(tmp_path: Path, stderr: Callable[[], str]) -> None:
    (tmp_path / "x.log").write_text("before\n")
    configured(tmp_path / "x.log", screen=True)
    log.info("connection %d is online", 3)
    before, line = (tmp_path / "x.log").read_text("utf-8").splitlines(keepends=True)
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
    assert "hello" in (tmp_path / ".local/state/moex-monitor/monitor.log").read_text("utf-8")
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
    (tmp_path / "x.log").rename(tmp_path / "x.log.1")
    log.info("second")
    assert "first" in (tmp_path / "x.log.1").read_text("utf-8")
    assert "second" in (tmp_path / "x.log").read_text("utf-8")


def test_a_second_call_replaces_the_first(tmp_path: Path) -> None:
    configured(tmp_path / "a.log")
    configured(tmp_path / "b.log")
    log.info("once")
    assert (tmp_path / "a.log").read_text("utf-8") == ""
    assert (tmp_path / "b.log").read_text("utf-8").count("once") == 1


def test_each_record_is_one_write_so_that_processes_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path / "x.log")
    writes: list[bytes] = []
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.FileHandler)
    assert handler.stream is not None

    class Raw(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            writes.append(bytes(data))
            return len(data)

    handler.stream.close()
    handler.stream = io.TextIOWrapper(io.BufferedWriter(Raw()), "utf-8")  # type: ignore[type-var]
    monkeypatch.setattr(handler, "reopenIfNeeded", lambda: None)
    log.info("short")
    log.info("x" * 50_000)
    assert [data.count(b"\n") for data in writes] == [1, 1]


# What may be said


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
    assert "old thing" in (tmp_path / "x.log").read_text("utf-8")
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


# When the log itself fails


def test_a_log_that_cannot_be_written_neither_raises_nor_prints(
    tmp_path: Path, stderr: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path / "x.log")
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.FileHandler)

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    real, handler.stream = handler.stream, Full()  # type: ignore[assignment]
    log.error("lost")
    handler.stream = real
    monkeypatch.setattr(os, "stat", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    log.error("lost as well")
    monkeypatch.undo()
    assert stderr() == ""


def test_a_log_folder_that_goes_away_neither_raises_nor_stops_later_lines(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    configured(folder / "x.log")
    folder.rename(tmp_path / "gone")
    log.info("lost")
    folder.mkdir()
    log.info("back")
    assert "back" in (folder / "x.log").read_text("utf-8")


def test_a_closed_stderr_neither_raises_nor_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    pipe = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stderr", pipe)
    configured()
    log.error("nobody reads this")
    monkeypatch.undo()
    with pytest.raises(BrokenPipeError):
        pipe.close()


def test_a_wrong_log_call_is_lost_alone(stderr: Callable[[], str]) -> None:
    configured()
    log.info("%d", "not a number")
    log.info("next")
    assert stderr().count("\n") == 1


def test_the_formatter_needs_no_secrets() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "text", None, None)
    assert OneLineFormatter("main", []).format(record).endswith("INFO    main MainThread: text")


# What repeats


def test_the_first_is_said_and_what_repeats_within_the_time_is_counted() -> None:
    limit = OncePer(60)
    assert limit.allows("bad body", 0.0) == 0
    assert [limit.allows("bad body", now) for now in (1.0, 30.0, 59.9)] == [None, None, None]
    assert limit.allows("bad body", 60.0) == 3
    assert limit.allows("bad body", 200.0) == 0


def test_each_key_has_its_own_time() -> None:
    limit = OncePer(60)
    assert limit.allows("a", 0.0) == 0
    assert limit.allows("b", 1.0) == 0
    assert limit.allows("a", 2.0) is None


def test_only_so_many_keys_are_remembered_and_the_idle_one_is_forgotten_first() -> None:
    limit = OncePer(60)
    for number in range(KEYS_REMEMBERED):
        limit.allows(str(number), 0.0)
    assert limit.allows("0", 1.0) is None
    limit.allows("one too many", 1.0)
    assert limit.allows("0", 2.0) is None
    assert limit.allows("1", 2.0) == 0
