import time

import pytest

from shared.market import Market
from shared.quotes import Quote
from shared.session import SessionState, session_of
from shared.wire import Totals


def market(statuses: str = "", *, is_open: bool | None = None) -> Market:
    """One instrument a letter; `?` has no status."""
    made = Market(Totals(1.0, 1, 1, "test", is_exchange_open=is_open))
    for number, letter in enumerate(statuses):
        made.quotes[str(number)] = Quote(str(number), fields={} if letter == "?" else {"TRADINGSTATUS": letter})
    return made


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ("TTTNN", SessionState.OPEN),
        ("TD", SessionState.OPEN),
        ("NNTCC", SessionState.OPEN),
        ("NNTCC" + "N" * 20, SessionState.CLOSED),
        ("LLET" + "L" * 20, SessionState.AUCTION),
        ("BBT" + "B" * 20, SessionState.BREAK),
        ("T???????", SessionState.OPEN),
        ("NT", SessionState.OPEN),
        ("XX?", SessionState.UNKNOWN),
        ("", SessionState.UNKNOWN),
    ],
)
def test_a_tenth_that_trade_or_else_most_of_those_that_are_known_decide(statuses: str, state: SessionState) -> None:
    assert session_of(market(statuses)) is state


@pytest.mark.parametrize(
    ("is_open", "state"),
    [(True, SessionState.OPEN), (False, SessionState.CLOSED), (None, SessionState.UNKNOWN)],
)
@pytest.mark.parametrize("statuses", ["", "??X"])
def test_where_no_phase_is_known_the_calendar_decides(statuses: str, is_open: bool | None, state: SessionState) -> None:
    assert session_of(market(statuses, is_open=is_open)) is state


@pytest.mark.parametrize("statuses", ["", "NN", "LLL", "B"])
def test_the_calendar_closes_an_exchange_on_which_nothing_trades(statuses: str) -> None:
    assert session_of(market(statuses, is_open=False)) is SessionState.CLOSED


def test_what_trades_proves_the_calendar_wrong() -> None:
    assert session_of(market("TTN", is_open=False)) is SessionState.OPEN


def test_an_open_calendar_does_not_open_what_says_that_it_is_closed() -> None:
    assert session_of(market("NNT" + "N" * 20, is_open=True)) is SessionState.CLOSED


def test_a_great_market_is_looked_through_in_no_time() -> None:
    shown = market("TNLB?" * 300)

    def seconds() -> float:
        began = time.perf_counter()
        session_of(shown)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(20)) < 0.001
