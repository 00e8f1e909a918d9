"""Nothing that a server says can move a cursor, ring, or hide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.printable import printable

REPLACED = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "text", ["\x1b", "\x9b", "\x07", "\n", "\r", "\t", "\0", "\x7f", "\u202e", "\u200b", "\u2028", "\ud800"]
)
def test_what_a_terminal_could_obey_is_replaced(text: str) -> None:
    assert printable(f"a{text}b") == f"a{REPLACED}b"


@pytest.mark.parametrize("text", ["", "SBER", "Сбербанк ао", "a b", "€ ½ №", REPLACED])
def test_what_can_be_read_stays_as_it_is(text: str) -> None:
    assert printable(text) is text


def test_an_escape_sequence_loses_its_power_and_keeps_its_length() -> None:
    assert printable("\x1b[2J\x1b]52;c;aGk=\x07") == f"{REPLACED}[2J{REPLACED}]52;c;aGk={REPLACED}"


@given(st.text())
def test_the_result_is_always_printable_and_as_long(text: str) -> None:
    cleaned = printable(text)
    assert cleaned.isprintable()
    assert len(cleaned) == len(text)
    assert printable(cleaned) == cleaned
