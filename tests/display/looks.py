"""What the tests of the views compare with: lines as text, the agreed looks in golden/, and texts that mean harm."""

from collections.abc import Iterable
from pathlib import Path
from unicodedata import east_asian_width

from hypothesis import strategies as st

from display.views import COLOURLESS, Line, Palette, Role, Span
from display.views.text import columns, fitted
from shared.wire import ConnectionState, ConnectionStatus
from tests.display.samples import TAGGED, connection

GOLDEN = Path(__file__).parent / "golden"

WIDE = Palette(lambda text: sum(1 + (east_asian_width(character) in "WF") for character in text))
"""Wide characters take two columns, as in a terminal."""

harmful = st.one_of(
    st.text(), st.sampled_from(["\x1b[2J", "\x9b31m", "株式会社 " * 9, "Сбербанк", "x" * 300, "\n\r\t", ""])
)
"""Texts that a peer may send."""

widths = st.integers(0, 220)
limits = st.integers(-1, 60)


def painted(line: Line, width: int, palette: Palette) -> str:
    """The line as text, cut to `width`, with its roles when it is drawn for `TAGGED`."""
    is_tagged = palette.measure is TAGGED.measure
    return "".join(_tagged(span) if is_tagged else span.text for span in fitted(line, width, palette))


def _tagged(span: Span) -> str:
    return span.text if span.role is Role.PLAIN or not span.text else f"<{span.role.value}>{span.text}</>"


def drawn(lines: Iterable[Line], palette: Palette = COLOURLESS) -> list[str]:
    """Without the blanks at the end, which nobody sees."""
    return [painted(line, 999, palette).rstrip() for line in lines]


def golden(name: str) -> list[str]:
    return (GOLDEN / f"{name}.txt").read_text().splitlines()


def assert_fits(lines: list[Line], width: int, limit: int) -> None:
    """Neither wider nor more, and nothing in it that a terminal would obey."""
    assert len(lines) <= max(0, limit)
    assert all(columns(line, WIDE) <= width for line in lines)
    assert all(span.text.isprintable() for line in lines for span in line)


def every_condition() -> list[ConnectionStatus]:
    """Thirty connections, of which one or more are in each condition that a person distinguishes."""
    states = {number: connection(number) for number in range(30)}
    states[2] = connection(2, ConnectionState.SUBSCRIBING, "login accepted", since=999.0)
    states[6] = connection(6, since=100.0)
    states[12] = connection(12, ConnectionState.WAITING, "connection refused (127.0.0.1:9)", retry_at=1003.4)
    states[20] = connection(20, ConnectionState.DOWN, "worker 5 killed by SIGKILL")
    states[25] = connection(25, ConnectionState.REFUSED, "Access denied", since=940.0, retry_at=1045.0)
    states[29] = connection(29, ConnectionState.STOPPED, "stopped")
    for number, status in states.items():
        if status.state is ConnectionState.ONLINE:
            status.heard_at = 999.0 - number / 10
            status.latency_ms = 3.25 + number
            status.total.messages = 1000 * number
    states[6].heard_at = 970.0
    states[0].last_loss, states[0].total.reconnects = "no pong and no data for 29 s", 2
    return list(states.values())
