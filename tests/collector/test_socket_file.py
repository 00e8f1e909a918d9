import fcntl
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector import socket_file
from collector.socket_file import SocketFile, Taken, ensure_nobody_answers

LEAVE_A_SOCKET = """
import os, signal, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.kill(os.getpid(), signal.SIGKILL)
"""

Listen = Callable[..., socket.socket]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "monitor.sock"


@pytest.fixture
def listen() -> Iterator[Listen]:
    """`SocketFile.listen`; the listeners are closed at the end."""
    opened: list[socket.socket] = []

    def make(file: SocketFile, *, is_folder_ours: bool = True) -> socket.socket:
        opened.append(file.listen(is_folder_ours=is_folder_ours))
        return opened[-1]

    yield make
    for listener in opened:
        listener.close()


def can_connect(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as viewer:
        try:
            viewer.connect(str(path))
        except OSError:
            return False
    return True


def test_the_socket_is_for_its_user_alone_in_a_folder_that_is_too(tmp_path: Path, listen: Listen) -> None:
    path = tmp_path / "runtime" / "monitor.sock"
    mask = os.umask(0)
    try:
        listen(SocketFile(path))
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert can_connect(path)


def test_no_child_inherits_it(path: Path, listen: Listen) -> None:
    assert not listen(SocketFile(path)).get_inheritable()


def test_a_socket_that_a_killed_program_left_is_replaced(path: Path, listen: Listen) -> None:
    subprocess.run([sys.executable, "-c", LEAVE_A_SOCKET, str(path)], check=False)
    assert path.is_socket()
    assert not can_connect(path)
    listen(SocketFile(path))
    assert can_connect(path)


def test_a_socket_on_which_a_program_answers_is_taken_and_its_process_named(path: Path, listen: Listen) -> None:
    listen(SocketFile(path))
    with pytest.raises(Taken) as caught:
        SocketFile(path).listen(is_folder_ours=True)
    assert str(caught.value) == f"pid {os.getpid()} has the socket {path}"
    assert can_connect(path)


def test_a_program_that_is_too_busy_to_answer_has_its_socket_all_the_same(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(Taken, match="another program has the socket"):
            SocketFile(path).listen(is_folder_ours=True)


def test_of_several_places_the_first_one_on_which_a_program_answers_is_found(path: Path, listen: Listen) -> None:
    subprocess.run([sys.executable, "-c", LEAVE_A_SOCKET, str(path)], check=False)
    closed = path.with_name("closed")
    closed.symlink_to(closed)
    places = [path.with_name("gone"), path, closed, path.with_name("x" * 120)]
    ensure_nobody_answers(places)
    listen(SocketFile(path.with_name("first")))
    listen(SocketFile(path.with_name("second")))
    with pytest.raises(Taken, match=rf"^pid {os.getpid()} has the socket {path.parent}/first$"):
        ensure_nobody_answers([*places, path.with_name("first"), path.with_name("second")])


def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(OSError, match=r"monitor\.sock: there is something that is no socket$"):
        SocketFile(path).listen(is_folder_ours=True)
    assert path.read_text() == "precious"


def test_a_path_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120) / "s"
    with pytest.raises(OSError, match=r"bytes long, a socket's path has at most 107$"):
        SocketFile(path).listen(is_folder_ours=True)
    assert not path.parent.exists()


def test_the_longest_path_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listen: Listen) -> None:
    monkeypatch.chdir(tmp_path)
    listen(SocketFile(Path("x" * 107)))
    assert can_connect(Path("x" * 107))


def test_a_folder_that_others_may_write_to_is_not_used_unless_it_was_named(tmp_path: Path, listen: Listen) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(OSError, match="its folder may be written to by others"):
        SocketFile(tmp_path / "s").listen(is_folder_ours=True)
    listen(SocketFile(tmp_path / "s"), is_folder_ours=False)


def test_a_named_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone/s: No such file or directory$"):
        SocketFile(tmp_path / "gone" / "s").listen(is_folder_ours=False)


def test_its_end_takes_the_file_away(path: Path, listen: Listen) -> None:
    file = SocketFile(path)
    listen(file)
    assert file.is_there
    file.remove()
    assert not file.is_there
    assert not path.exists()
    file.remove()


def test_what_was_removed_is_not_made_again(path: Path, listen: Listen) -> None:
    file = SocketFile(path)
    listen(file)
    file.remove()
    with pytest.raises(OSError, match="it was removed for good"):
        file.listen(is_folder_ours=True)
    assert not path.exists()


def test_the_file_of_another_program_is_left_alone(path: Path, listen: Listen) -> None:
    ours, theirs = SocketFile(path), SocketFile(path)
    listen(ours)
    path.unlink()
    listen(theirs)
    assert not ours.is_there
    ours.remove()
    assert theirs.is_there


def test_of_two_that_start_at_the_same_moment_one_finds_the_other(path: Path, listen: Listen) -> None:
    subprocess.run([sys.executable, "-c", LEAVE_A_SOCKET, str(path)], check=False)
    outcomes: list[object] = []

    def start() -> None:
        try:
            outcomes.append(listen(SocketFile(path)))
        except Taken as taken:
            outcomes.append(taken)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, socket.socket) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Taken) for outcome in outcomes) == 7
    assert can_connect(path)


def test_a_folder_that_somebody_holds_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_file, "LOCK_LIMIT_S", 0.1)
    descriptor = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(OSError, match="another program holds its folder"):
        SocketFile(path).listen(is_folder_ours=True)
    os.close(descriptor)
