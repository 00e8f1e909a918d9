"""Who gets what: the market's changes as MESSAGE frames for those who subscribed. Pure: times are arguments.

The body of an event is built once and shared by all its subscribers.
"""

from simulator import bodies
from simulator.bodies import Stamp
from simulator.candles import Candle
from simulator.destinations import CANDLES, ORDERBOOKS, SECURITIES, Topic
from simulator.instruments import Instrument
from simulator.market import Change, Market
from simulator.moscow import stamp_text
from simulator.outbox import Subscription

CANDLES_EVERY_S = 5.0


class Feed:
    """The market and its subscribers."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._subscribers: dict[Topic, list[Subscription]] = {}
        self._candles_sent_at: dict[Topic, float] = {}
        self._seqnum = 0

    @property
    def subscriptions(self) -> int:
        return sum(map(len, self._subscribers.values()))

    @property
    def instruments(self) -> list[Instrument]:
        return [share.instrument for share in self.market.shares.values()]

    def stamp(self, now: float) -> Stamp:
        """The next number of this exchange, with the time."""
        self._seqnum += 1
        return Stamp(self._seqnum, now)

    def subscribe(self, subscription: Subscription, now: float) -> None:
        """Put the first snapshot into the subscription's outbox, and every change from now on."""
        subscription.outbox.message(subscription, self._snapshot(subscription, now))
        self._subscribers.setdefault(subscription.topic, []).append(subscription)
        if subscription.topic.stream == CANDLES:
            self._candles_sent_at.setdefault(subscription.topic, now)

    def unsubscribe(self, subscription: Subscription) -> None:
        """The counterpart of `subscribe`."""
        others = self._subscribers[subscription.topic]
        others.remove(subscription)
        subscription.outbox.missed.pop(subscription, None)
        if not others:
            del self._subscribers[subscription.topic]
            self._candles_sent_at.pop(subscription.topic, None)

    def advance(self, budget: float, now: float) -> float:
        """Let the market act until `budget` MESSAGE frames are spent; gives back what is left, negative when overdrawn.

        An event that nobody watches costs as much as one frame, so that this ends.
        """
        while budget >= 1:
            budget -= max(1, self._publish(self.market.step(now), now))
        return budget

    def send_candles(self, now: float) -> int:
        """Send the candles that changed in the last seconds and are due; the number of MESSAGE frames."""
        due = [topic for topic, sent_at in self._candles_sent_at.items() if now - sent_at >= CANDLES_EVERY_S]
        return sum(self._send_candles(topic, now) for topic in due)

    def catch_up(self, missed: dict[Subscription, set[str] | None], now: float) -> None:
        """Send what a client could not be sent before, as it is now."""
        for subscription, columns in missed.items():
            if columns is None:
                tail = self._snapshot(subscription, now)
            else:
                share = self.market.shares[subscription.topic.secid]
                tail = self._tail(bodies.security_updates(share, sorted(columns), self.stamp(now)))
            subscription.outbox.message(subscription, tail, columns)

    def _publish(self, change: Change, now: float) -> int:
        share, sent = change.share, 0
        secid = share.instrument.secid
        if books := self._subscribers.get(Topic(ORDERBOOKS, secid)):
            tail = self._tail(bodies.orderbook(share, self.stamp(now)))
            sent += sum(each.outbox.message(each, tail) for each in books)
        if change.columns and (securities := self._subscribers.get(Topic(SECURITIES, secid))):
            tail = self._tail(bodies.security_updates(share, change.columns, self.stamp(now)))
            sent += sum(each.outbox.message(each, tail, change.columns) for each in securities)
        return sent

    def _send_candles(self, topic: Topic, now: float) -> int:
        share, sent_at = self.market.shares[topic.secid], self._candles_sent_at[topic]
        if share.traded_at < sent_at:
            return 0
        self._candles_sent_at[topic] = now
        changed = [each for each in share.past_candles().latest(topic.interval, 2) if each.traded_at >= sent_at]
        sent = 0
        for candle in changed:
            tail = self._tail(bodies.candles(share.instrument, "updates", [candle], self.stamp(now)))
            sent += sum(each.outbox.message(each, tail) for each in self._subscribers[topic])
        return sent

    def _snapshot(self, subscription: Subscription, now: float) -> bytes:
        wanted = subscription.wanted
        share, stamp = self.market.shares[wanted.topic.secid], self.stamp(now)
        if wanted.topic.stream == ORDERBOOKS:
            return self._tail(bodies.orderbook(share, stamp))
        if wanted.topic.stream == SECURITIES:
            return self._tail(bodies.security_snapshot(share, wanted.language, stamp))
        rows = share.past_candles().latest(wanted.topic.interval)
        return self._tail(bodies.candles(share.instrument, "snapshot", _limited(rows, subscription), stamp))

    def _tail(self, body: bytes) -> bytes:
        return b"message-id:%d\ncontent-type:application/json\n\n%b\0" % (self._seqnum, body)


def _limited(rows: list[Candle], subscription: Subscription) -> list[Candle]:
    wanted = subscription.wanted
    if wanted.till is not None:
        rows = [row for row in rows if stamp_text(row.start) <= wanted.till]
    return rows[-wanted.quantity :]
