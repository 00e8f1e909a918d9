"""Logging of one process: to a file or to stderr, never onto the drawn screen, without secrets and control characters.

Several processes append to the same file: each record is one write at the file's end. Who logs does not wait for it.
"""

import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import parent_process
from multiprocessing.util import Finalize
from pathlib import Path
from types import TracebackType

from shared.log_formats import formatter_of, is_journal
from shared.log_writing import AppendedFile, Descriptor, LogWriter, Output
from shared.settings import LogSettings
from shared.user_folders import state_folder

LIBRARIES = {
    "stomp.py": logging.WARNING,
    "websocket": logging.CRITICAL,
    "websockets": logging.WARNING,
    "urllib3": logging.ERROR,
}
"""The least that these may say: what they report as it happens is told by us, once and in a line."""
FILE_NAME = "monitor.log"
KEYS_REMEMBERED = 1000
FLUSH_LIMIT_S = 0.5
"""How long the end of a process is held up by lines that are not written yet."""
AFTER_ALL_ELSE = -100
BYTES_OF_A_MB = 1_000_000
UNNAMED_MAX_MB = 10.0
"""Of the log that nobody asked for."""

log = logging.getLogger(__name__)


def configure(
    process_name: str,
    settings: LogSettings,
    *,
    screen: bool,
    secrets: Sequence[str],
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Send what this process logs to the place that `settings` and `screen` say; a later call replaces an earlier one.

    `screen` says that the table is drawn on the terminal of this process: without a file of its own the log then goes
    to the user's state folder, or nowhere. Blocks as long as a file takes to open. From here on a log that cannot be
    written never raises, never prints and never blocks; what is not written by the end of the process is written then,
    or given up after FLUSH_LIMIT_S. An exception that nobody catches goes to the log alone: Python would print it to
    stderr, over the screen and with the secrets in it. Each process has to call it for itself: it starts a thread.
    """
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    sys.excepthook, threading.excepthook, sys.unraisablehook = _log_uncaught, _log_of_thread, _log_unraisable
    if parent_process() is not None:  # multiprocessing ends its children without what `atexit` has for them
        Finalize(None, logging.shutdown, exitpriority=AFTER_ALL_ELSE)
    handler = _handler(settings, screen, environment)
    is_for_journal = isinstance(handler, LineHandler) and handler.is_for_journal
    handler.setFormatter(formatter_of(settings.format, process_name, secrets, is_for_journal=is_for_journal))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.flush()
        old.close()
    root.addHandler(handler)
    set_level(settings.level)


def set_level(name: str) -> None:
    """Have what this process logs from now on be at least of that level, which is named as in the settings."""
    level = logging.getLevelNamesMapping()[name.upper()]
    logging.getLogger().setLevel(level)
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(max(level, LIBRARIES[library]))


class OncePer:
    """Holds back what repeats, by key, so that a fault that lasts all night does not fill a disk. Pure."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._said: dict[str, tuple[float, int]] = {}

    def allows(self, key: str, now: float) -> str | None:
        """None: hold it back; a text: say it, and this after it, of how many were held back. `now` is monotonic."""
        said_at, held_back = self._said.pop(key, (None, 0))
        if said_at is not None and now - said_at < self._seconds:
            self._said[key] = (said_at, held_back + 1)
            return None
        self._said[key] = (now, 0)
        if len(self._said) > KEYS_REMEMBERED:
            del self._said[next(iter(self._said))]
        return f"; {held_back} more since the last such line" if held_back else ""


class LineHandler(logging.Handler):
    """Makes the line in the thread that logs, so that it says what was true then; a LogWriter writes it."""

    def __init__(self, output: Output, encoding: str, *, is_for_journal: bool = False) -> None:
        super().__init__()
        self.is_for_journal = is_for_journal
        self._encoding = encoding
        self._writer = LogWriter(output, self._notice)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.put(self._line(record))
        except Exception:
            self.handleError(record)

    def flush(self, within_s: float = FLUSH_LIMIT_S) -> None:
        """Wait until all is written or cannot be, but no longer than that."""
        self._writer.flush(within_s)

    def close(self) -> None:
        """Take no more records. Does not wait for those that are not written yet."""
        self._writer.close()
        super().close()

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(self._encoding, "backslashreplace")

    def _notice(self, dropped: int) -> bytes:
        text = "%d lines are missing here: the log was not written as fast as it came"
        return self._line(logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (dropped,), None))


def _log_uncaught(_type: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    log.error("the main thread failed", exc_info=error)


def _log_of_thread(failed: threading.ExceptHookArgs) -> None:
    if not isinstance(failed.exc_value, SystemExit):  # which ends a thread without a word
        log.error("the thread failed", exc_info=failed.exc_value)


def _log_unraisable(failed: "sys.UnraisableHookArgs") -> None:
    """Without the object: it may be half taken apart, and what it says of itself may fail as well.

    Nothing while the interpreter is taken apart: a thread that ended in the middle of a line would hold the lock of the
    log for ever.
    """
    if not sys.is_finalizing():
        log.error("a destructor or a callback failed", exc_info=failed.exc_value)


def _handler(settings: LogSettings, screen: bool, environment: Mapping[str, str]) -> logging.Handler:
    if settings.file is not None:
        return _file_handler(Path(settings.file), settings) or _stderr_handler(screen, environment)
    if not screen:
        return _stderr_handler(screen, environment)
    folder = state_folder(environment)
    if folder is None:
        return logging.NullHandler()
    return _file_handler(folder / FILE_NAME, settings, UNNAMED_MAX_MB) or logging.NullHandler()


def _stderr_handler(screen: bool, environment: Mapping[str, str]) -> logging.Handler:
    if screen or sys.stderr is None:
        return logging.NullHandler()
    try:
        descriptor = sys.stderr.fileno()
        output = Descriptor(descriptor)
        return LineHandler(output, sys.stderr.encoding, is_for_journal=is_journal(descriptor, environment))
    except (OSError, ValueError):  # it was closed, or is only an object of this process
        return logging.NullHandler()


def _file_handler(path: Path, settings: LogSettings, max_mb: float | None = None) -> logging.Handler | None:
    """None when the file cannot be opened. `max_mb` is that of the settings if they have none."""
    max_mb = settings.max_mb or max_mb
    limit = None if max_mb is None else int(max_mb * BYTES_OF_A_MB)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LineHandler(AppendedFile(path, limit, settings.keep), "utf-8")
    except OSError:
        return None
