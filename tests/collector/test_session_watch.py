"""The session is followed: what the calendar and the instruments say is told once, and nobody waits for it."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from collector import session_watch as module
from collector.session_watch import KEPT_S, SETTLED_AFTER_S, SessionWatch, fetch_calendar
from collector.trading_calendar import NO_TRADING, Calendar, Hours
from shared.errors import IssError
from shared.market import Market
from shared.quotes import Quote
from shared.wire import Totals
from tests.collector.waiting import nothing_left_over, wait_until
from tests.fakes.gateway import FakeGateway

ALWAYS = Calendar(dict.fromkeys(range(1, 8), Hours(0, 86_400)), {})
NEVER = Calendar(dict.fromkeys(range(1, 8), NO_TRADING), {})
NIGHT, OPENING = 1_769_040_000.0, 1_769_064_600.0  # 03:00 and 09:50 in Moscow, a Thursday
BY_DAY = Calendar(dict.fromkeys(range(1, 8), Hours(9 * 3600 + 50 * 60, 18 * 3600 + 40 * 60)), {})


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A watch, its clocks, and the market that it looks at once a second."""

    def __init__(self, wall: float = OPENING) -> None:
        self.market = Market(Totals(100.0, 1, 1, "test"))
        self.clock = Clock()
        self.wall = wall
        self.watch = SessionWatch("http://127.0.0.1:9/iss", self.clock)

    def look(self) -> str | None:
        return self.watch.look(self.market, self.wall)

    def pass_time(self, seconds: float) -> list[str]:
        """What is told meanwhile."""
        told = []
        for _ in range(int(seconds)):
            self.clock.now += 1
            self.wall += 1
            told.append(self.look())
        return [text for text in told if text is not None]

    def say(self, status: str) -> None:
        self.market.quotes["SBER"] = Quote("SBER", fields={"TRADINGSTATUS": status})


@contextmanager
def asking(watched: Watched, fetch: Callable[[str], Calendar], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The thread runs, and has as little patience as possible."""
    monkeypatch.setattr(module, "fetch_calendar", fetch)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    monkeypatch.setattr(module, "RENEWED_EVERY_S", 0.01)
    with nothing_left_over():
        watched.watch.start()
        yield
        watched.watch.stop()


def calendar_is(calendar: Calendar, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    with asking(watched, lambda _: calendar, monkeypatch):
        wait_until(lambda: watched.watch._known is not None)


# What is told


def test_until_the_calendar_is_had_it_is_unknown() -> None:
    watched = Watched()
    assert watched.pass_time(60) == []
    assert (watched.market.totals.is_exchange_open, watched.market.totals.session_changes_at) == (None, None)


def test_the_market_knows_what_the_calendar_says(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(wall=NIGHT)
    calendar_is(BY_DAY, watched, monkeypatch)
    watched.look()
    assert (watched.market.totals.is_exchange_open, watched.market.totals.session_changes_at) == (False, OPENING)


def test_the_opening_and_the_closing_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(wall=OPENING - 60)
    calendar_is(BY_DAY, watched, monkeypatch)
    assert watched.pass_time(50) == ["the exchange is closed"]
    assert watched.pass_time(120) == ["the exchange opened"]
    watched.wall = OPENING + 12 * 3600
    assert watched.pass_time(120) == ["the exchange closed"]


def test_what_the_instruments_say_is_told_as_well() -> None:
    watched = Watched()
    told = []
    for status in "TBTLNS":
        watched.say(status)
        told += watched.pass_time(2 * SETTLED_AFTER_S)
    assert told == [
        "the exchange is open",
        "a break began",
        "the exchange opened",
        "an auction began",
        "the exchange closed",
        "an auction began",
    ]


def test_what_lasts_only_for_a_moment_is_not_told() -> None:
    watched = Watched()
    watched.say("N")
    assert watched.pass_time(SETTLED_AFTER_S - 1) == []
    watched.say("T")
    assert watched.pass_time(3 * SETTLED_AFTER_S) == ["the exchange is open"]
    watched.say("L")
    assert watched.pass_time(SETTLED_AFTER_S - 1) == []
    watched.say("T")
    assert watched.pass_time(3 * SETTLED_AFTER_S) == []


def test_it_looks_once_a_second_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, looks = Watched(), list[float]()
    monkeypatch.setattr(watched.market, "calendar_says", lambda *_: looks.append(watched.clock.now))
    for _ in range(12):
        watched.look()
        watched.clock.now += 0.25
    assert looks == [100.0, 101.0, 102.0]


# Where it comes from


def test_the_calendar_is_asked_of_iss() -> None:
    with FakeGateway() as gateway:
        calendar = fetch_calendar(gateway.iss_url)
    assert calendar.week == dict.fromkeys(range(1, 6), Hours(10 * 3600, 18 * 3600 + 40 * 60))


def test_a_failure_is_logged_once_and_no_alarm_and_asking_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched, asked = Watched(), list[str]()

    def fail_first(iss_url: str) -> Calendar:
        asked.append(iss_url)
        if len(asked) < 5:
            raise IssError("HTTP 404")
        return ALWAYS

    with caplog.at_level(logging.INFO), asking(watched, fail_first, monkeypatch):
        wait_until(lambda: watched.watch._known is not None)
    assert set(asked) == {"http://127.0.0.1:9/iss"}
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("INFO", "the trading calendar cannot be had: HTTP 404")
    ]


def test_it_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, calendars = Watched(), [ALWAYS, NEVER]
    with asking(watched, lambda _: calendars.pop(0) if len(calendars) > 1 else calendars[0], monkeypatch):
        wait_until(lambda: watched.watch._known is not None and watched.watch._known.calendar is NEVER)


def test_a_calendar_that_cannot_be_renewed_is_unknown_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    calendar_is(ALWAYS, watched, monkeypatch)
    watched.clock.now += KEPT_S - 1
    watched.look()
    assert watched.market.totals.is_exchange_open is True
    watched.clock.now += 1
    watched.look()
    assert watched.market.totals.is_exchange_open is None


def test_an_iss_that_does_not_answer_delays_neither_the_look_nor_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, over = Watched(), threading.Event()

    def hang(_: str) -> Calendar:
        over.wait()
        raise IssError("timed out")

    with asking(watched, hang, monkeypatch):
        assert watched.pass_time(60) == []
        watched.watch.stop()
        assert watched.market.totals.is_exchange_open is None
        over.set()


def test_a_failure_of_our_own_is_logged_and_ends_the_asking(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched()

    def fail(_: str) -> Calendar:
        raise ZeroDivisionError

    with asking(watched, fail, monkeypatch):
        wait_until(lambda: not any(thread.name == "calendar" for thread in threading.enumerate()))
    assert "ZeroDivisionError" in caplog.text
    assert watched.pass_time(20) == []
