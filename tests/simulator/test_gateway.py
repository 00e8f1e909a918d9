"""What the gateway answers to each frame of a client."""

import json
from datetime import UTC, datetime

import pytest

from shared.simulated import is_simulator
from simulator.faults import REFUSALS, Faults
from simulator.feed import Feed
from simulator.gateway import REFUSAL_LINGER_S, Session, connected_body
from simulator.instruments import all_instruments
from simulator.market import Market
from simulator.outbox import Outbox
from simulator.stomp import Frame

TEN = datetime(2026, 1, 22, 7, 0, 0, tzinfo=UTC).timestamp()  # 10:00 in Moscow
GUEST = {"domain": "DEMO", "login": "guest", "passcode": "guest"}
SBER = {"destination": "MXSE.orderbooks", "selector": 'TICKER="MXSE.TQBR.SBER"'}

Answers = list[tuple[str, dict[str, str], bytes]]


class Dialogue:
    """A session and what it answers."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.feed = Feed(Market(1, TEN, instruments=all_instruments()[:3]))
        self.outbox = Outbox()
        self.session = Session(1, self.feed, Faults() if faults is None else faults, self.outbox)

    def say(self, command: str, headers: dict[str, str] | None = None) -> Answers:
        self.session.receive(Frame(command, headers or {}), TEN)
        return [parsed(frame) for frame in self.outbox.take()]

    def log_in(self) -> "Dialogue":
        assert self.say("CONNECT", GUEST)[0][0] == "CONNECTED"
        return self


def parsed(frame: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = frame.partition(b"\n\n")
    command, *lines = head.decode().split("\n")
    assert body.endswith(b"\0")
    return command, {line.partition(":")[0]: line.partition(":")[2] for line in lines}, body[:-1]


def test_the_public_account_is_connected_and_told_that_this_is_a_simulation() -> None:
    ((command, headers, body),) = Dialogue().say("CONNECT", GUEST)
    assert command == "CONNECTED"
    assert headers["server"] == "moex-monitor-simulator/0.1"
    assert is_simulator(headers["server"])
    streams = json.loads(body)["structure"]["MXSE"]["streams"]
    assert {stream["name"] for stream in streams} == {"candles", "orderbooks", "securities"}


def test_the_passport_account_is_connected() -> None:
    login = {"domain": "passport", "login": "trader", "passcode": "secret"}
    assert Dialogue().say("CONNECT", login)[0][0] == "CONNECTED"


def test_the_structure_is_utf_8_json_with_the_search_query() -> None:
    content = json.loads(connected_body())
    assert content["structure"]["SEARCH"]["queries"][0]["name"] == "ticker"
    assert "Сбербанк" not in str(content)
    assert "Свечи" in connected_body().decode()


@pytest.mark.parametrize(
    "login",
    [
        {**GUEST, "passcode": "wrong"},
        {**GUEST, "login": "nobody"},
        {**GUEST, "domain": "passport"},
        {"domain": "passport", "login": "trader", "passcode": ""},
        {"login": "guest", "passcode": "guest"},
        {},
    ],
)
def test_wrong_credentials_are_refused_without_a_body_and_the_session_ends_soon(login: dict[str, str]) -> None:
    dialogue = Dialogue()
    assert dialogue.say("CONNECT", login) == [("ERROR", {"message": "Access denied"}, b"")]
    assert dialogue.session.ends_in_s == REFUSAL_LINGER_S
    assert dialogue.say("CONNECT", GUEST) == []


@pytest.mark.parametrize("header", ["accept-version", "host", "heart-beat"])
def test_connect_with_any_other_header_is_an_exception(header: str) -> None:
    assert Dialogue().say("CONNECT", {**GUEST, header: "1.2"}) == [("ERROR", {"message": "gateway.exception"}, b"")]


@pytest.mark.parametrize(
    ("command", "headers", "answered"),
    [
        ("SUBSCRIBE", {"id": "1", "receipt": "r", **SBER}, {"subscription": "1", "receipt-id": "r"}),
        ("UNSUBSCRIBE", {"id": "1"}, {"subscription": "1"}),
        ("REQUEST", {"id": "1", "destination": "SEARCH.ticker", "selector": 'pattern="A"'}, {"request-id": "1"}),
        ("SEND", {"destination": "x"}, {}),
    ],
)
def test_nothing_is_served_before_connect(command: str, headers: dict[str, str], answered: dict[str, str]) -> None:
    assert Dialogue().say(command, headers) == [("ERROR", {"message": "gateway.not-connected", **answered}, b"")]


def test_a_subscription_gets_its_receipt_then_its_first_snapshot() -> None:
    answers = Dialogue().log_in().say("SUBSCRIBE", {"id": "7-VEON-RX.1", "receipt": "r-1", **SBER})
    assert [(command, headers.get("subscription")) for command, headers, _ in answers] == [
        ("RECEIPT", None),
        ("MESSAGE", "7-VEON-RX.1"),
    ]
    assert answers[0] == ("RECEIPT", {"receipt-id": "r-1"}, b"")


def test_without_asking_there_is_no_receipt() -> None:
    answers = Dialogue().log_in().say("SUBSCRIBE", {"id": "1", **SBER})
    assert [command for command, *_ in answers] == ["MESSAGE"]


INVALID = {
    "wrong destination": {"destination": "MXSE.trades", "selector": SBER["selector"]},
    "no destination": {"selector": SBER["selector"]},
    "no selector": {"destination": "MXSE.orderbooks"},
    "single quotes": {"destination": "MXSE.orderbooks", "selector": "TICKER='MXSE.TQBR.SBER'"},
    "unknown ticker": {"destination": "MXSE.orderbooks", "selector": 'TICKER="MXSE.TQBR.NOPE"'},
    "unknown interval": {"destination": "MXSE.candles", "selector": SBER["selector"] + ' and interval="M7"'},
}


@pytest.mark.parametrize("headers", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_subscription_is_an_error_of_that_subscription_alone(headers: dict[str, str]) -> None:
    dialogue = Dialogue().log_in()
    expected = {"message": "gateway.invalidrequest", "subscription": "1", "receipt-id": "r"}
    assert dialogue.say("SUBSCRIBE", {"id": "1", "receipt": "r", **headers}) == [("ERROR", expected, b"")]
    assert dialogue.session.ends_in_s is None
    assert dialogue.say("SUBSCRIBE", {"id": "1", **SBER})[0][0] == "MESSAGE"


def test_a_second_subscription_of_the_same_id_is_refused_and_the_first_goes_on() -> None:
    dialogue = Dialogue().log_in()
    dialogue.say("SUBSCRIBE", {"id": "1", **SBER})
    answers = dialogue.say("SUBSCRIBE", {"id": "1", "receipt": "r", **SBER})
    assert answers == [("ERROR", {"message": "gateway.invalidrequest", "receipt-id": "r"}, b"")]
    assert dialogue.feed.subscriptions == 1


def test_a_subscription_without_an_id_is_refused() -> None:
    answers = Dialogue().log_in().say("SUBSCRIBE", SBER)
    assert answers == [("ERROR", {"message": "gateway.invalidrequest"}, b"")]


def test_unsubscribe_is_silent_unless_a_receipt_was_asked_for() -> None:
    dialogue = Dialogue().log_in()
    for number, (extra, answers) in enumerate((({}, []), ({"receipt": "r"}, [("RECEIPT", {"receipt-id": "r"}, b"")]))):
        dialogue.say("SUBSCRIBE", {"id": str(number), **SBER})
        assert dialogue.say("UNSUBSCRIBE", {"id": str(number), **extra}) == answers
    assert dialogue.feed.subscriptions == 0


def test_an_id_is_free_again_after_unsubscribe() -> None:
    dialogue = Dialogue().log_in()
    for _ in range(2):
        assert dialogue.say("SUBSCRIBE", {"id": "1", **SBER})[0][0] == "MESSAGE"
        dialogue.say("UNSUBSCRIBE", {"id": "1"})


def test_unsubscribing_what_is_not_subscribed_is_an_invalid_request() -> None:
    answers = Dialogue().log_in().say("UNSUBSCRIBE", {"id": "9"})
    assert answers == [("ERROR", {"message": "gateway.invalidrequest", "subscription": "9"}, b"")]


def test_a_search_is_answered_by_a_reply_with_its_id() -> None:
    request = {"id": "q-1", "destination": "SEARCH.ticker", "selector": 'pattern="GAZP"'}
    ((command, headers, body),) = Dialogue().log_in().say("REQUEST", request)
    assert (command, headers["request-id"]) == ("REPLY", "q-1")
    assert json.loads(body)["data"][0][0] == "MXSE.TQBR.GAZP"


@pytest.mark.parametrize(
    "request_", [{"destination": "SEARCH.other", "selector": 'pattern="A"'}, {"destination": "SEARCH.ticker"}]
)
def test_a_request_that_cannot_be_served_is_an_error_with_its_id(request_: dict[str, str]) -> None:
    answers = Dialogue().log_in().say("REQUEST", {"id": "q-1", **request_})
    assert answers == [("ERROR", {"message": "gateway.invalidrequest", "request-id": "q-1"}, b"")]


def test_send_is_not_implemented() -> None:
    answers = Dialogue().log_in().say("SEND", {"destination": "x", "receipt": "r"})
    assert answers == [("ERROR", {"message": "gateway.notimplemented", "receipt-id": "r"}, b"")]


@pytest.mark.parametrize("command", ["STOMP", "ACK", "connect"])
def test_commands_that_the_gateway_does_not_know_are_invalid_requests(command: str) -> None:
    assert Dialogue().log_in().say(command) == [("ERROR", {"message": "gateway.invalidrequest"}, b"")]


def test_a_second_connect_is_an_invalid_request_and_the_session_goes_on() -> None:
    dialogue = Dialogue().log_in()
    assert dialogue.say("CONNECT", GUEST) == [("ERROR", {"message": "gateway.invalidrequest"}, b"")]
    assert dialogue.say("SUBSCRIBE", {"id": "1", **SBER})[0][0] == "MESSAGE"


def test_disconnect_gives_its_receipt_and_ends_the_session() -> None:
    dialogue = Dialogue().log_in()
    assert dialogue.say("DISCONNECT", {"receipt": "bye"}) == [("RECEIPT", {"receipt-id": "bye"}, b"")]
    assert dialogue.session.ends_in_s == 0.0


def test_an_ended_session_gives_back_its_subscriptions() -> None:
    dialogue = Dialogue().log_in()
    dialogue.say("SUBSCRIBE", {"id": "1", **SBER})
    dialogue.session.end()
    assert dialogue.feed.subscriptions == 0


def test_a_client_that_sends_no_frames_is_told_and_the_session_ends() -> None:
    dialogue = Dialogue()
    dialogue.session.fail()
    assert dialogue.outbox.take() == [b"ERROR\nmessage:gateway.exception\n\n\0"]
    assert dialogue.session.ends_in_s == REFUSAL_LINGER_S


def test_a_refused_login_on_demand_refuses_the_right_one_too() -> None:
    answers = Dialogue(Faults(refuses_login=True)).say("CONNECT", GUEST)
    assert answers == [("ERROR", {"message": "Access denied"}, b"")]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_ticker_on_demand_is_refused_as_asked_and_others_are_not(refusal: str) -> None:
    dialogue = Dialogue(Faults(refused_tickers=frozenset({"SBER"}), refusal=refusal)).log_in()
    expected = {"message": refusal, "subscription": "1", "receipt-id": "1"}
    assert dialogue.say("SUBSCRIBE", {"id": "1", "receipt": "1", **SBER}) == [("ERROR", expected, b"")]
    gazprom = {"destination": "MXSE.orderbooks", "selector": 'TICKER="MXSE.TQBR.GAZP"'}
    assert dialogue.say("SUBSCRIBE", {"id": "2", **gazprom})[0][0] == "MESSAGE"
    assert dialogue.session.ends_in_s is None


def test_a_refusal_may_end_the_session_on_demand() -> None:
    dialogue = Dialogue(Faults(refused_tickers=frozenset({"SBER"}), closes_on_refusal=True)).log_in()
    dialogue.say("SUBSCRIBE", {"id": "1", **SBER})
    assert dialogue.session.ends_in_s == REFUSAL_LINGER_S
