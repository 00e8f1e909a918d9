"""Whoever calls the main loop is heard at once, and a signal handler only records."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from collector import calls as module
from collector.calls import Calls
from shared.processes import STOP_SIGNALS
from tests.collector.waiting import LIMIT_S


@pytest.fixture
def calls() -> Iterator[Calls]:
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    with closing(Calls()) as fresh:
        yield fresh
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("call", [Calls.stop, Calls.reread, Calls.wake])
def test_every_call_ends_the_wait_once(calls: Calls, call: Callable[[Calls], None]) -> None:
    threading.Timer(0.01, call, [calls]).start()
    began = time.monotonic()
    calls.wait([], LIMIT_S)
    assert time.monotonic() - began < LIMIT_S
    began = time.monotonic()
    calls.wait([], 0.05)
    assert time.monotonic() - began >= 0.05


def test_a_sentinel_ends_the_wait(calls: Calls) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    began = time.monotonic()
    calls.wait([reader], LIMIT_S)
    assert time.monotonic() - began < LIMIT_S
    os.close(reader)


def test_several_requests_to_stop_at_once_are_one(calls: Calls) -> None:
    calls.stop()
    requested_at = calls.stop_requested_at
    calls.stop()
    assert (calls.stop_requested_at, calls.is_in_hurry) == (requested_at, False)


def test_a_later_request_to_stop_is_in_a_hurry(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECOND_REQUEST_AFTER_S", 0.0)
    calls.stop()
    requested_at = calls.stop_requested_at
    calls.stop()
    assert (calls.stop_requested_at, calls.is_in_hurry) == (requested_at, True)


def test_a_request_to_reread_is_taken_once(calls: Calls) -> None:
    calls.reread()
    calls.reread()
    assert [calls.take_reread(), calls.take_reread()] == [True, False]


def test_more_calls_than_anybody_listens_to_block_nobody_and_after_the_end_they_are_harmless(calls: Calls) -> None:
    for _ in range(100_000):
        calls.wake()
    calls.close()
    calls.stop()
    calls.reread()
    assert (calls.stop_requested_at is not None, calls.take_reread()) == (True, True)


@pytest.mark.parametrize("number", sorted(STOP_SIGNALS))
def test_each_stop_signal_asks_to_stop_within_the_block_and_does_nothing_after_it(calls: Calls, number: int) -> None:
    with calls.by_signals(is_reread_by_sighup=False):
        os.kill(os.getpid(), number)
        calls.wait([], LIMIT_S)
        assert calls.stop_requested_at is not None
    os.kill(os.getpid(), number)
    assert calls.is_in_hurry is False


def test_a_signal_from_before_the_block_is_obeyed(calls: Calls) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    signal.raise_signal(signal.SIGTERM)  # to this thread: any other of the tests' process would take it at once
    with calls.by_signals(is_reread_by_sighup=False):
        calls.wait([], LIMIT_S)
    assert calls.stop_requested_at is not None


def test_sighup_may_ask_to_reread_and_no_other_signal_does(calls: Calls) -> None:
    with calls.by_signals(is_reread_by_sighup=True):
        os.kill(os.getpid(), signal.SIGHUP)
        calls.wait([], LIMIT_S)
        assert (calls.take_reread(), calls.stop_requested_at) == (True, None)
        os.kill(os.getpid(), signal.SIGTERM)
        calls.wait([], LIMIT_S)
        assert (calls.take_reread(), calls.stop_requested_at is None) == (False, False)


@pytest.mark.parametrize("is_reread", [False, True])
def test_a_signal_that_was_ignored_before_stays_ignored(calls: Calls, is_reread: bool) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with calls.by_signals(is_reread_by_sighup=is_reread):
        os.kill(os.getpid(), signal.SIGHUP)
        calls.wait([], 0.0)
        assert (calls.take_reread(), calls.stop_requested_at) == (False, None)
