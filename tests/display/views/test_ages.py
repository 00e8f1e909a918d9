from datetime import timedelta

import pytest

from display.views.ages import Ages
from display.views.palette import ASCII, COLOURLESS, UNICODE, Glyphs, Role
from display.views.text import Span
from shared.market import Market
from shared.quotes import Price, Quote, Stamp
from tests.display.samples import NOW, board_of, market, quote

NOW_MS = NOW.wall.timestamp() * 1000


def ages(of: Market | None = None, glyphs: Glyphs = UNICODE) -> Ages:
    shown = of or market()
    return Ages.of(shown, board_of(shown), NOW, COLOURLESS._replace(glyphs=glyphs))


def sent(age_s: float) -> Quote:
    one = quote("SBER")
    one.fields_stamp = Stamp(NOW_MS - age_s * 1000, 1)
    return one


@pytest.mark.parametrize(
    ("age_s", "status", "role"),
    [
        (4.9, "T", Role.FRESH),
        (5.1, "T", Role.AGING),
        (29.9, "T", Role.AGING),
        (30.1, "T", Role.STALE),
        (30.1, "N", Role.QUIET),
        (6.0, "C", Role.QUIET),
        (99.0, "S", Role.QUIET),
        (1.0, "N", Role.FRESH),
    ],
)
def test_old_is_told_by_limits_and_is_no_fault_where_nothing_is_traded(age_s: float, status: str, role: Role) -> None:
    assert ages().received(quote("SBER", age_s=age_s, status=status)).role is role


def test_an_old_price_is_grey_however_new_the_other_ones_of_its_ticker_are() -> None:
    old = quote("SBER", bid=Price(1, 0), age_s=31)
    assert ages().price_role(Role.BID, old.prices_at) is Role.QUIET
    assert ages().price_role(Role.BID, NOW.monotonic - 29) is Role.BID


def test_when_the_exchange_is_closed_no_old_quote_is_an_alarm() -> None:
    shown = market()
    shown.totals.is_exchange_open = False
    unknown = quote("SBER", age_s=4000, status="")
    assert ages(shown).received(unknown).role is Role.QUIET
    assert ages(market()).received(unknown).role is Role.STALE


@pytest.mark.parametrize("status", ["N", "B", "S"])
def test_what_most_instruments_do_speaks_for_those_that_do_not_say_and_for_no_other(status: str) -> None:
    found = ages(market([quote(ticker, status=status) for ticker in ("GAZP", "LKOH", "VTBR")]))
    assert found.received(quote("SBER", age_s=4000, status="")).role is Role.QUIET
    assert found.received(quote("SBER", age_s=4000, status="T")).role is Role.STALE


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_each_state_has_a_mark_of_its_own_for_whoever_sees_no_colours(glyphs: Glyphs) -> None:
    found = ages(glyphs=glyphs)
    texts = [
        found.received(quote("SBER", age_s=a, status=s)).text for a, s in ((1, "T"), (9, "T"), (99, "T"), (99, "N"))
    ]
    assert len({text[-1] for text in texts}) == 4


def test_a_quote_of_which_nothing_came_has_no_age() -> None:
    assert ages().received(Quote("SBER")) == ages().by_exchange(Quote("SBER")) == Span("N/A")


def test_the_age_by_the_exchange_s_clock_is_since_it_sent_the_newest_message() -> None:
    assert ages().by_exchange(sent(12.0)) == Span("12s", Role.AGING)


def test_an_exchange_whose_clock_is_ahead_sends_nothing_from_the_future() -> None:
    assert ages().by_exchange(sent(-60.0)) == Span("0.0s", Role.FRESH)


def test_the_delay_of_the_guest_login_is_shown_and_is_no_alarm() -> None:
    guest = market(is_guest=True)
    assert ages(guest).by_exchange(sent(902.0)) == Span("15m", Role.FRESH)
    assert ages(guest).by_exchange(sent(935.0)).role is Role.STALE
    assert ages().by_exchange(sent(902.0)).role is Role.STALE


def test_a_simulated_exchange_is_not_delayed() -> None:
    assert ages(market(is_guest=True, is_simulated=True)).by_exchange(sent(902.0)).role is Role.STALE


def test_a_wall_clock_that_is_set_changes_no_age_of_receipt() -> None:
    moved = Ages.of(market(), board_of(market()), NOW._replace(wall=NOW.wall + timedelta(hours=3)), COLOURLESS)
    assert moved.received(quote("SBER", age_s=2)) == ages().received(quote("SBER", age_s=2))
