"""Board: what the person has chosen to see of a market, and the rows that follow from it. Pure."""

from enum import Enum
from typing import NamedTuple, TypeVar

from display.filters import EVERYTHING, parse_filter
from display.history import History
from display.memory import Remembered
from display.now import Now
from display.order import Sorting, SortKey, by_activity, by_ticker, sorted_by
from shared.market import Market
from shared.quotes import Quote
from shared.session import SessionState, session_of
from shared.settings import DisplaySettings

SETTLING_S = 15.0
"""For so long after the first picture rates are not yet what they will be, and rows go freely to where they belong."""

CALM_S = 3.0
"""After a key the order stays as it is for so long, so that nobody's row runs away."""

HUB_SILENT_AFTER_S = 5.0
REFRESHES_TO_MISS = 2
"""A hub is late when it let this many refreshes go by, and at least HUB_SILENT_AFTER_S."""

FAR = 1_000_000
"""More rows than any view has: whoever moves so far comes to its end."""

REFRESH_STEPS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
ALL, FAVOURITES = "all", "favourites"

_Kind = TypeVar("_Kind", bound=Enum)


class View(Enum):
    """What fills the screen between its header and its footer."""

    TABLE = "table"
    CONNECTIONS = "connections"
    EVENTS = "events"
    CANDLES = "candles"


class Row(NamedTuple):
    """One line of the table.

    `before` is the quote at the refresh before when it has changed since, else None. `direction` is 1 or -1 when LAST
    is above or below the trade before, 0 when that is unknown. `is_active` when there was an update since the refresh
    before.
    """

    quote: Quote
    before: Quote | None = None
    direction: int = 0
    is_active: bool = False
    is_selected: bool = False
    is_favourite: bool = False


