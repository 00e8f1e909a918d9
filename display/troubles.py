"""Which connections are online, which are on their way, and which have trouble and why. Pure.

Connections count from 0 inside the program and from 1 for people: every text here is for people.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from shared.health import CHECK_LOGIN
from shared.market import Market
from shared.printable import printable
from shared.wire import ConnectionState, ConnectionStatus

SLOW_AFTER_S = 5.0
"""An attempt that takes longer than this is worth naming: a network that swallows packets is silent for much longer."""

UNTRIED_REASONS = frozenset({"", "starting", "not started"})
"""Reasons of a connection that waits for its first attempt, so that nothing is wrong with it yet."""

NO_ROUTE = "No route to the exchange?"
TRY_DEMO = "Try: make demo"
"""For whoever has just started it, not for a service's log."""

_ATTEMPTING = frozenset({ConnectionState.OPENING, ConnectionState.GREETING})


class Trouble(NamedTuple):
    """One thing that is wrong with one or several connections, `next_try_s` from now until the first of them tries."""

    numbers: list[int]
    state: ConnectionState
    reason: str
    next_try_s: float | None

    def __str__(self) -> str:
        wait = "" if self.next_try_s is None else f"{self.next_try_s:.0f}s"
        is_alone = len(self.numbers) == 1
        text = f"{ranges(self.numbers)} {self.state}{f' {wait}' if wait and is_alone else ''}: {self.reason}"
        return f"{text}; next retry in {wait}" if wait and not is_alone else text


def ranges(numbers: Iterable[int]) -> str:
    """`0, 1, 2, 4` as people count: `1-3, 5`. `none` when there are none."""
    runs: list[str] = []
    for _, run in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        members = [number + 1 for _, number in run]
        runs.append(str(members[0]) if len(members) == 1 else f"{members[0]}-{members[-1]}")
    return ", ".join(runs) or "none"


def troubles(connections: Iterable[ConnectionStatus], now: float) -> list[Trouble]:
    """What is wrong, most connections first; equal reasons make one entry. `now` is monotonic."""
    groups: dict[tuple[ConnectionState, str], list[ConnectionStatus]] = {}
    for status in connections:
        if (reason := _trouble(status, now)) is not None:
            groups.setdefault((status.state, reason), []).append(status)
    found = [_grouped(state, reason, members, now) for (state, reason), members in groups.items()]
    return sorted(found, key=lambda trouble: (-len(trouble.numbers), min(trouble.numbers)))


def has_no_route(market: Market, now: float) -> bool:
    """Whether nothing but the network can be the reason that no connection got an answer. A refusal is an answer."""
    if market.totals.is_simulated or not market.connections:
        return False
    found = troubles(market.connections.values(), now)
    concerned = sum(len(trouble.numbers) for trouble in found)
    attempting = sum(status.state is ConnectionState.OPENING for status in market.connections.values())
    is_network = any(trouble.state in (ConnectionState.WAITING, ConnectionState.OPENING) for trouble in found)
    is_answered = any(trouble.state is ConnectionState.REFUSED for trouble in found)
    return is_network and not is_answered and concerned + attempting >= len(market.connections)


def refused_tickers(connections: Iterable[ConnectionStatus]) -> dict[str, str]:
    """The tickers that the exchange refused on any connection, sorted, with its reason."""
    found: dict[str, str] = {}
    for status in connections:
        found.update(status.refusals)
    return {printable(ticker): printable(found[ticker]) for ticker in sorted(found)}


def _trouble(status: ConnectionStatus, now: float) -> str | None:
    """What is wrong with one connection, None when nothing is."""
    reason = printable(status.reason)
    if status.state is ConnectionState.REFUSED:
        return f"{reason}; {CHECK_LOGIN}"
    if status.state is ConnectionState.DOWN:
        return reason
    if status.state is ConnectionState.WAITING:
        return None if reason in UNTRIED_REASONS else reason
    if status.state in _ATTEMPTING and now - status.since > SLOW_AFTER_S:
        return "no answer yet"
    return None


def _grouped(state: ConnectionState, reason: str, members: list[ConnectionStatus], now: float) -> Trouble:
    tries = [max(0.0, status.retry_at - now) for status in members if status.retry_at is not None]
    return Trouble(sorted(status.number for status in members), state, reason, min(tries, default=None))
