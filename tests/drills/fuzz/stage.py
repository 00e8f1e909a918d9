"""What surrounds the program's own code while it is fuzzed: what it would wait for is there at once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.logs import LIBRARIES

LONGEST_LINE = 1000


@contextmanager
def replaced(owner: Any, **values: object) -> Iterator[None]:
    """Attributes of a module or a class have these values meanwhile."""
    before = {name: getattr(owner, name) for name in values}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= LIBRARIES.get(record.name.partition(".")[0], logging.WARNING):
            self.records.append(record)


@contextmanager
def log_that_is_fit_to_print() -> Iterator[list[logging.LogRecord]]:
    """Warnings and worse: none tells of a failure that was not foreseen, none moves the cursor, none is long."""
    lines, root = _Lines(), logging.getLogger()
    root.addHandler(lines)
    try:
        yield lines.records
    finally:
        root.removeHandler(lines)
    for record in lines.records:
        text = record.getMessage()
        assert record.exc_info is None, (text, record.exc_info)
        assert text.isprintable(), text
        assert len(text) < LONGEST_LINE, text