class Board:
    """Used by one thread. `at` and `now` are monotonic seconds.

    `advanced_at` is the time of the newest picture, None before the first; `session` is what the exchange did then.
    What a person reads is public; it changes by the methods alone, which `commands` calls.
    """

    def __init__(self, settings: DisplaySettings, remembered: Remembered | None = None) -> None:
        self.settings = settings
        self.history = History()
        self.advanced_at: float | None = None
        self.session = SessionState.UNKNOWN
        self.is_quitting = False
        self.is_frozen = False
        self.is_detailed = False
        self.is_helping = False
        self.refresh_s = settings.refresh_s
        self.filter = EVERYTHING
        self.filter_text = ""
        self.is_typing = False
        self.selected: str | None = None
        self.group = ALL
        self.notice = ""
        self.detail_page = 0
        self.scrolled = dict.fromkeys(View, 0)
        self.listed = (range(0), 0)
        self.widths: dict[str, int] = {}
        kept = remembered or Remembered()
        self.view = _known(View, kept.view, View.TABLE)
        self.sorting = Sorting(_known(SortKey, kept.sort, SortKey.ACTIVITY), kept.is_descending)
        self.favourites: set[str] = set(kept.favourites)
        self._quotes: dict[str, Quote] = {}
        self._before: dict[str, Quote | None] = {}
        self._active_order: list[str] = []
        self._order: list[str] = []
        self._offset = 0
        self._page = 1
        self._pressed_at: float | None = None
        self._began_at: float | None = None

    # ---- what comes from the hub

    def advance(self, market: Market, at: float) -> None:
        """Take over what changed since the last call, once for each picture of the hub."""
        if self._began_at is None:
            self._began_at = at
            if self.view is View.CANDLES and "candles" not in market.totals.streams:
                self.view = View.TABLE  # it was remembered from a start that had them
        seen, self._before = self._quotes, {}
        for ticker, quote in market.quotes.items():
            known = seen.get(ticker)
            if known is not quote:
                self._before[ticker] = known
        self.history.take((market.quotes[ticker] for ticker in self._before), at)
        self.history.take_connections(market.connections.values(), at)
        self.session = session_of(market)
        self.advanced_at = at
        self._quotes = dict(market.quotes)
        if not self.is_frozen:
            is_calm = self._pressed_at is not None and at - self._pressed_at < CALM_S
            self._arrange(at, is_calm=is_calm, is_steady=at - self._began_at > SETTLING_S)

    def arrange(self, at: float) -> None:
        """Choose and order the rows at once, as the person has just asked for."""
        self._arrange(at, is_calm=False, is_steady=False)

    def _arrange(self, at: float, *, is_calm: bool, is_steady: bool) -> None:
        chosen = self._quotes
        if self.group != ALL or self.filter is not EVERYTHING:
            chosen = {ticker: quote for ticker, quote in chosen.items() if self._is_chosen(quote, at)}
        if is_calm:
            known = [ticker for ticker in self._order if ticker in chosen]
            self._order = known + sorted(chosen.keys() - set(known))
            return
        if self.sorting.key is SortKey.ACTIVITY:
            ranked = by_activity(self._active_order, chosen, self.history.score, is_steady=is_steady)
            self._active_order = ranked
            self._order = ranked if self.sorting.is_descending else ranked[::-1]
        elif self.sorting.key is SortKey.TICKER:
            self._order = by_ticker(chosen, is_descending=self.sorting.is_descending)
        else:
            self._order = sorted_by(self.sorting, chosen.values())

    def _is_chosen(self, quote: Quote, at: float) -> bool:
        if self.group == FAVOURITES:
            is_in_group = quote.ticker in self.favourites
        else:
            is_in_group = self.group == ALL or quote.ticker in self.settings.groups.get(self.group, ())
        return is_in_group and self.filter.matches(quote, at)

    def hub_silence_s(self, now: Now) -> float | None:
        """How long the hub has been silent; None while that is no longer than can be expected."""
        silence_s = 0.0 if self.advanced_at is None else now.age_s(self.advanced_at)
        return None if silence_s < max(HUB_SILENT_AFTER_S, REFRESHES_TO_MISS * self.refresh_s) else silence_s

    def as_of(self, now: Now) -> Now:
        """The moment by which connections are judged: that of the newest picture, unless the next one is late.

        With seconds between two refreshes, what the last one told would look like a feed that has fallen silent.
        """
        if self.advanced_at is None or self.hub_silence_s(now) is not None:
            return now
        return now._replace(monotonic=self.advanced_at)

    # ---- what the person has set

    def obey(self, settings: DisplaySettings, at: float) -> None:
        """Take over settings that were read anew. A refresh that a key chose stays, unless its setting has changed."""
        if settings.refresh_s != self.settings.refresh_s:
            self.refresh_s = settings.refresh_s
        self.settings = settings
        self.notice = ""
        if self.group not in self.groups:
            self.show_group(ALL, at)

    # ---- what is looked at

    @property
    def is_list(self) -> bool:
        """Whether connections or events are shown, for which no key counts that is about quotes."""
        return self.view in (View.CONNECTIONS, View.EVENTS) and not self.is_detailed

    @property
    def count(self) -> int:
        """Tickers that filter and group let through."""
        return len(self._order)

    @property
    def known(self) -> int:
        """All tickers that there are."""
        return len(self._quotes)

    @property
    def shown(self) -> range:
        """The places of the rows in the window, from 0; empty when there are none."""
        return range(self._offset, min(self._offset + self._page, len(self._order)))

    @property
    def row_selected(self) -> Row | None:
        quote = None if self.selected is None else self._quotes.get(self.selected)
        return None if quote is None else self._row(quote)

    def rows(self, limit: int) -> list[Row]:
        """The rows of a window of `limit` lines, or fewer where the settings say so: it moves with the selection."""
        self._page = max(1, min(limit, self.settings.rows))
        if limit <= 0:
            return []
        selected = self._index()
        if selected is not None:
            self._offset = min(max(self._offset, selected - self._page + 1), selected)
        self._offset = max(0, min(self._offset, len(self._order) - self._page))
        window = self._order[self._offset : self._offset + self._page]
        return [self._row(self._quotes[ticker]) for ticker in window if ticker in self._quotes]

    def _row(self, quote: Quote) -> Row:
        ticker = quote.ticker
        return Row(
            quote,
            self._before.get(ticker),
            self.history.direction(ticker),
            ticker in self._before,
            ticker == self.selected,
            ticker in self.favourites,
        )

    def _index(self) -> int | None:
        try:
            return None if self.selected is None else self._order.index(self.selected)
        except ValueError:
            return None

    # ---- what the person does

    def pressed(self, at: float) -> None:
        """A key was pressed: the order holds still for a while, and what was said about the last one is old."""
        self._pressed_at = at
        self.notice = ""

    def move(self, rows: int) -> None:
        """Select the row that many below (or above), and scroll the other views by as much."""
        if self.is_list:
            self.scrolled[self.view] = max(0, self.scrolled[self.view] + rows)
        else:
            self._select(self._index_or_edge(rows) + rows)

    def move_page(self, pages: int) -> None:
        """A window up or down; in the detail, to the next fields or back to the first."""
        if self.is_detailed:
            self.detail_page = max(0, self.detail_page + pages)
        else:
            self.move(pages * self._page)

    def move_to_end(self, *, is_first: bool) -> None:
        self.move(-FAR if is_first else FAR)

    def scroll(self, limit: int, lines: int) -> int:
        """Where the window of a list of `lines` lines begins, of which `limit` fit."""
        self._page = max(1, limit)
        first = self.scrolled[self.view] = max(0, min(self.scrolled[self.view], lines - limit))
        self.listed = range(first, min(first + max(0, limit), lines)), lines
        return first

    def _index_or_edge(self, rows: int) -> int:
        """Where moving starts: without a selection just outside the window, so that the first step enters it."""
        selected = self._index()
        if selected is not None:
            return selected
        return self._offset - 1 if rows > 0 else self._offset + self._page

    def _select(self, index: int) -> None:
        if self._order:
            self.selected = self._order[max(0, min(index, len(self._order) - 1))]
            self.detail_page = 0

    def select_first(self) -> None:
        """The first row of the window, unless one is selected."""
        if self._index() is None:
            self._select(self._offset)

    def sort(self, sorting: Sorting, at: float) -> None:
        self.sorting = sorting
        self.arrange(at)

    def show_group(self, group: str, at: float) -> None:
        self.group = group
        self._offset = 0
        self.arrange(at)

    @property
    def groups(self) -> list[str]:
        """What Tab goes through."""
        return [ALL, FAVOURITES, *self.settings.groups]

    def filter_by(self, text: str, at: float) -> None:
        """Show what fits `text`, as far as that is understood yet; what is not is told."""
        self.filter_text = text
        self.filter = parse_filter(text)
        self._offset = 0
        self.arrange(at)

    def toggle_favourite(self, at: float) -> None:
        if self.selected is not None:
            self.favourites ^= {self.selected}
            if self.group == FAVOURITES:
                self.arrange(at)

    def change_refresh(self, steps: int) -> None:
        """To the next faster (-1) or slower (1) interval."""
        later = [step for step in REFRESH_STEPS_S if step > self.refresh_s]
        earlier = [step for step in REFRESH_STEPS_S if step < self.refresh_s]
        if steps > 0 and later:
            self.refresh_s = later[0]
        elif steps < 0 and earlier:
            self.refresh_s = earlier[-1]

    @property
    def remembered(self) -> Remembered:
        """What the next start should begin with."""
        return Remembered(self.sorting.key.value, self.sorting.is_descending, sorted(self.favourites), self.view.value)


def _known(kind: type[_Kind], value: str, default: _Kind) -> _Kind:
    """The member of that value; `default` for one that an older or newer version may have written."""
    return next((member for member in kind if member.value == value), default)
