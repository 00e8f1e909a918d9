"""One thread reads whatever came to many connections: at once after a silence, together while data flow."""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from collector.framing import READ_SIZE
from collector.gathering import BUSY, Gathering
from tests.collector.gatherer import Gatherer
from tests.collector.waiting import LIMIT_S, nothing_left_over, wait_until

NEVER_S = 3600.0


class Member:
    """Reads from its end of a socket pair, and says what it is told to as long as there is something in `answers`."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.taken = b""
        self.asked: list[int] = []
        self.peer, self._socket = socket.socketpair()
        self._socket.setblocking(False)
        self._lock = threading.Lock()

    @property
    def descriptor(self) -> int:
        return self._socket.fileno()

    def gather(self, descriptor: int) -> int | None:
        self.asked.append(descriptor)
        if self.answers:
            return self.answers.pop(0)
        with self._lock:
            return self._read() if descriptor == self.descriptor else None

    def _read(self) -> int:
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return 0
        self.taken += data
        return len(data)

    def leave(self) -> None:
        """Close its descriptor, and tell nobody."""
        self._socket.close()

    def take_number_of(self, other: "Member") -> None:
        """What happens when `other` was closed and this was opened."""
        number = other.descriptor
        other.leave()
        os.dup2(self.descriptor, number)
        self._socket.close()
        self._socket = socket.socket(fileno=number)

    def reopen(self) -> None:
        """With a new peer, under another number."""
        peer, ours = socket.socketpair()
        ours.setblocking(False)
        with self._lock:
            self.close()
            self.peer, self._socket = peer, ours

    def close(self) -> None:
        self.peer.close()
        self._socket.close()


class Control:
    """The pipe that ends waits."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()

    def wake(self) -> None:
        os.write(self._writer, b"n")

    def drain(self) -> None:
        """Take what wakes there were; there were some."""
        assert os.read(self.reader, 100)

    def close(self) -> None:
        os.close(self.reader)
        os.close(self._writer)


