"""The list of shares that is shipped with the program: what the built-in exchange trades, and the last resort."""

from functools import cache
from importlib import resources

SHIPPED_BOARD = "TQBR"


@cache
def shipped_secids() -> tuple[str, ...]:
    """The SECIDs of board TQBR as ISS listed them on 2025-05-24, each once, in its order."""
    lines = (resources.files("shared") / "tqbr_secids.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))
