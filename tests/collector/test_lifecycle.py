"""The states of one connection, event by event, on a clock of the test's own."""

from random import Random

import msgspec
import pytest

from collector.lifecycle import STABLE_AFTER_S, Action, Lifecycle
from shared.settings import ExchangeSettings
from shared.wire import ConnectionState as State

SETTINGS = ExchangeSettings(
    ping_interval_s=20,
    dead_after_s=30,
    open_timeout_s=15,
    subscribe_pause_s=0.5,
    retry_first_s=1,
    retry_cap_s=60,
    refused_retry_first_s=60,
    refused_retry_cap_s=300,
)


class LongestDelay(Random):
    """Draws the upper bound, so that a test knows the delay."""

    def uniform(self, a: float, b: float) -> float:
        return b


def state_of(lifecycle: Lifecycle) -> State:
    return lifecycle.state


def waiting() -> Lifecycle:
    lifecycle = Lifecycle("connection 1", SETTINGS, LongestDelay())
    lifecycle.start(0, delay_s=0)
    return lifecycle


def greeting(now: float = 0) -> Lifecycle:
    lifecycle = waiting()
    assert lifecycle.due(now) is Action.OPEN
    lifecycle.opened(now)
    assert lifecycle.due(now) is Action.GREET
    return lifecycle


def online(now: float = 0) -> Lifecycle:
    lifecycle = greeting(now)
    lifecycle.greeted(now)
    lifecycle.subscribed(now, remaining=0)
    assert state_of(lifecycle) is State.ONLINE
    return lifecycle


def test_the_first_attempt_waits_for_its_turn() -> None:
    lifecycle = Lifecycle("connection 1", SETTINGS, Random())
    lifecycle.start(10, delay_s=0.3)
    assert state_of(lifecycle) is State.WAITING
    assert lifecycle.due(10.2) is None
    assert lifecycle.wait_s(10.2) == pytest.approx(0.1)
    assert lifecycle.due(10.3) is Action.OPEN
    assert state_of(lifecycle) is State.OPENING


def test_an_open_socket_is_greeted_once() -> None:
    lifecycle = greeting()
    assert state_of(lifecycle) is State.GREETING
    assert lifecycle.due(1) is None


def test_a_failed_attempt_is_retried_after_a_growing_delay_up_to_the_cap() -> None:
    lifecycle, now, delays = waiting(), 0.0, []
    for _ in range(8):
        assert lifecycle.due(now) is Action.OPEN
        lifecycle.lost(now, "connection refused")
        assert state_of(lifecycle) is State.WAITING
        assert lifecycle.retry_at is not None
        delays.append(lifecycle.retry_at - now)
        assert lifecycle.due(lifecycle.retry_at - 0.01) is None
        now = lifecycle.retry_at
    assert delays == [2, 4, 8, 16, 32, 60, 60, 60]


def test_the_reason_of_a_loss_is_kept() -> None:
    lifecycle = online()
    lifecycle.lost(5, "the gateway closed the connection")
    assert (lifecycle.reason, lifecycle.since) == ("the gateway closed the connection", 5)


def test_why_it_was_lost_last_is_known_when_it_is_back() -> None:
    lifecycle = waiting()
    assert lifecycle.last_loss == ""
    lifecycle = online()
    lifecycle.lost(5, "the gateway closed the connection")
    assert lifecycle.retry_at is not None
    now = lifecycle.retry_at
    assert lifecycle.due(now) is Action.OPEN
    lifecycle.opened(now)
    lifecycle.greeted(now)
    lifecycle.subscribed(now, remaining=0)
    assert lifecycle.last_loss == "the gateway closed the connection"


def test_an_attempt_that_fails_does_not_hide_why_the_connection_was_lost() -> None:
    lifecycle = online()
    lifecycle.lost(5, "the gateway closed the connection")
    assert lifecycle.retry_at is not None
    now = lifecycle.retry_at
    assert lifecycle.due(now) is Action.OPEN
    lifecycle.lost(now, "connection refused")
    assert (lifecycle.reason, lifecycle.last_loss) == ("connection refused", "the gateway closed the connection")


