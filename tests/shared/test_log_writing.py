"""Nobody who logs waits for what is written; lines stay whole and in order, and a gap says how large it is."""

import contextlib
import fcntl
import multiprocessing
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from shared.log_writing import AppendedFile, Backlog, Descriptor, LogWriter
from shared.processes import STOP_SIGNALS

LIMIT_S = 30.0
"""Generous: how long a loaded machine may take for anything that is not slow by itself."""


def missing(count: int) -> bytes:
    return b"%d missing\n" % count


def taken(backlog: Backlog) -> bytes | None:
    """The first line, as if it was written."""
    if (line := backlog.first()) is not None:
        backlog.written(len(line))
    return line


def everything(backlog: Backlog) -> list[bytes]:
    return list(iter(lambda: taken(backlog), None))


class Gate:
    """An output that lets nothing through before it is opened."""

    def __init__(self) -> None:
        self.opened = Event()
        self.reached = Event()
        self.is_closed = Event()
        self.lines: list[bytes] = []
        self.blocked_signals: set[int] = set()

    def write(self, line: bytes) -> int:
        self.blocked_signals = set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        self.reached.set()
        assert self.opened.wait(LIMIT_S)
        self.lines.append(line)
        return len(line)

    def close(self) -> None:
        self.is_closed.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.opened.set()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The ends for reading and for writing."""
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def read_within(reader: int, within_s: float = LIMIT_S) -> bytes:
    assert select.select([reader], [], [], within_s)[0], "nothing to read in time"
    return os.read(reader, 65_536)


# What waits to be written


def test_lines_are_taken_in_the_order_in_which_they_came() -> None:
    backlog = Backlog(100, missing)
    assert backlog.first() is None
    for line in (b"a\n", b"b\n", b"c\n"):
        backlog.add(line)
    assert everything(backlog) == [b"a\n", b"b\n", b"c\n"]
    assert backlog.first() is None


def test_a_line_stays_the_first_until_all_of_it_is_written() -> None:
    backlog = Backlog(100, missing)
    backlog.add(b"abc\n")
    backlog.add(b"d\n")
    assert (backlog.first(), backlog.first()) == (b"abc\n", b"abc\n")
    backlog.written(3)
    assert backlog.first() == b"\n"
    backlog.written(1)
    assert backlog.first() == b"d\n"


def test_what_has_no_room_is_missing_once_and_said_at_its_place() -> None:
    backlog = Backlog(10, missing)
    for line in (b"aaaa\n", b"bbbb\n", b"c\n", b"d\n"):
        backlog.add(line)
    assert taken(backlog) == b"aaaa\n"
    backlog.add(b"e\n")  # there would be room again, but the gap is not yet told
    assert everything(backlog) == [b"bbbb\n", b"3 missing\n"]
    backlog.add(b"f\n")
    assert everything(backlog) == [b"f\n"]


def test_a_line_larger_than_all_the_room_is_missing_alone() -> None:
    backlog = Backlog(10, missing)
    backlog.add(b"much too long\n")
    assert everything(backlog) == [b"1 missing\n"]


def test_room_is_given_back_with_all_that_is_written() -> None:
    backlog = Backlog(10, missing)
    for _ in range(100):
        backlog.add(b"1 to 9...\n")
        backlog.written(4)
        backlog.add(b"abc\n")
        assert everything(backlog) == [b" 9...\n", b"abc\n"]


# The thread that writes


def test_who_puts_a_line_does_not_wait_and_a_flush_waits_no_longer_than_it_is_told(gate: Gate) -> None:
    writer = LogWriter(gate, missing, limit=10)
    writer.put(b"a\n")
    assert gate.reached.wait(LIMIT_S)
    for line in (b"b\n", b"cccccc\n", b"d\n"):
        writer.put(line)
    assert not writer.flush(0.01)
    assert gate.lines == []
    gate.opened.set()
    assert writer.flush(LIMIT_S)
    assert gate.lines == [b"a\n", b"b\n", b"2 missing\n"]
    writer.close()


def test_a_line_that_is_just_being_written_is_not_yet_flushed(gate: Gate) -> None:
    writer = LogWriter(gate, missing)
    writer.put(b"a\n")
    assert gate.reached.wait(LIMIT_S)
    assert not writer.flush(0.01)
    gate.opened.set()
    assert writer.flush(LIMIT_S)
    writer.close()


def test_what_was_put_before_the_end_is_written_and_nothing_afterwards(gate: Gate) -> None:
    writer = LogWriter(gate, missing)
    writer.put(b"a\n")
    writer.put(b"b\n")
    writer.close()
    writer.put(b"too late\n")
    writer.close()
    assert not gate.is_closed.is_set()
    gate.opened.set()
    assert gate.is_closed.wait(LIMIT_S)
    assert gate.lines == [b"a\n", b"b\n"]


def test_what_cannot_be_written_waits_for_the_next_line_and_no_flush_waits_for_it() -> None:
    class Full(Gate):
        is_full = True

        def write(self, line: bytes) -> int:
            if self.is_full:
                raise OSError(28, "No space left on device")
            return super().write(line)

    disk = Full()
    disk.opened.set()
    writer = LogWriter(disk, missing, limit=10)
    for line in (b"aaaa\n", b"bbbb\n", b"c\n"):
        writer.put(line)
        assert writer.flush(LIMIT_S)
    assert disk.lines == []
    disk.is_full = False
    writer.put(b"d\n")
    assert writer.flush(LIMIT_S)
    assert disk.lines == [b"aaaa\n", b"bbbb\n", b"2 missing\n"]
    disk.is_full = True
    writer.put(b"e\n")
    assert writer.flush(LIMIT_S)
    disk.is_full = False
    writer.close()
    assert disk.is_closed.wait(LIMIT_S)
    assert disk.lines[3:] == [b"e\n"]


def test_an_end_that_fails_is_an_end(gate: Gate) -> None:
    class Failing(Gate):
        def close(self) -> None:
            super().close()
            raise OSError(5, "Input/output error")

    output = Failing()
    writer = LogWriter(output, missing)
    writer.close()
    assert output.is_closed.wait(LIMIT_S)


def test_signals_that_stop_the_program_are_left_to_other_threads(gate: Gate) -> None:
    gate.opened.set()
    writer = LogWriter(gate, missing)
    writer.put(b"a\n")
    assert writer.flush(LIMIT_S)
    assert gate.blocked_signals >= STOP_SIGNALS
    assert not STOP_SIGNALS & signal.pthread_sigmask(signal.SIG_BLOCK, ())
    writer.close()


def test_without_room_for_a_thread_who_puts_a_line_writes_it_until_there_is(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    gate.opened.set()
    monkeypatch.setattr(Thread, "start", refuse)
    never_healed, healed = LogWriter(Gate(), missing), LogWriter(gate, missing)
    never_healed.close()
    healed.put(b"a\n")
    assert gate.lines == [b"a\n"]
    monkeypatch.undo()
    gate.opened.clear()
    healed.put(b"b\n")
    assert gate.lines == [b"a\n"]
    gate.opened.set()
    assert healed.flush(LIMIT_S)
    assert gate.lines == [b"a\n", b"b\n"]
    healed.close()
    assert gate.is_closed.wait(LIMIT_S)


def test_an_output_whose_thread_never_was_is_closed_all_the_same(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError("can't start new thread")))
    LogWriter(gate, missing).close()
    assert gate.is_closed.is_set()


# Where it writes


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_line_that_the_system_takes_in_parts_is_written_whole(pipe: tuple[int, int], is_blocking: bool) -> None:
    reader, writer = pipe
    os.set_blocking(writer, is_blocking)
    line = bytes(range(256)) * 4096
    log = LogWriter(Descriptor(writer), missing, limit=len(line) + 2)
    log.put(line)
    log.put(b"b\n")
    received = b""
    while len(received) < len(line) + 2:
        received += read_within(reader)
    assert received == line + b"b\n"
    log.close()


def test_a_descriptor_that_is_pointed_elsewhere_for_a_moment_catches_no_line(pipe: tuple[int, int]) -> None:
    """As Servers does with the standard error output, while it starts the resource tracker."""
    reader, writer = pipe
    output = Descriptor(writer)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, writer)
    os.close(nowhere)
    output.write(b"a\n")
    assert read_within(reader) == b"a\n"
    output.close()


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    with pytest.raises(OSError, match="Bad file descriptor"):
        Descriptor(writer)


def test_a_file_that_was_moved_away_or_removed_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    output = AppendedFile(path)
    output.write(b"a\n")
    path.rename(tmp_path / "x.log.1")
    output.write(b"b\n")
    assert ((tmp_path / "x.log.1").read_bytes(), path.read_bytes()) == (b"a\n", b"b\n")
    path.rename(tmp_path / "x.log.1")
    path.write_bytes(b"from somebody else\n")
    output.write(b"c\n")
    assert path.read_bytes() == b"from somebody else\nc\n"
    output.close()


def test_a_file_whose_folder_is_gone_raises_until_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    output = AppendedFile(folder / "x.log")
    folder.rename(tmp_path / "gone")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            output.write(b"lost\n")
    folder.mkdir()
    output.write(b"back\n")
    assert (folder / "x.log").read_bytes() == b"back\n"
    output.close()


def test_several_that_append_to_one_file_overwrite_nothing_of_each_other(tmp_path: Path) -> None:
    outputs = [AppendedFile(tmp_path / "x.log") for _ in range(2)]
    for _ in range(3):
        for number, output in enumerate(outputs):
            output.write(b"%d\n" % number)
    assert (tmp_path / "x.log").read_bytes() == b"0\n1\n" * 3
    for output in outputs:
        output.close()


def test_a_named_pipe_that_nobody_reads_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        AppendedFile(tmp_path / "pipe")


# When the file may not grow


def texts_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_full_file_is_moved_on_and_so_many_are_kept(tmp_path: Path) -> None:
    output = AppendedFile(tmp_path / "x.log", limit=4, keep=2)
    for line in (b"a\n", b"b\n", b"c\n", b"d\n", b"eeeeee\n", b"f\n"):
        assert output.write(line) == len(line)
    assert texts_in(tmp_path) == {"x.log.2": b"c\nd\n", "x.log.1": b"eeeeee\n", "x.log": b"f\n"}
    output.close()


def test_a_move_that_somebody_died_in_costs_no_old_file(tmp_path: Path) -> None:
    """It had moved the oldest on, and not the next."""
    for name, text in (("x.log", b"d\n"), ("x.log.1", b"c\n"), ("x.log.3", b"a\n")):
        (tmp_path / name).write_bytes(text)
    output = AppendedFile(tmp_path / "x.log", limit=2, keep=3)
    output.write(b"e\n")
    assert texts_in(tmp_path) == {"x.log.3": b"a\n", "x.log.2": b"c\n", "x.log.1": b"d\n", "x.log": b"e\n"}
    output.close()


def test_while_another_moves_the_file_it_is_written_to(tmp_path: Path) -> None:
    output = AppendedFile(tmp_path / "x.log", limit=2, keep=1)
    output.write(b"a\n")
    other = os.open(tmp_path / "x.log", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    output.write(b"b\n")
    assert texts_in(tmp_path) == {"x.log": b"a\nb\n"}
    os.close(other)
    output.write(b"c\n")
    assert texts_in(tmp_path) == {"x.log.1": b"a\nb\n", "x.log": b"c\n"}
    output.close()


def test_a_file_that_cannot_be_moved_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = AppendedFile(tmp_path / "x.log", limit=2, keep=1)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    output.write(b"a\n")
    output.write(b"b\n")
    assert texts_in(tmp_path) == {"x.log": b"a\nb\n"}
    output.close()


def test_what_is_no_file_is_never_moved(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    output = AppendedFile(tmp_path / "pipe", limit=1, keep=1)
    output.write(b"aa\n")
    output.write(b"bb\n")
    assert os.read(reader, 100) == b"aa\nbb\n"
    output.close()
    os.close(reader)


def test_a_line_in_a_file_that_is_removed_meanwhile_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when others move so many files on, while this writer is stopped, that this one is the oldest."""
    path = tmp_path / "x.log"
    really_write = os.write

    def write_late(descriptor: int, data: bytes) -> int:
        monkeypatch.undo()
        path.unlink()
        return really_write(descriptor, data)

    writer = LogWriter(AppendedFile(path), missing)
    monkeypatch.setattr(os, "write", write_late)
    writer.put(b"a\n")
    assert writer.flush(LIMIT_S)
    assert path.read_bytes() == b"a\n"
    writer.close()


WRITERS, LINES_EACH = 4, 3000


def write_lines(path: str, name: int) -> None:
    """Target of a process."""
    output = AppendedFile(Path(path), limit=2000, keep=WRITERS * LINES_EACH)
    for number in range(LINES_EACH):
        output.write(b"%d %d\n" % (name, number))


def test_several_processes_that_move_the_same_file_lose_no_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    path = tmp_path / "x.log"
    writers = [context.Process(target=write_lines, args=(str(path), name)) for name in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {writer.exitcode for writer in writers} == {0}
    files = list(tmp_path.iterdir())
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(files) > 2
    assert sorted(lines) == sorted(f"{name} {number}" for name in range(WRITERS) for number in range(LINES_EACH))
