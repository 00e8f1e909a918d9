from tests.display.samples import board_of, market, quote


def tickers(rows: int, *updates: tuple[str, int]) -> list[str]:
    shown = market(quote(ticker, updates=count) for ticker, count in updates)
    return [row.quote.ticker for row in board_of(shown, rows=rows).top(99)]


def test_the_most_active_come_first_and_equals_by_ticker() -> None:
    assert tickers(50, ("SBER", 3), ("GAZP", 7), ("AFLT", 3)) == ["GAZP", "AFLT", "SBER"]


def test_no_more_rows_are_shown_than_the_settings_allow() -> None:
    assert tickers(2, ("SBER", 3), ("GAZP", 7), ("AFLT", 3)) == ["GAZP", "AFLT"]


def test_no_more_rows_are_shown_than_fit() -> None:
    board = board_of(market(quote(f"T{n}") for n in range(9)))
    assert len(board.top(4)) == 4
    assert board.top(0) == board.top(-1) == []


def test_a_row_is_active_when_it_changed_since_the_refresh_before() -> None:
    before = market([quote("SBER", updates=3), quote("GAZP", updates=7)])
    after = market([quote("SBER", updates=4), quote("GAZP", updates=7), quote("AFLT", updates=1)])
    active = {row.quote.ticker: row.is_active for row in board_of(after, before=before).top(9)}
    assert active == {"GAZP": False, "SBER": True, "AFLT": True}
