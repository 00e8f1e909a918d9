"""The gateway's side of one STOMP session: what each frame of a client is answered by. Pure: times are arguments."""

from collections.abc import Callable
from functools import cache
from hmac import compare_digest
from importlib import resources
from json import dumps, loads

from shared.simulated import SIMULATOR_NAME
from simulator import stomp
from simulator.bodies import CONTENT_TYPE
from simulator.destinations import SEARCH, InvalidRequest, Wanted, parse_subscription
from simulator.faults import Faults
from simulator.feed import Feed
from simulator.outbox import Outbox, Subscription
from simulator.search import search
from simulator.stomp import Frame

SERVER_NAME = f"{SIMULATOR_NAME}/0.1"
ACCOUNTS = {("DEMO", "guest"): "guest", ("passport", "trader"): "secret"}
REFUSAL_LINGER_S = 1.0
_LOGIN_HEADERS = {"domain", "login", "passcode"}


@cache
def connected_body() -> bytes:
    """Streams, fields and types of the markets, as the real gateway sends them; JSON."""
    text = (resources.files("simulator") / "structure.json").read_text("utf-8")
    return dumps(loads(text), ensure_ascii=False, separators=(",", ":")).encode()


class Session:
    """One client of the gateway.

    `ends_in_s` is None while the session goes on, and otherwise the seconds after which the connection is to be closed;
    frames that come after it was set are not answered.
    """

    def __init__(self, number: int, feed: Feed, faults: Faults, outbox: Outbox) -> None:
        self.ends_in_s: float | None = None
        self._number = number
        self._feed, self._faults, self._outbox = feed, faults, outbox
        self._is_connected = False
        self._subscriptions: dict[str, Subscription] = {}
        self._commands: dict[str, Callable[[Frame, float], None]] = {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "REQUEST": self._request,
            "SEND": self._send,
        }

    def receive(self, frame: Frame, now: float) -> None:
        """Act on one frame of the client; the answers are in the outbox afterwards."""
        if self.ends_in_s is not None:
            return
        if frame.command == "CONNECT":
            self._connect(frame)
        elif frame.command == "DISCONNECT":
            self._disconnect(frame)
        elif not self._is_connected:
            self._error("gateway.not-connected", frame)
        else:
            self._commands.get(frame.command, self._unknown)(frame, now)

    def fail(self) -> None:
        """Give up on a client whose bytes are no frames."""
        self._refuse("gateway.exception")

    def end(self) -> None:
        """Give back every subscription; the connection is gone."""
        for subscription in self._subscriptions.values():
            self._feed.unsubscribe(subscription)
        self._subscriptions.clear()

    def _connect(self, frame: Frame) -> None:
        if self._is_connected:
            self._error("gateway.invalidrequest", frame)
        elif not frame.headers.keys() <= _LOGIN_HEADERS:
            self._refuse("gateway.exception")
        elif self._faults.refuses_login or not _is_account(frame.headers):
            self._refuse("Access denied")
        else:
            self._is_connected = True
            headers = {"server": SERVER_NAME, "session": str(self._number), "content-type": CONTENT_TYPE}
            self._answer("CONNECTED", headers, connected_body())

    def _refuse(self, message: str) -> None:
        self._answer("ERROR", {"message": message})
        self.ends_in_s = REFUSAL_LINGER_S

    def _disconnect(self, frame: Frame) -> None:
        self._receipt(frame)
        self.ends_in_s = 0.0

    def _subscribe(self, frame: Frame, now: float) -> None:
        wanted = self._wanted(frame)
        if wanted is None:
            return
        self._receipt(frame)
        subscription = Subscription(frame.headers["id"], wanted, self._outbox)
        self._subscriptions[subscription.id] = subscription
        self._feed.subscribe(subscription, now)

    def _wanted(self, frame: Frame) -> Wanted | None:
        """What a SUBSCRIBE asks for; None when it was answered by an ERROR."""
        headers = frame.headers
        if not headers.get("id") or headers["id"] in self._subscriptions:
            # Not of the subscription that has this id already: that one is in order.
            self._error("gateway.invalidrequest", frame, names_subscription=False)
            return None
        try:
            destination, selector = headers.get("destination", ""), headers.get("selector", "")
            wanted = parse_subscription(destination, selector, self._feed.market.shares)
        except InvalidRequest:
            self._error("gateway.invalidrequest", frame)
            return None
        if wanted.topic.secid in self._faults.refused_tickers:
            self._error(self._faults.refusal, frame)
            self.ends_in_s = REFUSAL_LINGER_S if self._faults.closes_on_refusal else None
            return None
        return wanted

    def _unsubscribe(self, frame: Frame, now: float) -> None:
        subscription = self._subscriptions.pop(frame.headers.get("id", ""), None)
        if subscription is None:
            self._error("gateway.invalidrequest", frame)
        else:
            self._feed.unsubscribe(subscription)
            self._receipt(frame)

    def _request(self, frame: Frame, now: float) -> None:
        request_id = frame.headers.get("id", "")
        try:
            if frame.headers.get("destination") != SEARCH:
                raise InvalidRequest
            body = search(frame.headers.get("selector", ""), self._feed.instruments, self._feed.stamp(now))
        except InvalidRequest:
            self._error("gateway.invalidrequest", frame)
        else:
            self._answer("REPLY", {"request-id": request_id, "content-type": CONTENT_TYPE}, body)

    def _send(self, frame: Frame, now: float) -> None:
        self._error("gateway.notimplemented", frame)

    def _unknown(self, frame: Frame, now: float) -> None:
        self._error("gateway.invalidrequest", frame)

    def _receipt(self, frame: Frame) -> None:
        if "receipt" in frame.headers:
            self._answer("RECEIPT", {"receipt-id": frame.headers["receipt"]})

    def _error(self, message: str, frame: Frame, *, names_subscription: bool = True) -> None:
        headers = {"message": message}
        if "id" in frame.headers and frame.command == "REQUEST":
            headers["request-id"] = frame.headers["id"]
        elif "id" in frame.headers and names_subscription:
            headers["subscription"] = frame.headers["id"]
        if "receipt" in frame.headers:
            headers["receipt-id"] = frame.headers["receipt"]
        self._answer("ERROR", headers)

    def _answer(self, command: str, headers: dict[str, str], body: bytes = b"") -> None:
        self._outbox.answer(stomp.build(command, headers, body))


def _is_account(headers: dict[str, str]) -> bool:
    passcode = ACCOUNTS.get((headers.get("domain", ""), headers.get("login", "")))
    return passcode is not None and compare_digest(passcode.encode(), headers.get("passcode", "").encode())
