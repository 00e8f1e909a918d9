"""The STOMP conversation of one connection, as strict as the exchange's gateway and stricter."""

import re
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from tests.fakes.pages import connected_body
from tests.fakes.shares import BOARD, STREAMS, Stream
from tests.fakes.wire import Command, CommandReader, Malformed, stomp

if TYPE_CHECKING:
    from tests.fakes.endpoint import Endpoint
    from tests.fakes.exchange import Exchange

ACCOUNTS = {("DEMO", "guest", "guest"), ("passport", "trader", "open sesame")}
"""domain, login, passcode of those who may come in."""

LOGIN_HEADERS = {"domain", "login", "passcode"}
MARKET = "MXSE"
TICKER_SELECTOR = re.compile(
    rf'TICKER="{MARKET}\.{BOARD}\.(?P<secid>[^"]+)"'
    r'(?: and LANGUAGE="(?:en|ru)")?(?: and interval="(?:M1|M10|H1|D1|W1|m1|m3|Q1)")?'
)
SEARCH_SELECTOR = re.compile(r'pattern="(?P<pattern>[^"]+)"')

CONNECTED_BODY = connected_body()


class Refusal(Exception):
    """A command is answered with ERROR, whose header is `message`; str() is the violation, or empty."""

    def __init__(self, message: str, violation: str = "") -> None:
        super().__init__(violation)
        self.message = message


class Subscription:
    """One SUBSCRIBE that was accepted. `head` starts each of its MESSAGE frames."""

    def __init__(self, endpoint: "Endpoint", subscription_id: str, stream: Stream, secid: str) -> None:
        self.endpoint = endpoint
        self.id = subscription_id
        self.stream = stream
        self.secid = secid
        self.is_muted = False
        self.head = f"MESSAGE\nsubscription:{subscription_id}\ndestination:{MARKET}.{stream}\n".encode()

    @property
    def is_listening(self) -> bool:
        return not self.is_muted and self.endpoint.is_listening


class Wish(NamedTuple):
    """What a well-formed SUBSCRIBE asks for."""

    id: str
    stream: Stream
    secid: str


