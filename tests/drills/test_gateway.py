"""Whatever the exchange itself does, or does not do, is told as what it is, and nothing else suffers."""

import re
import time
from datetime import datetime
from itertools import pairwise

import pytest

from tests.drills.conftest import StartDrill
from tests.drills.drill import CONFIG
from tests.fakes.behaviour import Behaviour
from tests.fakes.client import Client
from tests.fakes.gateway import GatewayProcess
from tests.process.program import wait_for

STAMP_S, LATE_S = 0.05, 10.0
"""By which the time of a line in the log may be wrong, and how long an attempt may take on a busy machine."""

SOON_DEAD = CONFIG.replace("ping_interval_s = 5", "ping_interval_s = 1").replace(
    "dead_after_s = 12", "dead_after_s = 3"
)


@pytest.mark.parametrize(("phase", "minutes"), [("T", 30), ("N", 5)], ids=["silent", "closed"])
def test_a_silent_or_closed_market_is_no_reason_to_reconnect_and_no_trouble(
    drill: StartDrill, gateway: GatewayProcess, is_long: bool, phase: str, minutes: float
) -> None:
    """Longer than a dead peer is given; in the long form minutes, with the built-in settings for tests."""
    running = drill("--display", "plain", config=CONFIG if is_long else SOON_DEAD)
    running.begin()
    gateway.enter(phase)
    gateway.quiet()
    pings = gateway.ledger().pings
    time.sleep(60 * minutes if is_long else 4.5)
    assert gateway.ledger().pings >= pings + 4 * 2
    assert "trouble" not in running.program.output
    running.end(reconnects=0)
    assert gateway.ledger().connects == 4
    assert "is waiting" not in running.program.log


def test_silence_of_one_instrument_is_its_own_affair(drill: StartDrill, gateway: GatewayProcess) -> None:
    """While all others speak, its last quote stays, as old as it is."""
    running = drill(config=SOON_DEAD)
    running.begin()
    silent, other, *_ = sorted({seen.ticker for seen in gateway.subscriptions()})
    gateway.wait_until(lambda ledger: ledger.quotes[silent].frames > 5)
    gateway.mute(silent)
    time.sleep(3.5)
    summary = running.end(reconnects=0)
    assert gateway.ledger().connects == 4
    assert summary["quotes"][silent]["age_s"] > summary["quotes"][other]["age_s"] + 3


def test_a_closed_subscription_is_marked_and_the_connection_goes_on(drill: StartDrill, gateway: GatewayProcess) -> None:
    running = drill("--display", "plain", "--selection", "unique")
    running.begin()
    gateway.end_subscription(gateway.subscriptions()[0].ticker)
    wait_for(lambda: "refused tickers: 1" in running.program.output, "the mark in the status line")
    summary = running.end(reconnects=0)
    assert summary["subscriptions"] == {"planned": 80, "confirmed": 78, "refused": 2}
    assert gateway.ledger().connects == 4


def test_a_refused_ticker_is_named_and_the_connection_goes_on_under_load(
    drill: StartDrill, gateway: GatewayProcess
) -> None:
    """A list of one connection holds all tickers of the exchange: the refused one is among them."""
    refused = gateway.tickers[0]
    gateway.behave(Behaviour(refused_tickers=frozenset({refused})))
    running = drill("--display", "plain", "--workers", "1", connections=1, tickers=len(gateway.tickers))
    running.subscriptions -= 2
    running.begin()
    running.program.wait_for_log(f"connection 1: refused {refused}: ")
    gateway.drop()  # it is asked for, and refused, again
    running.wait_until_back(connects=2)
    wait_for(lambda: "refused tickers: 1" in running.program.output, "the mark in the status line")
    summary = running.end(reconnects=1)
    assert refused not in summary["quotes"]
    assert summary["subscriptions"]["refused"] == 2
    assert gateway.ledger().tickers_refused == 4
    assert running.program.log.count(f"refused {refused}") == 1


def test_an_exchange_that_refuses_any_other_header_of_connect_lets_it_in(drill: StartDrill) -> None:
    """STOMP's own `accept-version`, `host` and `heart-beat` included, which stock clients send."""
    with GatewayProcess() as strict:
        running = drill(port=strict.port)
        running.gateway = strict
        running.begin()
        with Client(strict.url) as stranger:
            stranger.send("CONNECT\ndomain:DEMO\nlogin:guest\npasscode:guest\naccept-version:1.1\n\n")
            assert stranger.next().name == "ERROR"
        running.end(reconnects=0)
        assert len(strict.violations) == 1


def test_a_refused_login_is_retried_slowly_and_said(drill: StartDrill, gateway: GatewayProcess, is_long: bool) -> None:
    """After 60 s at least and 300 at most; after 0.4 and 2 s where there is no time for that."""
    first_s = 60.0 if is_long else 0.4
    cap_s = first_s * 5
    slowly = f"refused_retry_first_s = {first_s}\nrefused_retry_cap_s = {cap_s}\n"
    gateway.behave(Behaviour(greeting="refuse"))
    config = CONFIG.replace("[exchange]\n", f"[exchange]\n{slowly}")
    running = drill("--display", "plain", "--log-level", "debug", config=config)
    running.program.wait_for_log("is refused: Access denied", 4)
    wait_for(lambda: "refused" in running.program.output, "the refusal in the status line")
    before = running.held()
    time.sleep(first_s * 14)
    running.wait_until_held(before)
    refusals = [refusals_of(running.program.log, connection) for connection in (1, 2, 3, 4)]
    assert gateway.ledger().logins_refused == sum(map(len, refusals))
    for times in refusals:
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert len(gaps) >= 2
        assert all(first_s <= gap + STAMP_S and gap <= cap_s + LATE_S for gap in gaps)
    gateway.behave(Behaviour())
    running.wait_until_online(within_s=cap_s + LATE_S)
    running.begin()
    running.end(reconnects=0)


def refusals_of(log: str, connection: int) -> list[float]:
    """When its login was refused, in seconds of the wall clock."""
    found = re.findall(rf"(?m)^(\S+) .*connection {connection}: greeting -> refused", log)
    return [datetime.fromisoformat(stamp).timestamp() for stamp in found]


def test_a_blast_is_counted_to_the_last_message(drill: StartDrill, gateway: GatewayProcess, is_long: bool) -> None:
    """And what the first left in memory is enough for all others."""
    frames, blasts = (200_000, 9) if is_long else (30_000, 1)
    within_s = 300.0  # many seconds of processor time by itself
    running = drill()
    running.wait_until_online()
    gateway.blast(frames, within_s)
    gateway.quiet()
    running.begin(rate=0)
    for _ in range(blasts):
        gateway.blast(frames, within_s)
    summary = running.end(reconnects=0)
    assert summary["messages"] == gateway.ledger().frames_sent
    assert summary["updates"] == gateway.ledger().frames_sent
