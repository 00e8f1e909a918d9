"""Text from outside, made safe for a terminal and a log."""


def printable(text: str) -> str:
    """`text` with every character that could move a cursor, ring or hide replaced by U+FFFD.

    Everything that the exchange or a server says passes through here once, where it is parsed. Stripping escape
    sequences would not do: clear-screen, OSC 52 and 8-bit CSI pass such filters.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
