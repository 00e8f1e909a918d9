"""Keys -> the keys that a person pressed, without the reports and answers of a terminal that nobody asked for. Pure.

A mouse that another program left switched on, an answer to a question of the program before, the marks of a pasted
text: blessed takes them for a key each character, and digits and letters are keys here.
"""

from collections.abc import Iterator, Sequence

CONTROL_SEQUENCE = "CSI"
OLD_MOUSE, OLD_MOUSE_BYTES = "M", 3
STRINGS = frozenset({"KEY_ALT_]", "KEY_ALT_SHIFT_P", "KEY_ALT__", "KEY_ALT_^", "KEY_ALT_SHIFT_X"})
"""What begins an OSC, DCS, APC, PM or SOS; alone it is such a key with Alt."""

STRING_ENDS = frozenset({"KEY_ALT_\\", "KEY_CTRL_G"})


def typed(keys: Sequence[str]) -> list[str]:
    """The keys of one read, as `screen` names them, without such sequences."""
    return list(_typed(keys))


def _typed(keys: Sequence[str]) -> Iterator[str]:
    at = 0
    while at < len(keys):
        if keys[at] == CONTROL_SEQUENCE:
            at = _after_control_sequence(keys, at + 1)
        elif keys[at] in STRINGS:
            at = _after_string(keys, at + 1)
        else:
            yield keys[at]
            at += 1


def _after_control_sequence(keys: Sequence[str], start: int) -> int:
    """Past its parameters and its final character, as far as those have come."""
    if keys[start : start + 1] == [OLD_MOUSE]:
        return start + 1 + OLD_MOUSE_BYTES
    end = start
    while end < len(keys) and len(keys[end]) == 1 and " " <= keys[end] <= "?":
        end += 1
    is_final = end < len(keys) and len(keys[end]) == 1 and "@" <= keys[end] <= "~"
    return end + 1 if is_final else end


def _after_string(keys: Sequence[str], start: int) -> int:
    """Past its end; one that has none was a key."""
    return next((at + 1 for at in range(start, len(keys)) if keys[at] in STRING_ENDS), start)