class Dialogue:
    """Reads the commands of one client, answers, and notes every violation in the exchange's ledger."""

    def __init__(self, exchange: "Exchange", endpoint: "Endpoint") -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self._exchange = exchange
        self._endpoint = endpoint
        self._reader = CommandReader()
        self._is_greeted = False

    def read(self, data: bytes) -> None:
        """Take the content of one WebSocket message."""
        try:
            for command in self._reader.read(data):
                self._obey(command)
        except Malformed as malformed:
            self._endpoint.violation(str(malformed))
            self._endpoint.abort()

    def _obey(self, command: Command) -> None:
        try:
            if command.name == "CONNECT":
                self._connect(command)
            elif command.name == "DISCONNECT":
                self._disconnect(command)
            elif not self._is_greeted:
                raise Refusal("gateway.not-connected", "a request before CONNECTED")
            elif command.name == "SUBSCRIBE":
                self._subscribe(command)
            elif command.name == "UNSUBSCRIBE":
                self._unsubscribe(command)
            elif command.name == "REQUEST":
                self._request(command)
            else:
                raise Refusal("gateway.notimplemented", f"a command that it does not know: {command.name!r}")
        except Refusal as refusal:
            if str(refusal):
                self._endpoint.violation(str(refusal))
            self._answer("ERROR", {"message": refusal.message} | self._concerned(command))

    def _answer(self, command: str, headers: dict[str, str], body: bytes = b"") -> None:
        self._endpoint.queue(stomp(command, headers, body))

    def _concerned(self, command: Command) -> dict[str, str]:
        """The headers that tie an ERROR to its command: the page allows either of two, so either may be there."""
        if command.name == "REQUEST":
            return {"request-id": command.headers.get("id", "")}
        known = {
            "subscription": command.headers.get("id") if command.name == "SUBSCRIBE" else None,
            "receipt-id": command.headers.get("receipt"),
        }
        headers = {name: value for name, value in known.items() if value is not None}
        if len(headers) == 2:
            headers.pop(self._exchange.random.choice(("subscription", "receipt-id", "")), None)
        return headers

    def _connect(self, command: Command) -> None:
        behaviour = self._exchange.behaviour
        if set(command.headers) != LOGIN_HEADERS:
            raise Refusal("gateway.exception", f"CONNECT with the headers {sorted(command.headers)}")
        if self._is_greeted:
            raise Refusal("gateway.invalidrequest", "CONNECT twice")
        if behaviour.greeting == "none":
            return
        if behaviour.greeting == "freeze":
            self._endpoint.freeze()
            return
        login = command.headers["domain"], command.headers["login"], command.headers["passcode"]
        if behaviour.greeting == "refuse" or login not in ACCOUNTS:
            self._refuse_login()
            return
        self._is_greeted = True
        self._endpoint.seen.is_greeted = True
        self._answer("CONNECTED", {"version": "1.0", "session": f"fake-{self._endpoint.number}"}, CONNECTED_BODY)

    def _refuse_login(self) -> None:
        self._exchange.ledger.logins_refused += 1
        self._answer("ERROR", {"message": "Access denied"})
        if self._exchange.behaviour.closes_after_refusal:
            self._endpoint.close()

    def _disconnect(self, command: Command) -> None:
        self._exchange.ledger.disconnect_frames += 1
        if receipt := command.headers.get("receipt"):
            self._answer("RECEIPT", {"receipt-id": receipt})
        self._endpoint.close()

    def _subscribe(self, command: Command) -> None:
        wish = self._wish(command)
        behaviour = self._exchange.behaviour
        if wish.secid in behaviour.refused_tickers:
            self._exchange.ledger.tickers_refused += 1
            raise Refusal("gateway.access-denied")
        subscription = Subscription(self._endpoint, wish.id, wish.stream, wish.secid)
        self.subscriptions[wish.id] = subscription
        receipt = None if wish.secid in behaviour.unconfirmed_tickers else command.headers.get("receipt")
        is_data_first = self._exchange.random.random() < 0.25
        if receipt is not None and not is_data_first:
            self._answer("RECEIPT", {"receipt-id": receipt})
        self._exchange.subscribe(subscription)
        if receipt is not None and is_data_first:
            self._answer("RECEIPT", {"receipt-id": receipt})

    def _wish(self, command: Command) -> Wish:
        """Check a SUBSCRIBE in every way that the protocol allows to. Raises Refusal."""
        headers = command.headers
        subscription_id, destination = headers.get("id"), headers.get("destination", "")
        if not subscription_id:
            raise Refusal("gateway.invalidrequest", "SUBSCRIBE without id")
        if subscription_id in self.subscriptions:
            raise Refusal("gateway.invalidrequest", f"SUBSCRIBE with the id {subscription_id!r} twice")
        if destination not in {f"{MARKET}.{stream}" for stream in STREAMS}:
            raise Refusal("gateway.invalidrequest", f"SUBSCRIBE to the destination {destination!r}")
        selector = TICKER_SELECTOR.fullmatch(headers.get("selector", ""))
        if selector is None:
            raise Refusal("gateway.invalidrequest", f"SUBSCRIBE with the selector {headers.get('selector')!r}")
        if selector["secid"] not in self._exchange.shares:
            raise Refusal("gateway.invalidrequest", f"SUBSCRIBE to the unknown ticker {selector['secid']!r}")
        return Wish(subscription_id, cast(Stream, destination.removeprefix(f"{MARKET}.")), selector["secid"])

    def _unsubscribe(self, command: Command) -> None:
        subscription = self.subscriptions.pop(command.headers.get("id", ""), None)
        if subscription is None:
            raise Refusal("gateway.invalidrequest", f"UNSUBSCRIBE of the id {command.headers.get('id')!r}")
        self._exchange.unsubscribe(subscription)
        if receipt := command.headers.get("receipt"):
            self._answer("RECEIPT", {"receipt-id": receipt})

    def _request(self, command: Command) -> None:
        selector = SEARCH_SELECTOR.fullmatch(command.headers.get("selector", ""))
        if command.headers.get("destination") != "SEARCH.ticker" or selector is None:
            raise Refusal("gateway.invalidrequest", f"REQUEST with {command.headers}")
        found = [[f"{MARKET}.{BOARD}.{secid}"] for secid in self._exchange.shares if selector["pattern"] in secid]
        reply = {"properties": {"type": "snapshot"}, "columns": ["TICKER"], "data": found}
        self._answer("REPLY", {"request-id": command.headers.get("id", "")}, msgspec.json.encode(reply))
