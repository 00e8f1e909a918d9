"""The shares and their lasting facts."""

import pytest

from shared.shipped_list import shipped_secids
from simulator.instruments import Instrument, all_instruments

BY_SECID = {each.secid: each for each in all_instruments()}


def test_every_share_of_the_shipped_list_is_there_once() -> None:
    assert len(shipped_secids()) == 259
    assert len(BY_SECID) == len(all_instruments()) == 259
    assert set(BY_SECID) == set(shipped_secids())


def test_decimals_reach_from_none_to_six() -> None:
    assert {each.decimals for each in all_instruments()} == set(range(7))


@pytest.mark.parametrize(
    ("secid", "decimals", "step", "lot"),
    [("SBER", 2, 1, 1), ("LKOH", 1, 5, 1), ("FEES", 5, 2, 10000), ("TGKA", 6, 2, 100000), ("PHOR", 0, 1, 1)],
)
def test_well_known_shares_have_their_own_step_and_lot(secid: str, decimals: int, step: int, lot: int) -> None:
    share = BY_SECID[secid]
    assert (share.decimals, share.step, share.lot) == (decimals, step, lot)


@pytest.mark.parametrize("share", all_instruments(), ids=lambda each: each.secid)
def test_facts_are_believable(share: Instrument) -> None:
    price = share.previous / share.scale
    assert 0.004 < price < 40_000
    assert share.previous % share.step == 0
    assert 300 < share.previous / share.step < 100_000
    assert share.lot >= 1
    assert 10 < price * share.lot < 50_000
    assert share.issue_size >= 1000
    assert share.caption


def test_a_few_shares_are_far_more_active_than_most() -> None:
    weights = [each.activity for each in all_instruments()]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights[:10]) > sum(weights[10:])


def test_a_ticker_names_market_and_board() -> None:
    assert BY_SECID["VEON-RX"].ticker == "MXSE.TQBR.VEON-RX"
