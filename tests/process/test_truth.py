"""What the program counted and shows is what an independent exchange sent, to the last message."""

from tests.fakes.gateway import GatewayProcess
from tests.fakes.ledger import Ledger
from tests.process.conftest import Start
from tests.process.program import wait_for

SUBSCRIPTIONS = 30 * 50 * 2


def feed(gateway: GatewayProcess, rate: float, frames: int) -> Ledger:
    """Let it send that many frames more, and wait until all of them are on their way."""
    before = gateway.ledger().frames_sent
    gateway.start(rate)
    gateway.wait_until(lambda ledger: ledger.frames_sent >= before + frames, within_s=60)
    return gateway.quiet()


def test_every_quote_and_every_count_equals_what_was_sent(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    """The shipped settings: 30 connections, 1500 tickers, both streams, at 1,500 messages a second."""
    program = start(*at)
    gateway.wait_until(lambda ledger: ledger.subscriptions == SUBSCRIPTIONS, within_s=60)
    program.wait_for_log("is online", 30)
    sent = feed(gateway, rate=1500, frames=6000)
    assert program.stop() == 0

    summary = program.summary()
    assert sent.violations == []
    assert summary["messages"] == sent.frames_sent
    assert summary["updates"] == sent.frames_sent
    assert summary["connections"] == {"online": 30, "total": 30}
    assert summary["subscriptions"] == {"planned": SUBSCRIPTIONS, "confirmed": SUBSCRIPTIONS, "refused": 0}
    assert (summary["reconnects"], summary["worker_restarts"], summary["decode_errors"]) == (0, 0, 0)
    assert gateway.ledger().disconnect_frames == 30

    shown = {ticker: (q["bid"], q["ask"], q["last"], q["volume"]) for ticker, q in summary["quotes"].items()}
    truth = {ticker: (q.bid, q.ask, q.last, q.volume) for ticker, q in sent.quotes.items() if q.frames}
    assert shown == truth
    assert sum(q["updates"] for q in summary["quotes"].values()) == sent.frames_sent


def test_a_blast_is_conflated_and_counted_to_the_last_message(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = start(*at, "--workers", "2", "--connections", "4", "--tickers-per-connection", "20", "--seed", "1")
    gateway.wait_until(lambda ledger: ledger.subscriptions == 160, within_s=60)
    gateway.blast(20_000)
    sent = gateway.quiet()
    assert program.stop() == 0

    summary = program.summary()
    assert summary["messages"] == sent.frames_sent
    shown = {ticker: (q["bid"], q["ask"], q["last"], q["volume"]) for ticker, q in summary["quotes"].items()}
    assert shown == {t: (q.bid, q.ask, q.last, q.volume) for t, q in sent.quotes.items() if q.frames}


def test_unique_gives_every_ticker_to_exactly_one_connection(
    start: Start, gateway: GatewayProcess, at: tuple[str, ...]
) -> None:
    program = start(*at, "--selection", "unique", "--streams", "orderbooks")
    gateway.wait_until(lambda ledger: ledger.subscriptions == len(gateway.tickers), within_s=60)
    assert sorted(seen.ticker for seen in gateway.subscriptions()) == sorted(gateway.tickers)
    sizes = [seen.subscriptions for seen in gateway.ledger().connections.values()]
    assert max(sizes) - min(sizes) <= 1
    wait_for(lambda: program.log.count("is online") == 30, "all connections online")
    assert program.stop() == 0
