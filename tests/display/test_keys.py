import pytest

from display.keys import BINDINGS, Action, action_of, footer_items


@pytest.mark.parametrize("key", ["q", "Q", "й"])
def test_q_quits_in_either_case_and_in_the_russian_layout(key: str) -> None:
    assert action_of(key) is Action.QUIT


@pytest.mark.parametrize("key", ["", "x", "KEY_F7"])
def test_a_key_that_is_not_in_the_table_does_nothing(key: str) -> None:
    assert action_of(key) is None


def test_no_key_is_bound_twice() -> None:
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(keys) == len(set(keys))


def test_every_action_has_one_binding() -> None:
    assert sorted(binding.action.value for binding in BINDINGS) == sorted(action.value for action in Action)


def test_every_binding_says_what_it_does() -> None:
    assert all(binding.shown and binding.help and binding.section for binding in BINDINGS)


def test_the_footer_names_the_way_out_first() -> None:
    assert footer_items(is_list=False)[0] == ("q", "quit")
    assert ("?", "help") in footer_items(is_list=False)
