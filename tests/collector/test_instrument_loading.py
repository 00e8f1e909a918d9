"""The list of instruments is asked for until it is there, or never can be."""

import re
from threading import Event

import pytest

from collector import instrument_loading as module
from collector.instrument_loading import InstrumentLoading
from collector.instruments import Instruments
from shared.errors import InstrumentsError
from shared.settings import Settings
from tests.collector.waiting import LIMIT_S, nothing_left_over

FOUND = Instruments(("SBER", "GAZP"), "the last attempt")


def loaded(monkeypatch: pytest.MonkeyPatch, *answers: Instruments | Exception) -> tuple[InstrumentLoading, list[str]]:
    """What becomes of it when each attempt gets the next answer, and what was told meanwhile."""
    left, told, is_over = list(answers), list[str](), Event()

    def load(*_: object) -> Instruments:
        if isinstance(answer := left.pop(0), Exception):
            raise answer
        return answer

    monkeypatch.setattr(module, "load_instruments", load)
    monkeypatch.setattr(module, "RETRY_S", 0.001)
    loading = InstrumentLoading(Settings(), lambda source, text: told.append(f"{source}: {text}"), is_over.set)
    with nothing_left_over():
        loading.start()
        assert is_over.wait(LIMIT_S)
    assert left == []
    return loading, told


def test_what_is_found_at_once_is_there_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    loading, told = loaded(monkeypatch, FOUND)
    assert (loading.instruments, loading.failure, told) == (FOUND, None, [])


def test_without_a_list_it_asks_again_and_tells_the_same_failure_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = InstrumentsError("nobody knows")
    loading, told = loaded(monkeypatch, nobody, nobody, InstrumentsError("still nobody"), FOUND)
    assert (loading.instruments, loading.failure) == (FOUND, None)
    assert told == ["instruments: nobody knows", "instruments: still nobody"]
    assert caplog.text.count("nobody knows; next attempt in 0.001 s") == 1


def test_the_same_failure_an_hour_later_is_told_with_how_often_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SAY_AGAIN_AFTER_S", 0.02)
    loaded(monkeypatch, *(InstrumentsError("nobody knows") for _ in range(100)), FOUND)
    assert re.search(r"nobody knows; \d+ more since the last such line; next attempt", caplog.text)


def test_a_failure_of_our_own_is_said_and_ends_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loading, told = loaded(monkeypatch, TypeError("board TQTF: nothing anywhere"))
    assert (loading.instruments, told) == (None, [])
    assert loading.failure == "no list of instruments: board TQTF: nothing anywhere"
    assert "Traceback" in caplog.text
