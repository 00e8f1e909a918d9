import pickle
from itertools import chain
from typing import Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sharding import Plan, plan_shards

TICKERS = tuple(f"T{number}" for number in range(259))
SELECTIONS: tuple[Literal["random", "unique"], ...] = ("random", "unique")


def planned(
    selection: Literal["random", "unique"],
    *,
    tickers: tuple[str, ...] = TICKERS,
    connections: int = 30,
    size: int = 50,
    workers: int = 6,
    seed: int | None = 1,
) -> Plan:
    return plan_shards(
        tickers,
        connections=connections,
        tickers_per_connection=size,
        workers=workers,
        selection=selection,
        seed=seed,
    )


class Shape(NamedTuple):
    tickers: tuple[str, ...]
    connections: int
    size: int

    def planned(self, selection: Literal["random", "unique"]) -> Plan:
        return planned(selection, tickers=self.tickers, connections=self.connections, size=self.size, workers=1)


shapes = st.builds(Shape, st.integers(0, 80).map(lambda n: TICKERS[:n]), st.integers(1, 40), st.integers(1, 60))


def test_the_reference_program_is_30_connections_with_50_tickers_each() -> None:
    plan = planned("random")
    assert [len(shard.tickers) for shard in plan.shards] == [50] * 30
    assert len(set(chain.from_iterable(shard.tickers for shard in plan.shards))) > 200


@given(shapes)
def test_random_never_repeats_a_ticker_within_a_connection(shape: Shape) -> None:
    plan = shape.planned("random")
    for shard in plan.shards:
        assert len(set(shard.tickers)) == len(shard.tickers) == min(shape.size, len(shape.tickers))


def test_random_repeats_tickers_across_connections() -> None:
    first, second = planned("random", connections=2, workers=1, size=200).shards
    assert set(first.tickers) & set(second.tickers)
    assert first.tickers != second.tickers


@given(shapes)
def test_unique_gives_each_ticker_to_one_connection_and_to_all_as_many(shape: Shape) -> None:
    plan = shape.planned("unique")
    sizes = [len(shard.tickers) for shard in plan.shards]
    carried = list(chain.from_iterable(shard.tickers for shard in plan.shards))
    assert len(set(carried)) == len(carried) == min(len(shape.tickers), shape.connections * shape.size)
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= shape.size


@given(shapes, st.sampled_from(SELECTIONS))
def test_what_no_connection_carries_is_left_out_in_the_order_of_the_list(
    shape: Shape, selection: Literal["random", "unique"]
) -> None:
    plan = shape.planned(selection)
    carried = set(chain.from_iterable(shard.tickers for shard in plan.shards))
    assert list(plan.left_out) == [ticker for ticker in shape.tickers if ticker not in carried]


@given(st.integers(1, 100), st.data())
def test_connections_are_dealt_evenly_to_all_workers(connections: int, data: st.DataObject) -> None:
    workers = data.draw(st.integers(1, connections))
    plan = planned("unique", connections=connections, workers=workers)
    owners = [shard.worker for shard in plan.shards]
    loads = [owners.count(worker) for worker in range(workers)]
    assert [shard.connection for shard in plan.shards] == list(range(connections))
    assert owners == sorted(owners)
    assert sum(loads) == connections
    assert max(loads) - min(loads) <= 1
    assert min(loads) >= 1


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_seed_makes_the_plan_repeatable_whatever_the_workers(selection: Literal["random", "unique"]) -> None:
    tickers = [shard.tickers for shard in planned(selection, seed=7).shards]
    assert tickers == [shard.tickers for shard in planned(selection, seed=7, workers=2).shards]
    assert tickers != [shard.tickers for shard in planned(selection, seed=8).shards]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_without_a_seed_each_plan_is_another(selection: Literal["random", "unique"]) -> None:
    assert planned(selection, seed=None) != planned(selection, seed=None)


def test_the_same_seed_gives_the_same_plan_on_every_python() -> None:
    plan = planned("random", tickers=TICKERS[:9], connections=2, size=3, workers=1, seed=5)
    assert [shard.tickers for shard in plan.shards] == [("T4", "T5", "T6"), ("T8", "T0", "T6")]


def test_a_connection_without_tickers_stays_in_the_plan() -> None:
    plan = planned("unique", tickers=("SBER",), connections=3, workers=3)
    assert sorted(shard.tickers for shard in plan.shards) == [(), (), ("SBER",)]
    assert [shard.worker for shard in plan.shards] == [0, 1, 2]


def test_a_ticker_named_twice_counts_once() -> None:
    plan = planned("unique", tickers=("SBER", "GAZP", "SBER"), connections=1, workers=1)
    assert sorted(plan.shards[0].tickers) == ["GAZP", "SBER"]


def test_a_plan_crosses_a_process_border() -> None:
    plan = planned("random")
    assert pickle.loads(pickle.dumps(plan)) == plan