class Clock:
    """Stands still."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def control() -> Iterator[Control]:
    made = Control()
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gathering(control: Control, clock: Clock) -> Gathering:
    return Gathering(control.reader, control.wake, 1.0, clock)


@pytest.fixture
def members() -> Iterator[list[Member]]:
    made = [Member(), Member()]
    yield made
    for member in made:
        member.close()


@pytest.fixture
def member(gathering: Gathering, control: Control, members: list[Member]) -> Member:
    """The first of the members, which has joined; nothing has come yet."""
    join(gathering, control, members[0])
    return members[0]


def join(gathering: Gathering, control: Control, member: Member) -> None:
    gathering.join(member.descriptor, member)
    control.drain()
    gathering.read()
    member.asked.clear()


def waits(gathering: Gathering) -> bool:
    """Whether nothing ends a wait of a tenth of a second."""
    began = time.monotonic()
    gathering.wait(0.1)
    return time.monotonic() - began >= 0.1


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], float]]:
    """The descriptors and the seconds of every wait for a moment to read at; none of them takes any time."""
    noted: list[tuple[list[int], float]] = []

    def note(reading: list[int], _writing: object, _failing: object, timeout_s: float) -> tuple[list[int], ...]:
        noted.append((reading, timeout_s))
        return [], [], []

    monkeypatch.setattr(select, "select", note)
    return noted


# ---- when it reads


def test_what_comes_after_a_silence_is_read_at_once(gathering: Gathering, member: Member) -> None:
    timer = threading.Timer(0.05, member.peer.send, [b"abc"])
    timer.start()
    assert not gathering.wait(NEVER_S)
    timer.join()
    gathering.read()
    assert (member.taken, gathering.is_flowing) == (b"abc", True)


def test_while_data_flow_the_next_read_is_at_the_next_multiple_of_the_interval(
    gathering: Gathering, member: Member, clock: Clock, control: Control, waited: list[tuple[list[int], float]]
) -> None:
    for now, next_read_s in ((100.25, 0.75), (101.0, 1.0), (101.875, 0.125)):
        member.peer.send(b"abc")
        gathering.read()
        member.peer.send(b"does not end the wait")
        clock.now = now
        assert not gathering.wait(NEVER_S)
        assert waited.pop() == ([control.reader], next_read_s)


def test_it_does_not_wait_for_that_moment_beyond_its_time_out(
    gathering: Gathering, member: Member, clock: Clock, waited: list[tuple[list[int], float]]
) -> None:
    member.peer.send(b"abc")
    gathering.read()
    clock.now = 100.25
    gathering.wait(0.5)
    assert waited.pop()[1] == 0.5


def test_when_a_moment_to_read_brought_nothing_what_comes_next_is_read_at_once(
    gathering: Gathering, member: Member
) -> None:
    member.peer.send(b"abc")
    gathering.read()
    gathering.read()
    assert not gathering.is_flowing
    member.peer.send(b"def")
    assert not gathering.wait(NEVER_S)
    gathering.read()
    assert member.taken == b"abcdef"


def test_a_silence_is_waited_through_to_the_time_out(gathering: Gathering, member: Member) -> None:
    assert waits(gathering)
    gathering.read()
    assert member.asked == []


def test_each_member_that_has_something_is_read_once_and_no_other(
    gathering: Gathering, control: Control, members: list[Member]
) -> None:
    idle, busy = members
    for one in members:
        join(gathering, control, one)
    busy.peer.send(b"abc")
    gathering.read()
    assert (idle.asked, busy.asked) == ([], [busy.descriptor])


def test_a_read_that_was_filled_is_followed_by_another_at_once(gathering: Gathering, member: Member) -> None:
    """What it left may be invisible from outside: decrypted, but not read."""
    member.answers = [READ_SIZE, READ_SIZE + 1, 10]
    member.peer.send(b"abc")
    for is_behind in (True, True, False):
        assert not gathering.wait(NEVER_S)
        gathering.read()
        assert gathering.is_behind is is_behind
    assert len(member.asked) == 3


def test_a_member_that_is_busy_is_asked_again_at_the_next_moment_whether_or_not_more_comes(
    gathering: Gathering, member: Member, clock: Clock, waited: list[tuple[list[int], float]]
) -> None:
    member.answers = [READ_SIZE, BUSY, 10]
    member.peer.send(b"abc")
    gathering.read()
    gathering.read()
    assert not gathering.is_behind
    clock.now = 100.25
    assert not gathering.wait(NEVER_S)
    assert waited.pop()[1] == 0.75
    gathering.read()
    assert len(member.asked) == 3


# ---- who is read


def test_who_joins_is_asked_once_at_once_though_nothing_came(
    gathering: Gathering, control: Control, members: list[Member]
) -> None:
    """What its own thread read may have left something behind, decrypted."""
    gathering.join(members[0].descriptor, members[0])
    assert gathering.wait(NEVER_S)
    control.drain()
    gathering.read()
    assert members[0].asked == [members[0].descriptor]
    assert waits(gathering)


def test_who_joins_from_another_thread_ends_the_wait(gathering: Gathering, members: list[Member]) -> None:
    timer = threading.Timer(0.05, gathering.join, (members[0].descriptor, members[0]))
    timer.start()
    assert gathering.wait(NEVER_S)
    timer.join()


def test_who_says_none_is_not_asked_again(gathering: Gathering, member: Member) -> None:
    member.answers = [None]
    member.peer.send(b"abc")
    for _ in range(2):
        gathering.read()
    assert member.asked == [member.descriptor]
    assert waits(gathering)


def test_who_said_none_may_join_again(gathering: Gathering, control: Control, member: Member) -> None:
    member.answers = [None]
    member.peer.send(b"abc")
    gathering.read()
    gathering.join(member.descriptor, member)
    control.drain()
    gathering.read()
    assert member.taken == b"abc"


def test_who_joins_twice_is_read_once(gathering: Gathering, control: Control, member: Member) -> None:
    join(gathering, control, member)
    member.peer.send(b"abc")
    gathering.read()
    assert member.asked == [member.descriptor]


@pytest.mark.parametrize("is_flowing", [False, True])
def test_a_descriptor_that_was_closed_without_a_word_is_asked_for_once(
    gathering: Gathering, member: Member, is_flowing: bool
) -> None:
    number = member.descriptor
    if is_flowing:
        member.peer.send(b"abc")
        gathering.read()
        member.asked.clear()
    member.leave()
    for _ in range(3):
        gathering.read()
    assert member.asked == [number]
    assert waits(gathering)


def test_who_was_closed_before_it_was_first_asked_does_no_harm(
    gathering: Gathering, control: Control, members: list[Member]
) -> None:
    for one in members:
        gathering.join(one.descriptor, one)
    control.drain()
    members[0].leave()
    members[1].peer.send(b"abc")
    for _ in range(2):
        gathering.read()
    assert len(members[0].asked) == 1
    assert members[1].taken == b"abc"


def test_a_number_that_another_got_is_read_for_the_other(
    gathering: Gathering, control: Control, member: Member, members: list[Member]
) -> None:
    other = members[1]
    other.take_number_of(member)
    gathering.join(other.descriptor, other)
    control.drain()
    other.peer.send(b"abc")
    gathering.read()
    assert (member.asked, other.taken) == ([], b"abc")


def test_a_number_that_another_got_which_has_not_joined_is_left_to_it(
    gathering: Gathering, control: Control, member: Member, members: list[Member]
) -> None:
    other = members[1]
    other.take_number_of(member)
    other.peer.send(b"abc")
    gathering.read()
    assert (member.asked, other.asked) == ([other.descriptor], [])
    assert waits(gathering)
    gathering.join(other.descriptor, other)
    control.drain()
    gathering.read()
    assert other.taken == b"abc"


def test_the_same_member_is_read_again_under_a_new_number(
    gathering: Gathering, control: Control, member: Member
) -> None:
    member.reopen()
    gathering.join(member.descriptor, member)
    control.drain()
    member.peer.send(b"abc")
    for _ in range(3):
        gathering.read()
    assert member.taken == b"abc"
    assert member.asked.count(member.descriptor) == 1


# ---- control


ANSWERS: dict[str, list[int | None]] = {"silent": [], "flowing": [1], "behind": [READ_SIZE]}


@pytest.mark.parametrize("state", ANSWERS)
def test_control_ends_every_wait_and_it_alone_gives_true(
    gathering: Gathering, control: Control, member: Member, state: str
) -> None:
    member.answers = ANSWERS[state]
    if state != "silent":
        member.peer.send(b"abc")
    gathering.read()
    assert (gathering.is_flowing, gathering.is_behind) == (state != "silent", state == "behind")
    assert not gathering.wait(0.01)
    control.wake()
    assert gathering.wait(NEVER_S)
    control.drain()
    assert not gathering.wait(0.01)


def test_control_is_told_of_even_when_data_came_as_well(gathering: Gathering, control: Control, member: Member) -> None:
    member.peer.send(b"abc")
    control.wake()
    assert gathering.wait(NEVER_S)


def test_control_is_not_read(gathering: Gathering, control: Control) -> None:
    control.wake()
    gathering.read()
    assert select.select([control.reader], [], [], 0)[0]


# ---- all together


def wait_for(member: Member, size: int) -> None:
    wait_until(lambda: len(member.taken) >= size)
    assert len(member.taken) == size


def test_nothing_is_forgotten_while_members_come_and_go_and_send(members: list[Member]) -> None:
    first, second = members
    with nothing_left_over(), Gatherer(0.002) as gatherer:
        gatherer.gathering.join(second.descriptor, second)
        for number in range(100):
            if number % 10 == 0:
                first.reopen()
                gatherer.gathering.join(first.descriptor, first)
            first.peer.send(b"x")
            second.peer.send(b"yy")
            wait_for(first, number + 1)
            wait_for(second, 2 * number + 2)


def test_a_flood_of_many_is_read_whole(members: list[Member]) -> None:
    flood = bytes(range(256)) * 4096
    with Gatherer(0.002) as gatherer:
        for one in members:
            gatherer.gathering.join(one.descriptor, one)
        senders = [threading.Thread(target=one.peer.sendall, args=(flood,)) for one in members]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(LIMIT_S)
        wait_until(lambda: [len(one.taken) for one in members] == 2 * [len(flood)])
    assert [one.taken == flood for one in members] == [True, True]
