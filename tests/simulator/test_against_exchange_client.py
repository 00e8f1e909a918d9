"""The judge: the exchange's own client, unmodified, against the built-in exchange."""

import asyncio
import importlib.util
import warnings
from collections.abc import Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from simulator.background import RunningExchange
from simulator.faults import Faults

PATIENCE_S = 20.0


def load_client() -> ModuleType:
    """Load just the file of the client: the root of its package needs a newer Python."""
    package = importlib.util.find_spec("moexalgo")
    assert package is not None and package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "beta" / "issplus.py"
    spec = importlib.util.spec_from_file_location("exchange_client", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        spec.loader.exec_module(module)
    return module


ISSPLUS = load_client()
GUEST = ISSPLUS.Credentials("DEMO", "guest", "guest")


def run(talk: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(talk, PATIENCE_S))


def ticker(secid: str) -> str:
    return f'TICKER="MXSE.TQBR.{secid}"'


def test_it_reads_the_structure_from_the_greeting(open_exchange: RunningExchange) -> None:
    async def talk() -> Any:
        async with ISSPLUS.connect(open_exchange.url, GUEST) as client:
            return client.structure

    streams = {stream["name"]: stream for stream in run(talk())["MXSE"]["streams"]}
    assert set(streams) == {"candles", "orderbooks", "securities"}
    assert len(streams["securities"]["output"]) == 41


def test_it_logs_in_with_the_passport_account(open_exchange: RunningExchange) -> None:
    async def talk() -> Any:
        async with ISSPLUS.connect(open_exchange.url, ISSPLUS.Credentials("passport", "trader", "secret")) as client:
            return client.structure

    assert "MXSE" in run(talk())


def test_it_finds_tickers(open_exchange: RunningExchange) -> None:
    async def talk() -> Any:
        async with ISSPLUS.connect(open_exchange.url, GUEST) as client:
            return await client.request("SEARCH.ticker", 'pattern="SBER"')

    content = run(talk())
    found = {row[content["columns"].index("ticker")] for row in content["data"]}
    assert found == {"MXSE.TQBR.SBER", "MXSE.TQBR.SBERP"}


def test_a_search_that_cannot_be_served_fails_alone(open_exchange: RunningExchange) -> None:
    async def talk() -> Any:
        async with ISSPLUS.connect(open_exchange.url, GUEST) as client:
            with pytest.raises(RuntimeError, match=r"gateway\.invalidrequest"):
                await client.request("SEARCH.nonsense", 'pattern="SBER"')
            return await client.request("SEARCH.ticker", 'pattern="LKOH"')

    assert run(talk())["data"]


@pytest.mark.parametrize(
    ("destination", "selector", "kinds"),
    [
        ("MXSE.orderbooks", ticker("SBER"), ["snapshot", "snapshot", "snapshot"]),
        ("MXSE.securities", ticker("SBER"), ["snapshot", "updates", "updates"]),
        ("MXSE.securities", ticker("SBER") + ' and LANGUAGE="en"', ["snapshot", "updates", "updates"]),
        ("MXSE.candles", ticker("SBER") + ' and interval="M1"', ["snapshot", "updates"]),
    ],
)
def test_it_receives_the_three_streams(
    open_exchange: RunningExchange, destination: str, selector: str, kinds: list[str]
) -> None:
    async def talk() -> Any:
        async with ISSPLUS.connect(open_exchange.url, GUEST) as client:
            subscription = await client.subscribe(destination, selector)
            return [await anext(subscription) for _ in kinds]

    contents = run(talk())
    assert [content["properties"]["type"] for content in contents] == kinds
    assert all(len(row) == len(content["columns"]) for content in contents for row in content["data"])


def test_a_refused_ticker_fails_alone(open_exchange: RunningExchange) -> None:
    async def talk() -> Any:
        async with ISSPLUS.connect(open_exchange.url, GUEST) as client:
            healthy = await client.subscribe("MXSE.orderbooks", ticker("GAZP"))
            refused = await client.subscribe("MXSE.orderbooks", ticker("NONE"))
            with pytest.raises(RuntimeError, match=r"gateway\.invalidrequest"):
                await anext(refused)
            return [await anext(healthy) for _ in range(2)]

    assert len(run(talk())) == 2


def test_a_ticker_that_is_refused_on_demand_fails_alone(faulty_exchange: RunningExchange) -> None:
    faulty_exchange.faults.refused_tickers = frozenset({"SBER"})

    async def talk() -> None:
        async with ISSPLUS.connect(faulty_exchange.url, GUEST) as client:
            with pytest.raises(RuntimeError, match=r"gateway\.access-denied"):
                await anext(await client.subscribe("MXSE.orderbooks", ticker("SBER")))

    run(talk())


@pytest.mark.parametrize("credentials", [("DEMO", "guest", "wrong"), ("passport", "stranger", "secret")])
def test_a_refused_login_is_understood(open_exchange: RunningExchange, credentials: tuple[str, str, str]) -> None:
    async def talk() -> None:
        async with ISSPLUS.connect(open_exchange.url, ISSPLUS.Credentials(*credentials)):
            pass

    with pytest.raises(ConnectionRefusedError, match="Access denied"):
        run(talk())
    assert open_exchange.faults == Faults()
