import pytest

from display.keys import BINDINGS, Action, action_of, help_items


@pytest.mark.parametrize("key", ["q", "Q", "й"])
def test_q_quits_in_either_case_and_in_the_russian_layout(key: str) -> None:
    assert action_of(key) is Action.QUIT


@pytest.mark.parametrize("key", ["", "x", "KEY_UP"])
def test_a_key_that_is_not_in_the_table_does_nothing(key: str) -> None:
    assert action_of(key) is None


def test_no_key_is_bound_twice() -> None:
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(keys) == len(set(keys))


def test_the_help_names_every_binding() -> None:
    assert help_items() == ["q quit"]
