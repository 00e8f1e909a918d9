"""How a record of the log becomes lines: for people, for the journal of systemd, or as one JSON object.

Works on the finished text, so that messages, their arguments and exceptions are masked and cleaned alike.
"""

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from shared.printable import printable
from shared.settings import Credentials, Secret

LINE_LIMIT = 2000
"""Characters of a line that are written: what is quoted in it may be from outside, and of any length."""

PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Of syslog, which the journal takes from the beginning of a line."""


class _Formatter(logging.Formatter):
    """A formatter of one process, with the texts of a record masked, cleaned and cut."""

    def __init__(self, process_name: str, secrets: Sequence[str]) -> None:
        super().__init__()
        self._process_name = process_name
        self._secrets = _pattern_of(secrets)

    def _clean(self, text: str) -> str:
        """Masked before it is cut, so that no half of a secret is left."""
        cleaned = printable(text if self._secrets is None else self._secrets.sub("***", text))
        return cleaned if len(cleaned) <= LINE_LIMIT else f"{cleaned[:LINE_LIMIT]}... ({len(cleaned)} characters)"

    def _clean_lines(self, text: str) -> list[str]:
        return [self._clean(line) for line in text.split("\n")]


class OneLineFormatter(_Formatter):
    """Time, level, process, thread and message on one line; a traceback follows on indented lines."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [f"{self._head(record)}: {self._clean(record.getMessage())}"]
        if record.exc_info:
            lines += [f"    {line}" for line in self._clean_lines(self.formatException(record.exc_info))]
        if record.stack_info:
            lines += [f"    {line}" for line in self._clean_lines(record.stack_info)]
        return "\n".join(lines)

    def _head(self, record: logging.LogRecord) -> str:
        return f"{_time_of(record)} {record.levelname:7} {self._process_name} {record.threadName}"


class UntimedFormatter(OneLineFormatter):
    """The same without time and level, for whoever notes both."""

    def _head(self, record: logging.LogRecord) -> str:
        return f"{self._process_name} {record.threadName}"


class JsonFormatter(_Formatter):
    """One JSON object on one line, of ASCII characters: time, level, process, thread, logger, message.

    A traceback is in `exception`, a stack in `stack`, with their line ends.
    """

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "process": self._process_name,
            "thread": record.threadName,
            "logger": record.name,
            "message": self._clean(record.getMessage()),
        }
        if record.exc_info:
            said["exception"] = "\n".join(self._clean_lines(self.formatException(record.exc_info)))
        if record.stack_info:
            said["stack"] = "\n".join(self._clean_lines(record.stack_info))
        return json.dumps(said)


class JournalFormatter(logging.Formatter):
    """Each line of another formatter with its priority in front, as the journal wants it."""

    def __init__(self, lines: logging.Formatter) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in self._lines.format(record).split("\n"))


def formatter_of(kind: str, process_name: str, secrets: Sequence[str], *, is_for_journal: bool) -> logging.Formatter:
    """The formatter of one process; `kind` is `text` or `json`, as in the settings."""
    if kind == "json":
        json_lines = JsonFormatter(process_name, secrets)
        return JournalFormatter(json_lines) if is_for_journal else json_lines
    if is_for_journal:
        return JournalFormatter(UntimedFormatter(process_name, secrets))
    return OneLineFormatter(process_name, secrets)


def printed(kind: str, process_name: str, logger: str, text: str, level: str = "info") -> str:
    """What is printed beside the log: the text itself, or with `json` as an object like those of the log."""
    if kind != "json":
        return text
    now = datetime.now().astimezone().isoformat(timespec="milliseconds")
    said = {"time": now, "level": level, "process": process_name, "thread": "MainThread", "logger": logger}
    return json.dumps(said | {"message": "\n".join(printable(line) for line in text.split("\n"))})


def is_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether systemd said that this descriptor leads to its journal: $JOURNAL_STREAM is its device and inode."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _pattern_of(secrets: Sequence[str]) -> re.Pattern[str] | None:
    """Every spelling in which a secret may turn up. The public passcode is a common word and no secret."""
    spellings: set[str] = set()
    for secret in secrets:
        plain = secret.reveal() if isinstance(secret, Secret) else secret
        if plain and plain != Credentials().passcode.reveal():
            spellings |= {plain, repr(plain)[1:-1], json.dumps(plain)[1:-1], quote(plain, safe="")}
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if spellings else None
