"""Whether the running program does what it is there for. Pure."""

from collections import Counter

from shared.market import Market
from shared.printable import printable
from shared.session import SessionState, session_of
from shared.wire import ConnectionState, ConnectionStatus

CHECK_LOGIN = "check MOEX_DOMAIN, MOEX_LOGIN and MOEX_PASSCODE"

REPORT_LIMIT_S = 15.0
"""A worker reports twice a second, and is replaced within seconds when it does not."""


def complaint(market: Market, now: float, max_age_s: float) -> str | None:
    """The most important thing that is wrong, in one line for a person; None when the program is healthy.

    `now` is monotonic. While the exchange trades, the newest message must not be older than `max_age_s`.
    """
    connections = list(market.connections.values())
    if not connections:
        return "no connection online: the list of instruments is still loading"
    refused = [status for status in connections if status.state is ConnectionState.REFUSED]
    if refused:
        return _login_refused(refused, len(connections))
    online = [status for status in connections if status.state is ConnectionState.ONLINE]
    if not online:
        return _nobody_online(connections)
    return _silent_worker(market, now) or _old_data(market, online, now, max_age_s)


def good_news(market: Market, now: float) -> str:
    """What to say of a healthy program, in one line."""
    parts = [
        f"{market.online}/{market.totals.connections} connections online",
        f"session {session_of(market).value}",
        "no data yet" if (newest := _newest(market)) is None else f"newest data {max(0.0, now - newest):.1f} s old",
        *(["SIMULATED EXCHANGE"] if market.totals.is_simulated else []),
    ]
    return ", ".join(parts)


def _login_refused(refused: list[ConnectionStatus], connections: int) -> str:
    """A fault beside connections that are online as well: unlike a lost one, it does not heal by itself."""
    where = "" if len(refused) == connections else f" on {len(refused)} of {connections} connections"
    return f"login refused{where}: {printable(refused[0].reason)}; {CHECK_LOGIN}"


def _nobody_online(connections: list[ConnectionStatus]) -> str:
    [((state, reason), count)] = Counter((status.state, status.reason) for status in connections).most_common(1)
    return (
        f"no connection online: {count} of {len(connections)} {state.value}{f': {printable(reason)}' if reason else ''}"
    )


def _silent_worker(market: Market, now: float) -> str | None:
    """A worker that has not reported yet has as long as one that did."""
    latest: dict[int, float] = {}
    for status in market.connections.values():
        latest[status.worker] = max(latest.get(status.worker, status.since), status.since)
    silences = {worker: now - market.totals.reported_at.get(worker, since) for worker, since in sorted(latest.items())}
    worker, silence_s = max(silences.items(), key=lambda item: item[1])
    return f"no report from worker {worker + 1} for {silence_s:.0f} s" if silence_s > REPORT_LIMIT_S else None


def _old_data(market: Market, online: list[ConnectionStatus], now: float, max_age_s: float) -> str | None:
    if session_of(market) is not SessionState.OPEN:
        return None
    newest = _newest(market)
    age_s = now - (min(status.since for status in online) if newest is None else newest)
    if age_s <= max_age_s:
        return None
    return f"no data for {age_s:.0f} s while the exchange trades, the limit is {max_age_s:g} s"


def _newest(market: Market) -> float | None:
    return max((at for quote in market.quotes.values() if (at := quote.received_at) is not None), default=None)
