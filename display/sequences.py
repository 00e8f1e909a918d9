"""Keys -> the keys that a person pressed, without the reports and answers of a terminal that nobody asked for. Pure.

A mouse that another program left switched on, an answer to a question of the program before, the marks of a pasted
text: blessed takes them for a key each character, and digits and letters are keys here.
"""

from collections.abc import Iterator, Sequence

CONTROL_SEQUENCE = "CSI"
PASTE_BEGINS, PASTE_ENDS = [*"200~"], [*"201~"]
OLD_MOUSE, OLD_MOUSE_BYTES = "M", 3
STRINGS = frozenset({"KEY_ALT_]", "KEY_ALT_SHIFT_P", "KEY_ALT__", "KEY_ALT_^", "KEY_ALT_SHIFT_X"})
"""What begins an OSC, DCS, APC, PM or SOS; alone it is such a key with Alt."""

STRING_ENDS = frozenset({"KEY_ALT_\\", "KEY_CTRL_G"})
GIVES_UP = "KEY_ESCAPE"
"""Ends a paste whose end mark went astray: terminals let no such key into what they paste."""


class Pasted(str):
    """A key of a text that was pasted, which nobody pressed."""

    __slots__ = ()


class Typing:
    """What is typed, one read after the other: a paste, and the sequence of one, may be spread over several."""

    def __init__(self) -> None:
        self._is_pasting = False
        self._unfinished: Sequence[str] = ()

    def typed(self, keys: Sequence[str]) -> list[str]:
        """The keys of one read, as `screen` names them, without such sequences; those of a paste are `Pasted`."""
        return list(self._typed([*self._unfinished, *keys]))

    def _typed(self, keys: Sequence[str]) -> Iterator[str]:
        self._unfinished = ()
        at = 0
        while at < len(keys):
            if keys[at] == CONTROL_SEQUENCE:
                at = self._after_control_sequence(keys, at)
                continue
            if self._is_pasting:
                if keys[at] == GIVES_UP:
                    self._is_pasting = False
                else:
                    yield Pasted(keys[at])
            elif keys[at] in STRINGS:
                at = _after_string(keys, at + 1)
                continue
            else:
                yield keys[at]
            at += 1

    def _after_control_sequence(self, keys: Sequence[str], start: int) -> int:
        """Past its parameters and its final character; one that is not whole yet is kept for the next read."""
        if keys[start + 1 : start + 2] == [OLD_MOUSE]:
            return start + 2 + OLD_MOUSE_BYTES
        end = start + 1
        while end < len(keys) and len(keys[end]) == 1 and " " <= keys[end] <= "?":
            end += 1
        if end == len(keys):
            self._unfinished = keys[start:]
            return end
        if not (len(keys[end]) == 1 and "@" <= keys[end] <= "~"):
            return end
        if keys[start + 1 : end + 1] in (PASTE_BEGINS, PASTE_ENDS):
            self._is_pasting = keys[start + 1 : end + 1] == PASTE_BEGINS
        return end + 1


def _after_string(keys: Sequence[str], start: int) -> int:
    """Past its end; one that has none was a key."""
    return next((at + 1 for at in range(start, len(keys)) if keys[at] in STRING_ENDS), start)
