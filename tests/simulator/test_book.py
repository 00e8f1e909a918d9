"""What always holds for an order book, tried over many seeds and moves."""

from random import Random

import pytest

from simulator.book import MAX_LEVELS, MIN_LEVELS, Book

STEP = 5


def new_book(seed: int, gap: int = 2) -> Book:
    return Book(last=10_000, step=STEP, gap=gap, typical_lots=50, random=Random(seed))


def assert_is_sound(book: Book) -> None:
    assert book.bids.best < book.asks.best
    for side in (book.bids, book.asks):
        assert MIN_LEVELS <= len(side.prices) <= MAX_LEVELS
        assert all(price > 0 and price % STEP == 0 for price in side.prices)
        assert all(lots > 0 for lots in side.lots)
        assert side.prices == sorted(set(side.prices), reverse=side.outward < 0)
        assert side.depth == sum(side.lots)


@pytest.mark.parametrize("seed", range(20))
def test_a_book_is_sound_after_whatever_happens(seed: int) -> None:
    book, random = new_book(seed, gap=1 + seed % 5), Random(seed)
    assert_is_sound(book)
    for _ in range(500):
        act = random.randrange(3)
        if act == 0:
            book.resize_a_level()
        elif act == 1:
            book.move(random.choice((-1, 1)))
        else:
            book.take(random.choice((book.bids, book.asks)))
        assert_is_sound(book)


def test_the_first_book_has_the_last_price_as_its_best_bid_or_ask() -> None:
    assert all(10_000 in (new_book(seed).bids.best, new_book(seed).asks.best) for seed in range(20))


def test_orders_that_come_or_go_change_one_size_and_no_price() -> None:
    for seed in range(20):
        book = new_book(seed)
        prices = (list(book.bids.prices), list(book.asks.prices))
        lots = [*book.bids.lots, *book.asks.lots]
        book.resize_a_level()
        assert (book.bids.prices, book.asks.prices) == prices
        assert sum(old != new for old, new in zip(lots, [*book.bids.lots, *book.asks.lots], strict=True)) == 1


@pytest.mark.parametrize("direction", [-1, 1])
def test_a_book_that_keeps_moving_goes_where_it_is_moved(direction: int) -> None:
    book = new_book(1)
    for _ in range(200):
        book.move(direction)
    assert (book.bids.best - 10_000) * direction > 0
    assert (book.asks.best - 10_000) * direction > 0


def test_a_spread_does_not_grow_without_end() -> None:
    book, random = new_book(1, gap=1), Random(1)
    widest = 0
    for _ in range(5000):
        book.move(random.choice((-1, 1)))
        widest = max(widest, book.asks.best - book.bids.best)
    assert widest <= 12 * STEP


def test_a_trade_takes_lots_from_the_best_level() -> None:
    for seed in range(20):
        book = new_book(seed)
        price, available = book.asks.best, book.asks.lots[0]
        depth = book.asks.depth
        traded, lots = book.take(book.asks)
        assert traded == price
        assert 0 < lots <= available
        if lots < available:
            assert (book.asks.best, book.asks.depth) == (price, depth - lots)
        else:
            assert book.asks.best > price
