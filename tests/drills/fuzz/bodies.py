"""What a body becomes on its whole way: decoded, passed on, merged, and told by an export."""

import msgspec

from collector.bodies import BodyError, decode
from collector.issplus import subscriptions
from display import export
from shared.market import Market
from shared.quotes import MOST_FIELDS, Price, Quote
from shared.wire import QuoteBatch, Totals, decode_picture, decode_upward, encode
from tests.display.samples import NOW

TICKER = "SBER"
SUBSCRIPTIONS = subscriptions([TICKER], ["orderbooks", "securities", "candles"], "TQBR")


def read_body(data: bytes) -> None:
    """The first byte chooses the stream."""
    subscription = SUBSCRIPTIONS[data[0] % len(SUBSCRIPTIONS)] if data else SUBSCRIPTIONS[0]
    try:
        quote = decode(subscription, data[1:], 1.0)
    except BodyError as error:
        assert len(str(error)) < 500
        return
    assert quote.updates == 1
    batch = decode_upward(encode(QuoteBatch(0, [quote])))
    assert isinstance(batch, QuoteBatch)
    check(batch.quotes[0])
    market = Market(Totals(started_at=0.0, connections=1, tickers_per_connection=1, gateway=""))
    for change in (Quote(TICKER), quote, batch.quotes[0]):
        market.apply(QuoteBatch(0, [change]), now_ms=1_769_064_680_123.0)
    check(market.quotes[TICKER])
    shown = Market(market.totals)
    shown.show(decode_picture(encode(market.packed_picture(since=-1))))
    assert shown.quotes == market.quotes
    for text in (export.as_line(market.quotes[TICKER], market.totals, NOW), export.as_table(market, NOW)):
        assert all(line.isprintable() for line in text.split("\n"))


def check(quote: Quote) -> None:
    """Whatever is shown of it can be shown."""
    assert quote.ticker == TICKER
    shown = [quote.bid, quote.ask, quote.last, quote.change, quote.volume, quote.exchange_ms, quote.has_prices]
    assert all(str(value).isprintable() for value in shown)
    assert all(value is None or isinstance(value, Price) for value in shown[:4])
    texts = [value for value in (quote.fields or {}).values() if isinstance(value, str)]
    assert all(text.isprintable() for text in texts)
    assert len(quote.fields or {}) <= MOST_FIELDS
    assert quote.candle is None or quote.candle.start.isprintable()
    msgspec.json.encode([None if price is None else price.value for price in (quote.bid, quote.ask, quote.last)])
