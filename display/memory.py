"""What the display remembers from one start to the next, in one small file of the user's state folder."""

import contextlib
import logging
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from shared.printable import printable
from shared.user_folders import state_folder

log = logging.getLogger(__name__)

FILE_NAME = "display.json"
BROKEN = ".broken"
LARGEST_FILE = 1_000_000
"""Bytes: what is larger was not written by this program."""

_unwritable: set[Path] = set()
"""Files that were told of, until they can be written again."""


class Remembered(msgspec.Struct, frozen=True):
    """`sort` and `view` are the values of SortKey and View; one that is not known is no error."""

    sort: str = "activity"
    is_descending: bool = True
    favourites: Sequence[str] = []
    view: str = "table"


def memory_path(environment: Mapping[str, str]) -> Path | None:
    """Where the file is; None when the user has no home."""
    folder = state_folder(environment)
    return None if folder is None else folder / FILE_NAME


def load(path: Path | None) -> Remembered:
    """What was saved, else the defaults. What cannot be used is moved out of the way. Blocks on the disk only."""
    if path is None:
        return Remembered()
    try:
        return msgspec.json.decode(_content(path), type=Remembered)
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValueError, RecursionError) as error:  # a DecodeError is a ValueError
        log.warning("%s is not used%s: %s", printable(str(path)), _kept_aside(path), printable(str(error)))
        return Remembered()


def save(path: Path | None, remembered: Remembered) -> None:
    """Replace the file in one step. A disk that does not take it costs one log line. Blocks on the disk only."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(path, msgspec.json.format(msgspec.json.encode(remembered)) + b"\n")
        _unwritable.discard(path)
    except (OSError, ValueError) as error:
        if path not in _unwritable:
            _unwritable.add(path)
            log.warning("what the display shows is not remembered for the next start: %s", printable(str(error)))


def _content(path: Path) -> bytes:
    """Raises OSError, ValueError when it cannot be the file that was saved."""
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
        raise ValueError("it is no file")
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError("it is too large")
    return content


def _kept_aside(path: Path) -> str:
    """What became of the file, in words to follow its name; empty when it stays where it is."""
    aside = path.with_name(path.name + BROKEN)
    try:
        path.replace(aside)
    except OSError:
        return ""
    return f" and kept as {aside.name}"


def _replace(path: Path, content: bytes) -> None:
    """The file is the user's alone, as `mkstemp` makes it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