def test_connect_without_an_answer_is_given_up_at_the_deadline() -> None:
    lifecycle = greeting()
    assert lifecycle.wait_s(5) == 10
    assert lifecycle.due(14.9) is None
    assert lifecycle.due(15) is Action.CLOSE
    assert state_of(lifecycle) is State.WAITING
    assert "CONNECT" in lifecycle.reason


def test_subscribing_is_paced() -> None:
    lifecycle = greeting()
    lifecycle.greeted(1)
    assert state_of(lifecycle) is State.SUBSCRIBING
    assert lifecycle.due(1) is Action.SUBSCRIBE
    lifecycle.subscribed(1, remaining=1)
    assert lifecycle.due(1.4) is None
    assert lifecycle.wait_s(1.4) == pytest.approx(0.1)
    assert lifecycle.due(1.5) is Action.SUBSCRIBE
    lifecycle.subscribed(1.5, remaining=0)
    assert state_of(lifecycle) is State.ONLINE


def test_a_ping_is_sent_every_interval_whatever_else_comes() -> None:
    lifecycle = online()
    lifecycle.heard(19)
    assert lifecycle.due(19.9) is None
    assert lifecycle.due(20) is Action.PING
    lifecycle.pinged(20)
    assert lifecycle.due(20) is None
    lifecycle.heard(20.1)
    assert lifecycle.due(40) is Action.PING


def test_neither_pong_nor_data_within_the_limit_is_death() -> None:
    lifecycle = online()
    lifecycle.heard(15)
    assert lifecycle.due(20) is Action.PING
    lifecycle.pinged(20)
    lifecycle.pinged(40)
    assert lifecycle.due(43.9) is None
    assert lifecycle.due(44) is Action.CLOSE
    assert state_of(lifecycle) is State.WAITING
    assert lifecycle.reason == "no pong and no data for 29 s"


@pytest.mark.parametrize("quiet_since", [20.1, 21, 25, 30, 39, 39.9, 40])
@pytest.mark.parametrize("is_market_quiet", [False, True])
def test_whenever_the_peer_dies_it_is_noticed_a_second_before_the_limit_is_over(
    quiet_since: float, is_market_quiet: bool
) -> None:
    """Between two pings, at 20 and at 40; its last sign of life is the pong at 20.1, or data right before its death."""
    lifecycle = online()
    assert lifecycle.due(20) is Action.PING
    lifecycle.pinged(20)
    lifecycle.heard(20.1 if is_market_quiet else quiet_since)
    now = quiet_since
    while (action := lifecycle.due(now)) is not Action.CLOSE:
        if action is Action.PING:
            lifecycle.pinged(now)
        now += max(0.001, lifecycle.wait_s(now))
    assert now <= quiet_since + SETTINGS.dead_after_s - 1 + 0.01


def test_a_tight_limit_is_not_made_much_tighter() -> None:
    settings = msgspec.structs.replace(SETTINGS, ping_interval_s=1, dead_after_s=1.4)
    lifecycle = Lifecycle("connection 1", settings, LongestDelay())
    lifecycle.start(0, delay_s=0)
    assert lifecycle.due(0) is Action.OPEN
    lifecycle.opened(0)
    lifecycle.greeted(0)
    lifecycle.subscribed(0, remaining=0)
    assert lifecycle.due(0) is Action.GREET
    lifecycle.pinged(1)
    lifecycle.pinged(1.2)
    assert lifecycle.wait_s(1.2) == pytest.approx(0.1)


def test_a_pong_alone_keeps_a_silent_connection_alive() -> None:
    lifecycle = online()
    for now in range(20, 3600, 20):
        assert lifecycle.due(now) is Action.PING
        lifecycle.pinged(now)
        lifecycle.heard(now + 0.1)
    assert state_of(lifecycle) is State.ONLINE


def test_a_process_that_slept_asks_before_it_judges() -> None:
    lifecycle = online()
    assert lifecycle.due(300) is Action.PING
    lifecycle.pinged(300)
    assert lifecycle.due(308.9) is None
    assert lifecycle.due(309) is Action.CLOSE


