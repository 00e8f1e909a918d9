import msgspec
import pytest

from shared import __version__, handshake
from shared.handshake import Hello, Welcome, is_understood, misunderstanding, read_hello, read_welcome
from shared.wire import ConnectionState, Picture, Totals


def welcome_of(**changes: object) -> Welcome:
    return msgspec.structs.replace(read_welcome(handshake.welcome(4711)), **changes)


def test_both_sides_of_one_program_understand_each_other() -> None:
    said = read_hello(handshake.hello(is_brief=True))
    assert said.is_brief
    assert is_understood(said)
    assert is_understood(welcome_of())
    assert (welcome_of().pid, welcome_of().version, welcome_of().refusal) == (4711, __version__, "")


@pytest.mark.parametrize("change", [{"protocol": 99}, {"layout": 99}])
def test_another_meaning_and_another_form_are_not_understood(change: dict[str, int]) -> None:
    assert not is_understood(welcome_of(**change))


def test_a_misunderstanding_is_told_in_one_line_with_both_versions() -> None:
    told = misunderstanding(welcome_of(version="9.9\n", protocol=9))
    assert "pid 4711" in told
    assert "9.9" in told and __version__ in told
    assert told.isprintable()
    assert "another build" in misunderstanding(welcome_of(layout=9))


def test_what_a_later_version_adds_does_no_harm() -> None:
    later = {"kind": "moex-monitor-viewer", "protocol": 2, "layout": 7, "version": "2.0", "is_brief": False, "new": [1]}
    assert read_hello(msgspec.msgpack.encode(later)) == Hello(2, 7, "2.0")


NO_TEXT = handshake.hello(is_brief=True).replace(__version__.encode(), b"\xff" * len(__version__))


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", NO_TEXT, msgspec.msgpack.encode({"kind": "other"}), handshake.welcome(1)]
)
def test_what_is_no_hello_is_no_hello(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_hello(data)


def test_the_longest_hello_is_within_its_limit() -> None:
    assert len(handshake.hello(is_brief=True)) < handshake.HELLO_LIMIT / 2


def test_the_layout_is_the_form_and_not_what_is_written_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fresh() -> int:
        return handshake.layout.__wrapped__()

    before = fresh()
    monkeypatch.setattr(Totals, "__doc__", "other words")
    assert fresh() == before
    wider = msgspec.defstruct("Picture", [("revision", int), ("states", list[ConnectionState])], array_like=True)
    monkeypatch.setattr(handshake, "Picture", wider)
    assert fresh() != before
    assert Picture is not wider
