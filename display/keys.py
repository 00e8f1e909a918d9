"""Which key does what. The one table drives the program and its help text. Pure."""

from enum import Enum
from typing import NamedTuple


class Action(Enum):
    """What a key asks for."""

    QUIT = "quit"


class Binding(NamedTuple):
    """`keys` as `screen` names them, the first one is shown to people; `help` says what happens in a few words."""

    keys: tuple[str, ...]
    action: Action
    help: str


BINDINGS = (Binding(("q", "Q", "й", "Й"), Action.QUIT, "quit"),)
"""The Russian letters sit on the same keys, for whoever has that layout switched on."""

_ACTIONS = {key: binding.action for binding in BINDINGS for key in binding.keys}


def action_of(key: str) -> Action | None:
    """What `key` asks for; None when it is bound to nothing."""
    return _ACTIONS.get(key)


def help_items() -> list[str]:
    """One short text for each binding: `q quit`."""
    return [f"{binding.keys[0]} {binding.help}" for binding in BINDINGS]
