"""A record as lines: for people, for the journal, as JSON; masked, cleaned and cut alike."""

import json
import logging
import os
from datetime import datetime

import pytest

from shared.log_formats import LINE_LIMIT, OneLineFormatter, formatter_of, is_journal, printed


def record_of(
    text: str, *arguments: object, level: int = logging.INFO, failure: BaseException | None = None
) -> logging.LogRecord:
    info = None if failure is None else (type(failure), failure, failure.__traceback__)
    return logging.LogRecord("collector.worker", level, __file__, 1, text, arguments, info)


def raised(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as failure:
        return failure


def test_the_formatter_needs_no_secrets() -> None:
    assert OneLineFormatter("main", []).format(record_of("text")).endswith("INFO    main MainThread: text")


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.DEBUG, 7),
        (logging.INFO, 6),
        (logging.WARNING, 4),
        (logging.ERROR, 3),
        (logging.CRITICAL, 2),
        (35, 6),
    ],
)
def test_for_the_journal_each_line_has_its_priority_and_no_time(level: int, priority: int) -> None:
    formatter = formatter_of("text", "worker-2", (), is_for_journal=True)
    first, *others = formatter.format(record_of("failed", level=level, failure=raised("bad"))).split("\n")
    assert first == f"<{priority}>worker-2 MainThread: failed"
    assert others[0] == f"<{priority}>    Traceback (most recent call last):"
    assert others[-1] == f"<{priority}>    ValueError: bad"
    assert all(line.startswith(f"<{priority}>    ") for line in others)


def test_json_tells_time_level_process_thread_logger_and_message() -> None:
    line = formatter_of("json", "worker-2", (), is_for_journal=False).format(record_of("%d цен", 3))
    assert line.isascii()
    said = json.loads(line)
    time = datetime.fromisoformat(said.pop("time"))
    assert time.tzinfo is not None
    assert said == {
        "level": "info",
        "process": "worker-2",
        "thread": "MainThread",
        "logger": "collector.worker",
        "message": "3 цен",
    }


def test_json_has_a_traceback_as_one_text_on_the_same_line() -> None:
    line = formatter_of("json", "x", (), is_for_journal=False).format(record_of("failed", failure=raised("bad\nworse")))
    assert "\n" not in line
    exception = json.loads(line)["exception"]
    assert exception.startswith("Traceback (most recent call last):\n")
    assert exception.endswith("\nValueError: bad\nworse")


def test_json_has_the_stack_that_was_asked_for() -> None:
    record = record_of("here")
    record.stack_info = "Stack:\n  line"
    assert json.loads(formatter_of("json", "x", (), is_for_journal=False).format(record))["stack"] == "Stack:\n  line"


def test_json_is_masked_cleaned_and_cut_before_it_is_json() -> None:
    formatter = formatter_of("json", "x", ('hun"ter',), is_for_journal=False)
    failure = raised('with hun"ter')
    said = json.loads(formatter.format(record_of('hun"ter \x1b[2J\n' + "y" * 10**5, failure=failure)))
    assert said["message"].startswith("*** \ufffd[2J\ufffdyyy")
    assert len(said["message"]) < LINE_LIMIT + 100
    assert said["exception"].endswith("with ***")


def test_json_for_the_journal_has_the_priority_in_front() -> None:
    line = formatter_of("json", "x", (), is_for_journal=True).format(record_of("text", level=logging.ERROR))
    assert line.startswith("<3>{")
    assert json.loads(line.removeprefix("<3>"))["level"] == "error"


def test_what_is_printed_beside_the_log_is_text_or_an_object_like_its_lines() -> None:
    assert printed("text", "display", "status", "a\nb") == "a\nb"
    said = json.loads(printed("json", "display", "status", "a\nb\x1b", level="error"))
    assert datetime.fromisoformat(said.pop("time")).tzinfo is not None
    assert said == {
        "level": "error",
        "process": "display",
        "thread": "MainThread",
        "logger": "status",
        "message": "a\nb\ufffd",
    }


def test_the_journal_is_the_stream_that_systemd_named() -> None:
    reader, writer = os.pipe()
    status = os.fstat(writer)
    named = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    assert is_journal(writer, named)
    assert not is_journal(writer, {})
    assert not is_journal(writer, {"JOURNAL_STREAM": "1:2"})
    os.close(reader)
    os.close(writer)
    assert not is_journal(writer, named)
