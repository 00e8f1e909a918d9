"""Which key does what. The one table drives the program, its footer and its help page. Pure."""

from enum import Enum
from typing import NamedTuple


class Action(Enum):
    """What a key asks for; the value is what the help page calls it where there is little room."""

    UP = "up"
    DOWN = "down"
    PAGE_UP = "pgup"
    PAGE_DOWN = "pgdn"
    FIRST = "home"
    LAST = "end"
    DETAIL = "detail"
    BACK = "back"
    FILTER = "filter"
    FREEZE = "freeze"
    FAVOURITE = "favourite"
    NEXT_GROUP = "next group"
    NEXT_SORT = "next sort"
    REVERSE_SORT = "reverse sort"
    SORT_ACTIVITY = "sort by activity"
    SORT_TICKER = "sort by ticker"
    SORT_LAST = "sort by last"
    SORT_CHANGE = "sort by change"
    SORT_VOLUME = "sort by volume"
    SORT_UPDATES = "sort by updates"
    SORT_AGE = "sort by age"
    TABLE = "table"
    CONNECTIONS = "connections"
    EVENTS = "events"
    CANDLES = "candles"
    FASTER = "faster"
    SLOWER = "slower"
    COPY = "copy"
    HELP = "help"
    QUIT = "quit"


class Binding(NamedTuple):
    """`keys` as `screen` names them; `shown` is how people are told of them, `help` what happens.

    `footer` is the short text for the line under the table, empty when it is not named there. Bindings with the same
    `section` stand together on the help page.
    """

    keys: tuple[str, ...]
    action: Action
    section: str
    shown: str
    help: str
    footer: str = ""


MOVING, LOOKING, SORTING, VIEWS, PROGRAM = "Move", "Look", "Sort", "Views", "Program"

BINDINGS = (
    Binding(("KEY_UP", "k", "л"), Action.UP, MOVING, "Up k", "the row above"),
    Binding(("KEY_DOWN", "j", "о"), Action.DOWN, MOVING, "Down j", "the row below"),
    Binding(("KEY_PGUP",), Action.PAGE_UP, MOVING, "PgUp", "a page up"),
    Binding(("KEY_PGDOWN",), Action.PAGE_DOWN, MOVING, "PgDn", "a page down"),
    Binding(("KEY_HOME",), Action.FIRST, MOVING, "Home", "the first row"),
    Binding(("KEY_END",), Action.LAST, MOVING, "End", "the last row"),
    Binding(("KEY_ENTER", "\n", "\r"), Action.DETAIL, LOOKING, "Enter", "all that is known of a ticker", "detail"),
    Binding(("KEY_ESCAPE",), Action.BACK, LOOKING, "Esc", "back; clears filter and selection"),
    Binding(("/", "."), Action.FILTER, LOOKING, "/", "filter: text, !text, age>30, vol>1e6, chg<-2", "filter"),
    Binding((" ",), Action.FREEZE, LOOKING, "Space", "freeze rows and order, values go on", "freeze"),
    Binding(("*",), Action.FAVOURITE, LOOKING, "*", "mark or unmark a favourite"),
    Binding(("KEY_TAB", "\t"), Action.NEXT_GROUP, LOOKING, "Tab", "all, favourites, groups of config.toml"),
    Binding(("c", "с"), Action.COPY, LOOKING, "c", "copy the ticker"),
    Binding(("s", "ы"), Action.NEXT_SORT, SORTING, "s", "next column", "sort"),
    Binding(("S", "Ы"), Action.REVERSE_SORT, SORTING, "S", "other direction"),
    Binding(("r", "к"), Action.SORT_ACTIVITY, SORTING, "r", "activity: updates of late"),
    Binding(("t", "е"), Action.SORT_TICKER, SORTING, "t", "ticker"),
    Binding(("l", "д"), Action.SORT_LAST, SORTING, "l", "last price"),
    Binding(("g", "п", "%"), Action.SORT_CHANGE, SORTING, "g", "change in percent"),
    Binding(("v", "м"), Action.SORT_VOLUME, SORTING, "v", "volume"),
    Binding(("u", "г"), Action.SORT_UPDATES, SORTING, "u", "updates"),
    Binding(("a", "ф"), Action.SORT_AGE, SORTING, "a", "age"),
    Binding(("1",), Action.TABLE, VIEWS, "1", "quotes"),
    Binding(("2",), Action.CONNECTIONS, VIEWS, "2", "connections"),
    Binding(("3",), Action.EVENTS, VIEWS, "3", "events"),
    Binding(("4",), Action.CANDLES, VIEWS, "4", "candles, when they are subscribed"),
    Binding(("?", "h", "р", "KEY_F1"), Action.HELP, PROGRAM, "? h", "this page; any key leaves it", "help"),
    Binding(("+", "="), Action.FASTER, PROGRAM, "+", "refresh more often"),
    Binding(("-", "_"), Action.SLOWER, PROGRAM, "-", "refresh less often"),
    Binding(("q", "Q", "й", "Й"), Action.QUIT, PROGRAM, "q", "quit, as Ctrl+C does", "quit"),
)
"""The Russian letters sit on the same keys, for whoever has that layout switched on."""

_FOR_QUOTES = frozenset(
    binding.action
    for binding in BINDINGS
    if binding.section in (LOOKING, SORTING) and binding.action is not Action.BACK
)
_ACTIONS = {key: binding.action for binding in BINDINGS for key in binding.keys}


def action_of(key: str) -> Action | None:
    """What `key` asks for; None when it is bound to nothing."""
    return _ACTIONS.get(key)


def is_for_quotes(action: Action) -> bool:
    """Whether it means nothing where connections or events are shown."""
    return action in _FOR_QUOTES


def footer_items(*, is_list: bool) -> list[tuple[str, str]]:
    """The keys that the footer names: (how the key is called, what it does in one word), the way out first.

    `is_list`: connections or events are shown.
    """
    named = [
        binding for binding in reversed(BINDINGS) if binding.footer and not (is_list and is_for_quotes(binding.action))
    ]
    back = [("Esc", "quotes")] if is_list else []
    return [*((binding.shown.split()[0], binding.footer) for binding in named), *back]
