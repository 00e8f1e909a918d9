"""What is said to the exchange, and what its answers mean, by the examples of its documentation."""

from collector.issplus import connect_headers, is_simulated, is_temporary, subscriptions
from shared.settings import Credentials, Secret
from shared.simulated import SIMULATOR_NAME

# ---- what is sent


def test_connect_carries_domain_login_and_passcode_and_nothing_else() -> None:
    headers = connect_headers(Credentials("passport", "me", Secret("pass:word")))
    assert headers == {"domain": "passport", "login": "me", "passcode": "pass:word"}


def test_selectors_name_the_full_ticker_in_double_quotes() -> None:
    books, candles = subscriptions(["VEON-RX"], ["orderbooks", "candles"], "TQBR")
    assert (books.destination, books.selector) == ("MXSE.orderbooks", 'TICKER="MXSE.TQBR.VEON-RX"')
    assert (candles.destination, candles.selector) == ("MXSE.candles", 'TICKER="MXSE.TQBR.VEON-RX" and interval="M1"')


def test_ids_are_distinct_within_a_connection() -> None:
    made = subscriptions(["VEON-RX", "VEON", "X5"], ["orderbooks", "securities"], "TQBR")
    assert len({one.id for one in made}) == len(made) == 6


# ---- answers


def test_the_built_in_exchange_is_recognised_by_its_greeting() -> None:
    assert is_simulated({"server": f"{SIMULATOR_NAME}/1"})
    assert not is_simulated({"server": "ISS+"})
    assert not is_simulated({})


def test_trouble_of_the_gateway_is_told_from_a_refused_login() -> None:
    assert is_temporary("gateway.transport")
    assert not is_temporary("Access denied")
    assert not is_temporary("gateway.access-denied")
