"""How old something is, in text, in colour, and by a mark for whoever sees no colours. Pure."""

from typing import NamedTuple

from display.board import Board
from display.now import Now, age_text
from display.views.palette import Palette, Role
from display.views.text import Span
from shared.market import Market
from shared.quotes import Phase, Quote
from shared.session import SessionState

GUEST_DELAY_S = 900.0
"""Guest data is delayed by 15 minutes, as the exchange says: so much of the age by its clock is no fault."""

AGE_WIDTH = 7
UNKNOWN = "N/A"


class Ages(NamedTuple):
    """The limits and circumstances by which all ages of one frame are judged.

    `is_resting` when the exchange as a whole is in no continuous trading, which speaks for the instruments that do not
    say themselves; `delay_s` is how much later than the exchange we hear of everything.
    """

    now: Now
    fresh_s: float
    stale_s: float
    is_resting: bool
    delay_s: float
    palette: Palette

    @classmethod
    def of(cls, market: Market, board: Board, now: Now, palette: Palette) -> "Ages":
        is_resting = board.session not in (SessionState.OPEN, SessionState.UNKNOWN)
        delay_s = GUEST_DELAY_S if market.totals.is_delayed else 0.0
        return cls(now, board.settings.fresh_s, board.settings.stale_s, is_resting, delay_s, palette)

    def role(self, age_s: float, quote: Quote) -> Role:
        """Fresh, aging or stale; quiet in place of the last two while the instrument cannot be expected to trade."""
        if age_s < self.fresh_s:
            return Role.FRESH
        if quote.is_silence_expected or (self.is_resting and quote.phase is Phase.UNKNOWN):
            return Role.QUIET
        return Role.AGING if age_s < self.stale_s else Role.STALE

    def price_role(self, role: Role, at: float | None) -> Role:
        """`role`, but quiet for a price that is old itself, however new the other ones of its ticker are."""
        return role if at is None or self.now.age_s(at) < self.stale_s else Role.QUIET

    def span(self, age_s: float, quote: Quote) -> Span:
        """The text and the mark."""
        role = self.role(age_s, quote)
        return Span(f"{age_text(age_s)} {self.mark(role)}", role)

    def received(self, quote: Quote) -> Span:
        """Since the receipt of the newest message of any stream."""
        at = quote.received_at
        return Span(UNKNOWN) if at is None else self.span(self.now.age_s(at), quote)

    def by_exchange(self, quote: Quote) -> Span:
        """By the exchange's own clock: 0 when it is ahead of ours. The known delay of a guest is no sign of age."""
        sent_ms = quote.exchange_ms
        if sent_ms is None:
            return Span(UNKNOWN)
        age_s = max(0.0, self.now.wall.timestamp() - sent_ms / 1000)
        return Span(age_text(age_s), self.role(max(0.0, age_s - self.delay_s), quote))

    def mark(self, role: Role) -> str:
        glyphs = self.palette.glyphs
        marks = {Role.FRESH: glyphs.fresh, Role.AGING: glyphs.aging, Role.STALE: glyphs.stale}
        return marks.get(role, glyphs.quiet)
