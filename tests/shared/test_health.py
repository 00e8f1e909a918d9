import pytest

from shared.health import complaint, good_news
from shared.market import Market
from shared.quotes import Quote
from shared.wire import ConnectionState, ConnectionStatus, QuoteBatch, Totals

NOW = 1000.0


def market(
    *states: tuple[ConnectionState, str],
    reported_s: float | None = 0.2,
    data_s: float | None = 0.2,
    status: str = "T",
    since_s: float = 500.0,
    is_exchange_open: bool | None = None,
) -> Market:
    """One connection for each state, each on a worker of its own; everything so many seconds ago."""
    made = Market(Totals(started_at=0.0, connections=len(states), tickers_per_connection=1, gateway="test"))
    made.totals.is_exchange_open = is_exchange_open
    for number, (state, reason) in enumerate(states):
        made.connections[number] = ConnectionStatus(number, number, state, reason, NOW - since_s, 1)
        if reported_s is not None:
            made.totals.reported_at[number] = NOW - reported_s
    if data_s is not None:
        made.apply(QuoteBatch(0, [Quote("SBER", 1, fields={"TRADINGSTATUS": status}, fields_at=NOW - data_s)]), 0.0)
    return made


ONLINE = (ConnectionState.ONLINE, "all subscriptions sent")
REFUSED = (ConnectionState.REFUSED, "Access denied\x1b")
WAITING = (ConnectionState.WAITING, "connection refused")


def test_a_program_that_gets_data_on_a_connection_is_healthy() -> None:
    assert complaint(market(ONLINE, WAITING), NOW, 60.0) is None
    assert good_news(market(ONLINE, WAITING), NOW) == ("1/2 connections online, session open, newest data 0.2 s old")


def test_without_connections_the_list_is_still_loading() -> None:
    assert complaint(market(), NOW, 60.0) == "no connection online: the list of instruments is still loading"


def test_no_connection_online_is_told_with_the_most_frequent_reason() -> None:
    told = complaint(market(WAITING, (ConnectionState.OPENING, ""), WAITING), NOW, 60.0)
    assert told == "no connection online: 2 of 3 waiting: connection refused"
    assert complaint(market((ConnectionState.OPENING, "")), NOW, 60.0) == "no connection online: 1 of 1 opening"


def test_a_refused_login_has_its_own_text() -> None:
    told = complaint(market(REFUSED, REFUSED), NOW, 60.0)
    assert told is not None
    assert told.startswith("login refused: Access denied")
    assert "MOEX_PASSCODE" in told
    assert told.isprintable()


@pytest.mark.parametrize("other", [ONLINE, WAITING])
def test_a_login_that_is_refused_on_one_connection_is_a_fault_as_well(other: tuple[ConnectionState, str]) -> None:
    told = complaint(market(other, REFUSED, other), NOW, 60.0)
    assert told is not None
    assert told.startswith("login refused on 1 of 3 connections: Access denied")


def test_a_worker_that_does_not_report_is_named_as_people_count() -> None:
    silent = market(ONLINE, ONLINE)
    silent.totals.reported_at[1] = NOW - 16
    assert complaint(silent, NOW, 60.0) == "no report from worker 2 for 16 s"
    silent.totals.reported_at[1] = NOW - 14
    assert complaint(silent, NOW, 60.0) is None


def test_a_worker_that_never_reported_has_as_long_from_what_happened_to_its_connections() -> None:
    assert complaint(market(ONLINE, reported_s=None, since_s=10.0), NOW, 60.0) is None
    assert complaint(market(ONLINE, reported_s=None, since_s=20.0), NOW, 60.0) == "no report from worker 1 for 20 s"


@pytest.mark.parametrize(("data_s", "limit_s", "is_fine"), [(59, 60, True), (61, 60, False), (61, 100, True)])
def test_old_data_are_a_fault_while_the_exchange_trades(data_s: float, limit_s: float, is_fine: bool) -> None:
    told = complaint(market(ONLINE, data_s=data_s), NOW, limit_s)
    assert (told is None) is is_fine
    assert is_fine or told == "no data for 61 s while the exchange trades, the limit is 60 s"


@pytest.mark.parametrize("status", ["N", "B", "O"])
def test_silence_is_no_fault_while_the_exchange_is_closed_or_in_a_break_or_auction(status: str) -> None:
    assert complaint(market(ONLINE, data_s=9999.0, status=status), NOW, 60.0) is None


def test_no_data_at_all_are_old_from_when_a_connection_was_online() -> None:
    silent = market(ONLINE, data_s=None, since_s=70.0, is_exchange_open=True)
    assert complaint(silent, NOW, 60.0) == "no data for 70 s while the exchange trades, the limit is 60 s"
    assert complaint(silent, NOW, 80.0) is None
    assert "no data yet" in good_news(silent, NOW)


def test_while_nobody_knows_whether_it_trades_silence_is_no_fault() -> None:
    assert complaint(market(ONLINE, data_s=None), NOW, 60.0) is None


def test_a_simulated_exchange_is_called_so() -> None:
    simulated = market(ONLINE)
    simulated.totals.is_simulated = True
    assert "SIMULATED EXCHANGE" in good_news(simulated, NOW)
