"""SEARCH.ticker."""

import json
from typing import Any

import pytest

from simulator.bodies import Stamp
from simulator.destinations import InvalidRequest
from simulator.instruments import all_instruments
from simulator.search import search


def found(selector: str) -> list[dict[str, Any]]:
    content = json.loads(search(selector, all_instruments(), Stamp(1, 0.0)))
    return [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]


@pytest.mark.parametrize("pattern", ["SBER", "sber", "сбер"])
def test_a_pattern_is_looked_for_in_secid_and_names_whatever_its_case(pattern: str) -> None:
    assert {row["ticker"] for row in found(f'pattern="{pattern}"')} == {"MXSE.TQBR.SBER", "MXSE.TQBR.SBERP"}


def test_a_full_ticker_finds_itself_alone() -> None:
    assert [row["secid"] for row in found('ticker="MXSE.TQBR.SBER"')] == ["SBER"]


def test_the_columns_are_those_of_the_published_structure() -> None:
    assert list(found('pattern="SBER"')[0]) == [
        *("ticker", "secid", "boardid", "board_name", "marketplace", "shortname", "latname", "name", "isin"),
        *("regnumber", "primary_boardid", "emitent_id", "emitent_title", "emitent_inn", "emitent_okpo"),
    ]


def test_nothing_is_found_for_what_is_not_there() -> None:
    assert found('pattern="no such share"') == []


@pytest.mark.parametrize("selector", ["", 'preset="all"', "pattern=SBER", 'pattern="a" and ticker="b"'])
def test_a_search_that_cannot_be_served_is_an_invalid_request(selector: str) -> None:
    with pytest.raises(InvalidRequest):
        found(selector)
