"""Samples are told by the function that ran, and waiting is no work."""

from bench.profile import shares

STACKS = [
    "thread (7): MainThread;main (run.py:5);take (a.py:10) 6",
    "thread (7): MainThread;main (run.py:5);take (a.py:12) 2",
    "thread (7): MainThread;main (run.py:5) 2",
    "thread (7): MainThread;run (a.py:1);Condition.wait (threading.py:331) 90",
    "thread (8): drain-1 5",
]


def test_lines_of_one_function_are_one_share_of_what_does_not_wait() -> None:
    assert shares(STACKS) == [" 80.0 %  take (a.py)", " 20.0 %  main (run.py)"]


def test_no_samples_are_no_shares() -> None:
    assert shares([]) == []
