"""Each client that is compared consumes every message of the same feed, and a round gives all its figures."""

import pytest

from bench.running import measured, running
from bench.scenarios import BOTH, SCENARIOS, Scenario

CLIENTS = sorted({scenario.client for scenario in SCENARIOS})


def small(client: str, blast: int = 3000) -> Scenario:
    return Scenario("small", client, BOTH, connections=2, workers=2, blast=blast, rate=500)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_consumes_whatever_is_sent_paced_or_not(client: str) -> None:
    with running(small(client)) as (sender, subject):
        paced = sender.do(do="pace", rate=500, seconds=0.5)
        blasted = sender.do(do="blast", messages=3000)
        said = subject.stop(paced["messages"] + blasted["messages"])
    assert blasted["messages"] == 3000
    assert said["messages"] == paced["messages"] + 3000


@pytest.mark.parametrize("client", CLIENTS)
def test_a_message_that_is_missing_is_told(client: str) -> None:
    with running(small(client)) as (sender, subject):
        sender.do(do="blast", messages=100)
        with pytest.raises(ValueError, match="small: 100 of 101 messages were consumed"):
            subject.stop(101)


def test_a_round_measures_every_figure_of_this_program() -> None:
    result = measured(small("ours"), steady_s=1.0)
    assert None not in result
    assert all(figure >= 0 for figure in result if figure is not None)


def test_a_round_without_a_blast_has_no_figure_for_it() -> None:
    result = measured(small("ours", blast=0), steady_s=0.3)
    assert result.blast_us is None
    assert result.steady_us is not None
