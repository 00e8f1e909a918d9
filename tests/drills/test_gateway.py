"""Whatever the exchange itself does, or does not do, is told as what it is, and nothing else suffers."""

import time
from datetime import datetime

from tests.drills.conftest import StartDrill
from tests.drills.drill import CONFIG
from tests.fakes.behaviour import Behaviour
from tests.fakes.gateway import GatewayProcess
from tests.process.program import wait_for

SOON_DEAD = CONFIG.replace("ping_interval_s = 5", "ping_interval_s = 1").replace(
    "dead_after_s = 12", "dead_after_s = 3"
)


def test_a_silent_market_is_no_reason_to_reconnect_and_no_trouble(
    drill: StartDrill, gateway: GatewayProcess, is_long: bool
) -> None:
    """Longer than a dead peer is given, and for half an hour with the built-in settings for tests."""
    running = drill("--display", "plain", config=CONFIG if is_long else SOON_DEAD)
    running.wait_until_online()
    before = running.held()
    pings = gateway.ledger().pings
    time.sleep(1800 if is_long else 4.5)
    assert gateway.ledger().pings >= pings + 4 * 2
    assert "trouble" not in running.program.output
    running.wait_until_held(before)
    running.end(reconnects=0)
    assert gateway.ledger().connects == 4
    assert "is waiting" not in running.program.log


def test_silence_of_one_instrument_is_its_own_affair(drill: StartDrill, gateway: GatewayProcess) -> None:
    """While all others speak, its last quote stays, as old as it is."""
    running = drill(config=SOON_DEAD)
    running.wait_until_online()
    silent, other, *_ = sorted({seen.ticker for seen in gateway.subscriptions()})
    gateway.start(rate=500)
    gateway.wait_until(lambda ledger: ledger.quotes[silent].frames > 5)
    gateway.mute(silent)
    time.sleep(3.5)
    summary = running.end(reconnects=0)
    assert gateway.ledger().connects == 4
    assert summary["quotes"][silent]["age_s"] > summary["quotes"][other]["age_s"] + 3


def test_a_closed_subscription_is_marked_and_the_connection_goes_on(drill: StartDrill, gateway: GatewayProcess) -> None:
    running = drill("--display", "plain", "--selection", "unique")
    running.wait_until_online()
    gateway.start(rate=500)
    gateway.end_subscription(gateway.subscriptions()[0].ticker)
    wait_for(lambda: "refused tickers: 1" in running.program.output, "the mark in the status line")
    summary = running.end(reconnects=0)
    assert summary["subscriptions"] == {"planned": 80, "confirmed": 78, "refused": 2}
    assert gateway.ledger().connects == 4


def test_a_refused_login_is_retried_slowly_and_said(drill: StartDrill, gateway: GatewayProcess, is_long: bool) -> None:
    """First after 60 to 120 s; after 1.5 to 3 s where there is no time for that."""
    first_s = 60.0 if is_long else 1.5
    slowly = f"refused_retry_first_s = {first_s}\nrefused_retry_cap_s = {first_s * 5}\n"
    gateway.behave(Behaviour(greeting="refuse"))
    running = drill("--display", "plain", config=CONFIG.replace("[exchange]\n", f"[exchange]\n{slowly}"))
    running.program.wait_for_log("is refused: Access denied", 4)
    wait_for(lambda: "refused" in running.program.output, "the refusal in the status line")
    logins = [line for line in running.program.log.splitlines() if "is refused" in line]
    first_at = min(datetime.fromisoformat(line.split()[0]).timestamp() for line in logins)
    while (rest_s := first_at + first_s - 0.5 - time.time()) > 0:
        assert gateway.ledger().logins_refused == 4
        time.sleep(min(0.2, rest_s))
    gateway.behave(Behaviour())
    running.wait_until_online(within_s=first_s * 2)
    gateway.start(rate=500)
    running.end(reconnects=0)
    assert gateway.ledger().logins_refused == 4


def test_a_blast_is_counted_to_the_last_message(drill: StartDrill, gateway: GatewayProcess, is_long: bool) -> None:
    """And what the first left in memory is enough for all others."""
    running = drill()
    running.wait_until_online()
    frames, blasts = (200_000, 10) if is_long else (30_000, 2)
    gateway.blast(frames)
    gateway.quiet()
    before = running.held()
    for _ in range(blasts - 1):
        gateway.blast(frames)
    gateway.quiet()
    running.wait_until_held(before)
    summary = running.end(reconnects=0)
    assert summary["messages"] == gateway.ledger().frames_sent
    assert summary["updates"] == gateway.ledger().frames_sent
