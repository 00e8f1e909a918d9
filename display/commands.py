"""What a key does: to the board, and to the world outside it. Pure."""

from enum import Enum

from display.board import FAVOURITES, Board, View
from display.keys import Action, action_of, is_for_quotes
from display.order import Sorting, SortKey
from display.sequences import Pasted

_SORTS = {
    Action.SORT_ACTIVITY: SortKey.ACTIVITY,
    Action.SORT_TICKER: SortKey.TICKER,
    Action.SORT_LAST: SortKey.LAST,
    Action.SORT_CHANGE: SortKey.CHANGE,
    Action.SORT_VOLUME: SortKey.VOLUME,
    Action.SORT_UPDATES: SortKey.UPDATES,
    Action.SORT_AGE: SortKey.AGE,
}
_VIEWS = {
    Action.TABLE: View.TABLE,
    Action.CONNECTIONS: View.CONNECTIONS,
    Action.EVENTS: View.EVENTS,
    Action.CANDLES: View.CANDLES,
}
_MOVES = {Action.UP: -1, Action.DOWN: 1}
_PAGES = {Action.PAGE_UP: -1, Action.PAGE_DOWN: 1}
LONGEST_FILTER = 60
FOR_QUOTES = "this key is for quotes: 1 shows them"
BACKSPACES = frozenset({"KEY_BACKSPACE", "KEY_DELETE", "\x7f", "\b"})


class Effect(Enum):
    """What is left to do for whoever called."""

    QUIT = "quit"
    COPY = "copy the selected ticker"
    REMEMBER = "keep what was chosen for the next start"


def press(board: Board, key: str, at: float) -> Effect | None:
    """Do what `key`, as `screen` names it, asks for; `at` is monotonic. One that was pasted can be text only."""
    if isinstance(key, Pasted):
        if board.is_typing:
            _write(board, key, at)
        return None
    board.pressed(at)
    if board.is_typing:
        _type(board, key, at)
        return None
    action = action_of(key)
    if board.is_helping:
        board.is_helping = False  # any key leaves the help
        if action in (Action.HELP, Action.BACK, Action.DETAIL):
            return None
    return None if action is None else _do(board, action, at)


def _type(board: Board, key: str, at: float) -> None:
    """A key of the filter's text."""
    action = action_of(key)
    if action is Action.DETAIL:
        board.is_typing = False
    elif action is Action.BACK:
        board.is_typing = False
        board.filter_by("", at)
    elif key in BACKSPACES:
        board.filter_by(board.filter_text[:-1], at)
    else:
        _write(board, key, at)


def _write(board: Board, key: str, at: float) -> None:
    if len(key) == 1 and key.isprintable() and len(board.filter_text) < LONGEST_FILTER:
        board.filter_by(board.filter_text + key, at)


def _do(board: Board, action: Action, at: float) -> Effect | None:
    if board.is_list and is_for_quotes(action):
        board.notice = FOR_QUOTES
        return None
    if action in _SORTS:
        sorting = Sorting.by(_SORTS[action])
        board.sort(board.sorting.reversed() if board.sorting == sorting else sorting, at)
        return Effect.REMEMBER
    if action in _VIEWS:
        board.view, board.is_detailed = _VIEWS[action], False
        return Effect.REMEMBER
    if action in _MOVES:
        board.move(_MOVES[action])
    elif action in _PAGES:
        board.move_page(_PAGES[action])
    elif action in (Action.FIRST, Action.LAST):
        board.move_to_end(is_first=action is Action.FIRST)
    else:
        return _do_else(board, action, at)
    return None


def _do_else(board: Board, action: Action, at: float) -> Effect | None:
    match action:
        case Action.QUIT:
            board.is_quitting = True
            return Effect.QUIT
        case Action.NEXT_SORT:
            board.sort(board.sorting.next(), at)
            return Effect.REMEMBER
        case Action.REVERSE_SORT:
            board.sort(board.sorting.reversed(), at)
            return Effect.REMEMBER
        case Action.FAVOURITE:
            board.select_first()
            board.toggle_favourite(at)
            return Effect.REMEMBER
        case Action.COPY:
            board.select_first()
            board.notice = f"copied {board.selected}" if board.selected else ""
            return Effect.COPY if board.selected else None
        case Action.DETAIL:
            board.select_first()
            board.is_detailed = not board.is_detailed and board.selected is not None
            board.detail_page = 0
        case Action.BACK:
            return _go_back(board, at)
        case Action.FILTER:
            board.is_typing = True
        case Action.FREEZE:
            board.is_frozen = not board.is_frozen
            if not board.is_frozen:
                board.arrange(at)
        case Action.NEXT_GROUP:
            groups = board.groups
            board.show_group(groups[(groups.index(board.group) + 1) % len(groups)], at)
            if board.group == FAVOURITES and not board.favourites:
                board.notice = "no favourites yet: * marks one"
        case Action.FASTER | Action.SLOWER:
            board.change_refresh(-1 if action is Action.FASTER else 1)
            board.notice = f"refresh every {board.refresh_s:g} s"
        case Action.HELP:
            board.is_helping = True
    return None


def _go_back(board: Board, at: float) -> Effect | None:
    """One step: out of a list or the detail, else out of the filter, else out of the selection."""
    if board.is_list:
        board.view = View.TABLE
        return Effect.REMEMBER
    if board.is_detailed:
        board.is_detailed = False
    elif board.filter_text:
        board.filter_by("", at)
    else:
        board.selected = None
    return None
