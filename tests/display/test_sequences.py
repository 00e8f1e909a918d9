import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.keys import BINDINGS
from display.sequences import STRINGS, Pasted, Typing


def typed(keys: list[str]) -> list[str]:
    """What is typed by one read."""
    return Typing().typed(keys)


@pytest.mark.parametrize(
    "keys",
    [
        ["CSI", *"<35;44;12M"],
        ["CSI", *"<0;1;2m"],
        ["CSI", "M", " ", "4", "2"],
        ["CSI", *"?62;22c"],
        ["CSI", *"?2026;2$y"],
        ["CSI", "I"],
        ["KEY_ALT_]", *"11;rgb:0000/c3c3/0000", "KEY_ALT_\\"],
        ["KEY_ALT_]", *"10;rgb:ffff/ffff/ffff", "KEY_CTRL_G"],
        ["KEY_ALT_SHIFT_P", *"1$r0m", "KEY_ALT_\\"],
    ],
)
def test_what_the_terminal_reports_is_no_key(keys: list[str]) -> None:
    assert typed(["a", *keys, "q"]) == ["a", "q"]


PASTED = ["CSI", *"200~", *"sber", "KEY_ALT_]", "KEY_ENTER", "CSI", *"201~", "q"]


def told(keys: list[str]) -> list[tuple[str, bool]]:
    return [(key, isinstance(key, Pasted)) for key in keys]


WANTED = [*((key, True) for key in (*"sber", "KEY_ALT_]", "KEY_ENTER")), ("q", False)]


@pytest.mark.parametrize("cut", range(len(PASTED)))
def test_a_pasted_text_is_told_from_keys_wherever_it_is_cut_in_two(cut: int) -> None:
    typing = Typing()
    assert told(typing.typed(PASTED[:cut]) + typing.typed(PASTED[cut:])) == WANTED


def test_escape_ends_a_paste_whose_end_never_came() -> None:
    typing = Typing()
    typing.typed(["CSI", *"200~", *"sber"])
    assert told(typing.typed(["s", "KEY_ESCAPE", "q"])) == [("s", True), ("q", False)]


def test_what_only_begins_like_a_report_costs_no_more_than_that() -> None:
    assert typed(["KEY_ALT_]", "q"]) == ["q"]
    assert typed(["CSI", "1", "KEY_UP", "q"]) == ["KEY_UP", "q"]
    assert typed(["CSI"]) == typed(["CSI", "M"]) == []


@given(st.lists(st.sampled_from([key for binding in BINDINGS for key in binding.keys])))
def test_every_key_of_the_table_comes_through(keys: list[str]) -> None:
    assert typed(keys) == keys


@given(st.lists(st.sampled_from([*"<0;1Mmqc", "CSI", "KEY_UP", "KEY_ALT_\\", *sorted(STRINGS)])))
def test_nothing_is_added_or_moved(keys: list[str]) -> None:
    left = iter(keys)
    assert all(key in left for key in typed(keys))