def test_who_waits_for_long_may_be_hurried_but_never_below_the_shortest_delay() -> None:
    lifecycle, now = waiting(), 0.0
    for _ in range(5):
        assert lifecycle.due(now) is Action.OPEN
        lifecycle.lost(now, "connection refused")
        assert lifecycle.retry_at is not None
        lost_at, now = now, lifecycle.retry_at
    assert now - lost_at == 32
    lifecycle.hurry(lost_at + 0.1, within_s=40)
    assert lifecycle.retry_at == now
    lifecycle.hurry(lost_at + 0.1, within_s=3)
    assert lifecycle.retry_at == lost_at + 3.1
    lifecycle.hurry(lost_at + 0.1, within_s=0)
    assert lifecycle.retry_at == lost_at + 1


def test_a_refused_login_is_not_hurried() -> None:
    lifecycle = greeting()
    lifecycle.refused(0, "Access denied")
    lifecycle.hurry(1, within_s=0)
    assert lifecycle.retry_at == 120


def test_what_is_online_cannot_be_hurried() -> None:
    lifecycle = online()
    lifecycle.hurry(1, within_s=0)
    assert (state_of(lifecycle), lifecycle.retry_at) == (State.ONLINE, None)


def test_quick_retries_are_earned_by_staying_online_not_by_being_opened() -> None:
    lifecycle = waiting()
    now = 0.0
    for expected_delay_s in (2, 4, 8):
        assert lifecycle.due(now) is Action.OPEN
        lifecycle.opened(now)
        lifecycle.greeted(now)
        lifecycle.subscribed(now, remaining=0)
        lifecycle.lost(now + 1, "dropped")
        assert lifecycle.retry_at == now + 1 + expected_delay_s
        now = lifecycle.retry_at
    assert lifecycle.due(now) is Action.OPEN
    lifecycle.opened(now)
    lifecycle.greeted(now)
    lifecycle.subscribed(now, remaining=0)
    lifecycle.lost(now + STABLE_AFTER_S, "dropped")
    assert lifecycle.retry_at == now + STABLE_AFTER_S + 2


def test_a_refused_login_is_retried_slowly_and_ever_more_slowly() -> None:
    lifecycle, now, delays = greeting(), 0.0, []
    for _ in range(4):
        lifecycle.refused(now, "Access denied")
        assert state_of(lifecycle) is State.REFUSED
        assert lifecycle.retry_at is not None
        delays.append(lifecycle.retry_at - now)
        now = lifecycle.retry_at
        assert lifecycle.due(now) is Action.OPEN
        lifecycle.opened(now)
    assert delays == [120, 240, 300, 300]


def test_a_reconnect_is_counted_when_the_gateway_greets_again() -> None:
    lifecycle = online()
    assert lifecycle.reconnects == 0
    lifecycle.lost(1, "dropped")
    assert lifecycle.due(3) is Action.OPEN
    lifecycle.lost(3, "connection refused")
    assert lifecycle.due(7) is Action.OPEN
    lifecycle.opened(7)
    assert lifecycle.reconnects == 0
    lifecycle.greeted(7)
    assert lifecycle.reconnects == 1


def test_stopping_says_goodbye_to_a_gateway_that_greeted() -> None:
    lifecycle = online()
    lifecycle.stop(10)
    lifecycle.stop(10)
    assert state_of(lifecycle) is State.CLOSING
    assert lifecycle.due(10) is Action.DISCONNECT
    assert lifecycle.due(10) is None
    lifecycle.disconnected(10.1)
    assert state_of(lifecycle) is State.STOPPED


def test_stopping_does_not_wait_long_for_the_answer() -> None:
    lifecycle = online()
    lifecycle.stop(10)
    assert lifecycle.due(10) is Action.DISCONNECT
    assert lifecycle.wait_s(10) == 1
    assert lifecycle.due(11) is Action.CLOSE
    assert state_of(lifecycle) is State.STOPPED


def test_a_close_while_stopping_is_no_loss() -> None:
    lifecycle = online()
    lifecycle.stop(10)
    lifecycle.lost(10.1, "the gateway closed the connection")
    assert state_of(lifecycle) is State.STOPPED


@pytest.mark.parametrize("make", [waiting, greeting])
def test_stopping_before_the_greeting_is_immediate(make: object) -> None:
    assert callable(make)
    lifecycle = make()
    lifecycle.stop(1)
    assert state_of(lifecycle) is State.STOPPED


def test_a_late_greeting_does_not_revive_what_is_over() -> None:
    lifecycle = greeting()
    lifecycle.lost(1, "dropped")
    lifecycle.greeted(1)
    assert state_of(lifecycle) is State.WAITING
