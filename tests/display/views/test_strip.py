import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.now import Now
from display.views.palette import ASCII, COLOURLESS, UNICODE, Glyphs, Palette, Role
from display.views.strip import MOST_LINES, Condition, condition_of, glyph_of, role_of, role_of_state, strip
from shared.market import Market
from shared.wire import ConnectionState, ConnectionStatus
from tests.display.looks import assert_fits, drawn, every_condition, widths
from tests.display.samples import NOW, TAGGED, connection, market, usual_connections

states = st.lists(st.builds(connection, st.just(0), st.sampled_from(ConnectionState)), max_size=120)


def lines_of(shown: Market, width: int = 120, palette: Palette = COLOURLESS, now: Now = NOW) -> list[str]:
    return drawn(strip(shown, width, now, palette), palette)


def numbered(found: list[ConnectionStatus]) -> list[ConnectionStatus]:
    for number, status in enumerate(found):
        status.number = number
    return found


def test_every_connection_has_its_cell_in_the_order_of_the_numbers() -> None:
    shown = market(connections=reversed(every_condition()))
    assert lines_of(shown)[0].split("  ")[1] == "██…███▒█████3███████─████✗███·"


def test_all_is_well_in_one_short_line() -> None:
    shown = market(connections=[connection(number) for number in range(30)])
    assert lines_of(shown) == ["Feed  " + "█" * 30 + "  30 online"]


def test_the_words_name_what_is_not_online() -> None:
    assert lines_of(market(connections=usual_connections())) == [
        "Feed  ████████████3███████─█████████  28 online, #21 down, #13 in 3 s"
    ]
    assert lines_of(market(connections=every_condition()), 200)[0].endswith(
        "  24 online, #21 down, #26 refused (next in 45 s), #7 silent, #13 in 3 s, #3 connecting, #30 stopped"
    )


def test_more_than_a_few_are_counted_with_the_time_of_the_first_try() -> None:
    waiting = [connection(n, ConnectionState.WAITING, "lost", retry_at=1012.0 + n) for n in range(4)]
    shown = market(connections=[*waiting, *(connection(n) for n in range(4, 10))])
    assert lines_of(shown) == ["Feed  ◌◌◌◌██████  6 online, 4 waiting (next in 12 s)"]


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (115, "24 online, 1 down, 1 refused, 1 silent, 1 waiting, 1 connecting, 1 stopped"),
        (110, "24 online, #21 down, #26 refused (next in 45 s), #7 silent, 3 others"),
        (60, "24 of 30 online"),
        (45, "24/30"),
        (40, ""),
    ],
)
def test_what_does_not_fit_is_told_in_fewer_words(width: int, words: str) -> None:
    line = lines_of(market(connections=every_condition()), width)
    assert line == [f"Feed  ██…███▒█████3███████─████✗███·  {words}".rstrip()]


def test_the_number_of_lines_follows_from_the_width_alone_so_that_nothing_below_moves() -> None:
    for width in range(1, 200):
        fine = lines_of(market(connections=[connection(number) for number in range(30)]), width)
        assert len(fine) == len(lines_of(market(connections=every_condition()), width))


def test_more_connections_than_columns_go_on_in_a_second_line() -> None:
    shown = market(connections=[connection(number) for number in range(50)])
    assert lines_of(shown, 40) == ["Feed  " + "█" * 34, "      " + "█" * 16 + "  50 online"]


def test_more_cells_than_there_is_room_for_are_summed_up() -> None:
    shown = market(connections=[connection(n, ConnectionState(("online", "down")[n % 50 == 0])) for n in range(100)])
    assert lines_of(shown, 40) == ["Feed  98 online, #1 down, #51 down"]


def test_before_the_plan_is_known_every_connection_waits() -> None:
    assert lines_of(market(), palette=TAGGED) == [f"Feed  <quiet>{'◌' * 30}</>  <quiet>30 waiting</>"]


@pytest.mark.parametrize(("wait_s", "cell"), [(0.2, "0"), (3.0, "3"), (9.4, "9"), (9.6, "◌"), (70.0, "◌")])
def test_a_cell_counts_down_the_last_seconds(wait_s: float, cell: str) -> None:
    shown = market(connections=[connection(0, ConnectionState.WAITING, "lost", retry_at=NOW.monotonic + wait_s)])
    assert lines_of(shown)[0][6] == cell


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_conditions_differ_by_their_glyph_and_not_by_colour_alone(glyphs: Glyphs) -> None:
    cells = [glyph_of(condition, glyphs) for condition in Condition]
    assert len(set(cells)) == len(cells)
    assert not any(cell.isdigit() for cell in cells)


@pytest.mark.parametrize(
    ("heard_at", "since", "condition"),
    [
        (999.0, 500.0, Condition.ONLINE),
        (979.0, 500.0, Condition.ONLINE),
        (975.0, 500.0, Condition.SILENT),
        (None, 500.0, Condition.SILENT),
        (None, 990.0, Condition.ONLINE),
    ],
)
def test_online_without_a_sign_of_life_for_longer_than_a_pong_takes_is_silent(
    heard_at: float | None, since: float, condition: Condition
) -> None:
    status = connection(0, since=since)
    status.heard_at = heard_at
    assert condition_of(status, NOW) is condition


@pytest.mark.parametrize(
    ("state", "reason", "role"),
    [
        (ConnectionState.ONLINE, "all subscriptions sent", Role.GOOD),
        (ConnectionState.WAITING, "starting", Role.QUIET),
        (ConnectionState.WAITING, "connection refused", Role.WARNING),
        (ConnectionState.OPENING, "connecting", Role.WARNING),
        (ConnectionState.GREETING, "socket open", Role.WARNING),
        (ConnectionState.SUBSCRIBING, "login accepted", Role.WARNING),
        (ConnectionState.REFUSED, "Access denied", Role.TROUBLE),
        (ConnectionState.DOWN, "worker 1 died", Role.TROUBLE),
        (ConnectionState.CLOSING, "stopping", Role.QUIET),
        (ConnectionState.STOPPED, "stopped", Role.QUIET),
    ],
)
def test_what_is_wrong_is_coloured(state: ConnectionState, reason: str, role: Role) -> None:
    assert role_of(connection(0, state, reason), NOW) is role


@pytest.mark.parametrize("state", ConnectionState)
def test_a_state_alone_has_the_colour_of_a_connection_in_it(state: ConnectionState) -> None:
    assert role_of(connection(0, state, "lost"), NOW) is role_of_state(state)


@given(states, widths)
def test_it_fits_every_screen(found: list[ConnectionStatus], width: int) -> None:
    assert_fits(strip(market(connections=numbered(found)), width, NOW, COLOURLESS), width, MOST_LINES)
