import errno
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from display import memory
from display.memory import LARGEST_FILE, Remembered, load, memory_path, save

CHOSEN = Remembered("volume", False, ["GAZP", "SBER"], "events")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "moex-monitor" / "display.json"


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    yield
    memory._unwritable.clear()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def test_the_file_is_in_the_state_folder_of_the_user() -> None:
    assert memory_path({"HOME": "/home/me"}) == Path("/home/me/.local/state/moex-monitor/display.json")
    assert memory_path({}) is None


def test_what_was_saved_is_loaded(path: Path) -> None:
    save(path, CHOSEN)
    assert load(path) == CHOSEN


def test_the_file_is_the_user_s_alone_and_nothing_is_left_beside_it(path: Path) -> None:
    save(path, Remembered())
    save(path, CHOSEN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_without_a_file_or_a_home_there_are_the_defaults(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(None, CHOSEN)
    assert load(path) == load(None) == Remembered()
    assert caplog.messages == []


def test_keys_of_a_newer_version_are_ignored_and_those_that_are_missing_have_their_defaults(path: Path) -> None:
    write(path, b'{"view": "events", "colours": {"bid": "blue"}}')
    assert load(path) == Remembered(view="events")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"sort": 5}',
        b'{"favourites": [5]}',
        b'{"favourites": "SBER"}',
        b'{"view": "\xff"}',
        b'{"colours": ' + b"[" * 100_000,
        b'{"sort": "volume"}' + b" " * LARGEST_FILE,
    ],
)
def test_a_file_that_is_not_understood_is_kept_aside_and_told_of_in_one_line(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, content)
    assert load(path) == Remembered()
    (message,) = caplog.messages
    assert message.startswith(f"{path} is not used and kept as display.json.broken: ")
    assert [kept.read_bytes() for kept in path.parent.iterdir()] == [content]
    assert load(path) == Remembered()
    assert len(caplog.messages) == 1


def test_what_is_no_file_is_not_waited_for(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert load(path) == Remembered()
    assert caplog.messages == [f"{path} is not used and kept as display.json.broken: it is no file"]


def test_a_file_that_can_be_neither_read_nor_moved_costs_one_line(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, b"{}")

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied\x1b[2J")

    monkeypatch.setattr(Path, "open", forbidden)
    monkeypatch.setattr(Path, "replace", forbidden)
    assert load(path) == Remembered()
    (message,) = caplog.messages
    assert message.startswith(f"{path} is not used: ")
    assert message.isprintable()


def test_a_folder_that_cannot_be_written_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "moex-monitor").write_text("a file is in the way")
    path = tmp_path / "moex-monitor" / "display.json"
    save(path, CHOSEN)
    save(path, CHOSEN)
    (message,) = caplog.messages
    assert message.startswith("what the display shows is not remembered for the next start: ")
    (tmp_path / "moex-monitor").unlink()
    save(path, CHOSEN)
    assert load(path) == CHOSEN


def test_a_full_disk_keeps_the_old_file_and_leaves_nothing_beside_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    save(path, CHOSEN)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdopen", full)
        save(path, Remembered())
    assert load(path) == CHOSEN
    assert list(path.parent.iterdir()) == [path]
    assert "No space left on device" in caplog.text


def test_a_folder_that_takes_no_temporary_file_never_raises(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    save(path, CHOSEN)
    assert load(path) == Remembered()
