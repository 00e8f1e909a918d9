"""Which connection carries which tickers, and which worker runs which connection. Pure.

A connection that gets no ticker (few tickers, `unique`) stays in the plan with none: the person asked for that number
of connections, so the screen and the summary show it, and every worker has at least one connection to report on.
"""

from collections.abc import Sequence
from random import Random
from typing import Literal

import msgspec


class Shard(msgspec.Struct, frozen=True):
    """What one connection carries. `connection` and `worker` count from 0 over the whole program."""

    connection: int
    worker: int
    tickers: tuple[str, ...]


class Plan(msgspec.Struct, frozen=True):
    """`shards` in the order of their connections; `left_out` are the tickers that no connection carries, in order."""

    shards: tuple[Shard, ...]
    left_out: tuple[str, ...]


def plan_shards(
    tickers: Sequence[str],
    *,
    connections: int,
    tickers_per_connection: int,
    workers: int,
    selection: Literal["random", "unique"],
    seed: int | None,
) -> Plan:
    """Deal tickers to connections, and connections to workers.

    `random` draws each connection's tickers anew, so that they repeat across connections and never within one;
    `unique` gives each ticker to one connection and every connection as many as the others, give or take one.
    Workers get neighbouring connections, as many each, give or take one. The same seed and tickers give the same
    plan, whatever the number of workers; None gives another plan each time.
    """
    distinct = tuple(dict.fromkeys(tickers))
    draw = _draw_random if selection == "random" else _draw_unique
    hands = draw(distinct, connections, tickers_per_connection, Random(seed))
    carried = {ticker for hand in hands for ticker in hand}
    return Plan(
        shards=tuple(Shard(number, number * workers // connections, hand) for number, hand in enumerate(hands)),
        left_out=tuple(ticker for ticker in distinct if ticker not in carried),
    )


Hands = list[tuple[str, ...]]


def _draw_random(tickers: tuple[str, ...], connections: int, size: int, random: Random) -> Hands:
    return [tuple(random.sample(tickers, min(size, len(tickers)))) for _ in range(connections)]


def _draw_unique(tickers: tuple[str, ...], connections: int, size: int, random: Random) -> Hands:
    carried = random.sample(tickers, min(connections * size, len(tickers)))
    return [tuple(carried[number::connections]) for number in range(connections)]
