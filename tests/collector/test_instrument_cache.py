import errno
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest

from collector.instrument_cache import InstrumentCache, Remembered
from shared.errors import InstrumentsError

HOST = "iss.moex.com"
NOW = 1_795_342_500.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "moex-monitor" / "instruments-TQBR.json"


def cache(path: Path, host: str = HOST) -> InstrumentCache:
    return InstrumentCache(path, host, clock=lambda: NOW)


def test_what_was_written_is_read_with_its_time(path: Path) -> None:
    cache(path).write(("SBER", "VEON-RX", "T"))
    assert cache(path).read() == Remembered(HOST, NOW, ("SBER", "VEON-RX", "T"))


def test_a_later_list_replaces_the_file_and_leaves_nothing_beside_it(path: Path) -> None:
    cache(path).write(("SBER",))
    cache(path).write(("GAZP",))
    assert cache(path).read().tickers == ("GAZP",)
    assert list(path.parent.iterdir()) == [path]


def test_the_list_of_another_host_is_no_list_of_this_one(path: Path) -> None:
    cache(path, "other.example").write(("SBER",))
    with pytest.raises(InstrumentsError, match=r"of other.example, not of iss.moex.com"):
        cache(path).read()


GOOD: dict[str, Any] = {"host": HOST, "saved_at": NOW, "tickers": ["SBER"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"host": "\xff"}',
        b'{"other": ' + b"[" * 100_000,
        json.dumps(GOOD | {"tickers": []}).encode(),
        json.dumps(GOOD | {"tickers": ["SB\u001bER"]}).encode(),
        json.dumps(GOOD | {"tickers": ["SBER\n"]}).encode(),
        json.dumps(GOOD | {"tickers": [5]}).encode(),
        json.dumps(GOOD | {"saved_at": 1e300}).encode(),
        json.dumps(GOOD | {"saved_at": "today"}).encode(),
    ],
    ids=lambda content: repr(content[:40]),
)
def test_a_damaged_file_is_no_list(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InstrumentsError):
        cache(path).read()


def test_a_missing_file_is_no_list(path: Path) -> None:
    with pytest.raises(InstrumentsError, match="No such file"):
        cache(path).read()


def test_a_full_disk_costs_a_log_line_and_keeps_the_old_list(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache(path).write(("SBER",))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Path, "replace", full)
        cache(path).write(("GAZP",))
        patch.setattr(tempfile, "mkstemp", full)
        cache(path).write(("GAZP",))
    assert [record.getMessage() for record in caplog.records] == [
        "the list of instruments was not remembered on disk: [Errno 28] No space left on device"
    ] * 2
    assert cache(path).read().tickers == ("SBER",)
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_costs_a_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    cache(tmp_path / "file" / "x.json").write(("SBER",))
    assert "was not remembered on disk" in caplog.text
