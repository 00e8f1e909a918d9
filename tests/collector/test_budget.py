"""How much may be said, on a clock of the test's own."""

from collector.budget import Budget


def spent(budget: Budget, now: float) -> int:
    """How many can be spent at once."""
    return next(count for count in range(1000) if not budget.spend(now))


def test_it_starts_full() -> None:
    assert spent(Budget(5, per_second=0.5), now=100) == 5


def test_it_may_be_empty_for_a_while() -> None:
    budget = Budget(5, per_second=0.5, empty_for_s=60)
    assert spent(budget, now=100) == 0
    assert spent(budget, now=159) == 0
    assert spent(budget, now=160) == 1
    assert spent(budget, now=1000) == 5


def test_it_fills_up_with_time_but_never_beyond_its_size() -> None:
    budget = Budget(5, per_second=0.5)
    assert spent(budget, now=0) == 5
    assert spent(budget, now=1.9) == 0
    assert spent(budget, now=2) == 1
    assert spent(budget, now=8.1) == 3
    assert spent(budget, now=1000) == 5
