"""What the gateway sends to one connection's subscriptions: messages become changes, answers are kept. Pure.

Part of the hot path. What concerns the connection itself is for `connection`.
"""

import logging
from collections.abc import Iterable, Mapping

from collector.bodies import BodyError, decode
from collector.framing import Message, Messages
from collector.issplus import Stream, Subscription
from collector.stamps import in_order_of_time
from shared.logs import OncePer
from shared.printable import printable
from shared.quotes import Quote
from shared.wire import Counters

SAMPLE_LENGTH = 200
TOLD_LENGTH = 200
"""Characters of a command or a reason that are told; the exchange may send 4,000."""

MISFIT_LOG_INTERVAL_S = 60.0
NO_MESSAGE = "ERROR without a message"

log = logging.getLogger(__name__)


class Intake:
    """Counts messages, updates, conflated and decode_errors in `counters`; `now` is monotonic seconds.

    Used by one thread at a time; `confirmed` and `refusals` may be asked by all.
    """

    def __init__(self, subscriptions: Iterable[Subscription], counters: Counters) -> None:
        self._subscriptions = {subscription.id.encode(): subscription for subscription in subscriptions}
        self._counters = counters
        self._confirmed: set[bytes] = set()
        self._refusals: dict[bytes, str] = {}
        self._misfit_log = OncePer(MISFIT_LOG_INTERVAL_S)

    @property
    def confirmed(self) -> int:
        """How many subscriptions the exchange serves, as it said or showed."""
        return len(self._confirmed)

    def refusals(self) -> list[tuple[Subscription, str]]:
        """What the exchange refused or ended, and its reason."""
        return [(self._subscriptions[key], reason) for key, reason in dict(self._refusals).items()]

    # ---- what happened to the connection

    def greeted(self) -> None:
        """Everything is asked for anew."""
        self._refusals.clear()

    def closed(self) -> None:
        """Nothing is served any more; what was refused stays so until the next greeting."""
        self._confirmed.clear()

    # ---- frames

    def takes_error(self, headers: Mapping[str, str]) -> bool:
        """Whether an ERROR is for `take_frame`: what names a subscription or a request concerns it alone, known or not.

        Any other ends the connection, as STOMP says.
        """
        return self._named(headers, "receipt-id") is not None or "subscription" in headers or "request-id" in headers

    def take_frame(self, command: str, headers: Mapping[str, str], now: float) -> None:
        """An answer about a subscription. Any other frame is a misfit."""
        match command:
            case "RECEIPT" if (key := self._named(headers, "receipt-id")) is not None:
                if key not in self._refusals:  # what was refused is served once a message shows it
                    self._confirmed.add(key)
            case "CLOSED" if (key := self._named(headers, "subscription")) is not None:
                self._refuse(key, headers.get("message", "closed by the exchange"))
            case "ERROR" if (key := self._named(headers, "subscription", "receipt-id")) is not None:
                self._refuse(key, headers.get("message", NO_MESSAGE))
            case _:
                self._counters.messages += command == "MESSAGE"
                self._misfit(f"unexpected {command[:TOLD_LENGTH]}", repr(dict(headers)), now)

    def _named(self, headers: Mapping[str, str], *names: str) -> bytes | None:
        """The subscription in the first of these headers that is there; None when that is not ours."""
        key = next((headers[name] for name in names if name in headers), "").encode()
        return key if key in self._subscriptions else None

    def _refuse(self, key: bytes, reason: str) -> None:
        self._confirmed.discard(key)
        self._refusals[key] = told(reason)

    # ---- messages

    def take(self, messages: Messages, now: float) -> list[Quote]:
        """What the messages of one read change: at most one record a subscription."""
        changes: list[Quote] = []
        for key, group in messages.items():
            self._counters.messages += len(group)
            subscription = self._subscriptions.get(key)
            if subscription is None:
                self._misfit("a subscription that is not ours", repr(key), now, len(group))
                continue
            if key not in self._confirmed:
                self._confirmed.add(key)
                self._refusals.pop(key, None)
            change = (
                self._newest(subscription, group, now)
                if subscription.stream is Stream.ORDERBOOKS
                else self._merged(subscription, group, now)
            )
            if change is not None:
                self._counters.updates += change.updates
                changes.append(change)
        return changes

    def _newest(self, subscription: Subscription, books: list[Message], now: float) -> Quote | None:
        """The newest order book that fits makes all older ones worthless: those are counted, not parsed.

        Which is the newest is told by the exchange's own time, and by the order of arrival where that is the same.
        """
        if len(books) > 1:
            books = in_order_of_time(books)
        for older in range(len(books) - 1, -1, -1):
            quote = self._decoded(subscription, books[older], now)
            if quote is not None:
                quote.updates += older
                self._counters.conflated += older
                return quote
        return None

    def _merged(self, subscription: Subscription, messages: list[Message], now: float) -> Quote | None:
        """Updates belong together: none is skipped."""
        merged: Quote | None = None
        for message in messages:
            quote = self._decoded(subscription, message, now)
            if merged is None:
                merged = quote
            elif quote is not None:
                merged.merge(quote)
        return merged

    def _decoded(self, subscription: Subscription, message: Message, now: float) -> Quote | None:
        data, start, end = message
        try:
            return decode(subscription, data[start:end], now)
        except BodyError as error:
            what = f"{subscription.destination} of {subscription.ticker}: {error}"
            self._misfit(what, data[start : min(end, start + SAMPLE_LENGTH)], now)
            return None

    def _misfit(self, what: str, sample: str | bytes, now: float, count: int = 1) -> None:
        """Count what does not fit the protocol, and log one sample a minute."""
        self._counters.decode_errors += count
        if (more := self._misfit_log.allows("misfit", now)) is not None:
            text = sample if isinstance(sample, str) else sample.decode(errors="replace")
            log.warning("%s%s; sample: %.200s", what, more, printable(text))


def told(text: str) -> str:
    """What the exchange said, as it is told to a person."""
    return printable(text[:TOLD_LENGTH])
