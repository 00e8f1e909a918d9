"""What a run begins with: the built-in exchange's address, the first totals, and every connection as planned."""

import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from collector.sharding import Plan, plan_shards
from shared.settings import GATEWAY_PATH, Settings
from shared.wire import ConnectionState, ConnectionStatus, Totals


def listener() -> socket.socket:
    """Bound here and handed to each incarnation of the built-in exchange, so that its port stays the same."""
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


def at_simulator(settings: Settings, listener: socket.socket) -> Settings:
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    exchange = msgspec.structs.replace(
        settings.exchange, url=f"ws://{address}{GATEWAY_PATH}", iss_url=f"http://{address}/iss"
    )
    return msgspec.structs.replace(settings, exchange=exchange)


def totals_of(settings: Settings) -> Totals:
    return Totals(
        started_at=time.monotonic(),
        connections=settings.collector.connections,
        tickers_per_connection=settings.collector.tickers_per_connection,
        gateway=urlsplit(settings.exchange.url).netloc,
        is_simulated=settings.simulate,
        is_guest=settings.credentials.is_guest,
        streams=list(settings.exchange.streams),
    )


def plan_for(settings: Settings, tickers: Sequence[str]) -> Plan:
    collector, instruments = settings.collector, settings.instruments
    return plan_shards(
        tickers,
        connections=collector.connections,
        tickers_per_connection=collector.tickers_per_connection,
        workers=collector.workers,
        selection=instruments.selection,
        seed=instruments.seed,
    )


def planned_statuses(plan: Plan, streams: int, now: float) -> list[ConnectionStatus]:
    return [
        ConnectionStatus(
            number=shard.connection,
            worker=shard.worker,
            state=ConnectionState.WAITING,
            reason="starting",
            since=now,
            planned=len(shard.tickers) * streams,
        )
        for shard in plan.shards
    ]


def some_of(tickers: Sequence[str]) -> str:
    return ", ".join(tickers[:10]) + (", ..." if len(tickers) > 10 else "")
