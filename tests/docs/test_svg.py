"""The screen as a picture: every character at its place, in its colours, whatever the font."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from docs.svg import MARGIN, NAMESPACE, PAPER, WIDTH, Cell, svg

BLUE, GREEN = "#0000ff", "#00ff00"


def cells(text: str, **look: object) -> list[Cell]:
    return [Cell(character, **look) for character in text]  # type: ignore[arg-type]


def elements(rows: Iterable[list[Cell]], kind: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg(list(rows))).iter(f"{{{NAMESPACE}}}{kind}"))


def texts(*rows: list[Cell]) -> list[tuple[str | None, int]]:
    """What is written, and in which column it begins."""
    return [(text.text, (int(text.attrib["x"]) - MARGIN) // WIDTH) for text in elements(rows, "text")]


def test_each_column_is_a_run_that_begins_at_its_place() -> None:
    assert texts(cells("  BID      ASK"), cells("100.5  101 USD")) == [
        ("BID", 2),
        ("ASK", 11),
        ("100.5", 0),
        ("101 USD", 7),
    ]


def test_a_run_is_as_wide_as_its_cells_in_every_font() -> None:
    short, bars, mark = elements([cells("100.5  ███  ●")], "text")
    assert short.attrib["textLength"] == str(5 * WIDTH)
    assert (bars.attrib["textLength"], bars.attrib["lengthAdjust"]) == (str(3 * WIDTH), "spacingAndGlyphs")
    assert "textLength" not in mark.attrib


def test_marks_of_another_font_do_not_move_the_text_beside_them() -> None:
    assert texts(cells("Сбер 305.00▲ x")) == [("Сбер", 0), ("305.00", 5), ("▲", 11), ("x", 13)]


def test_runs_have_their_colours_and_weight() -> None:
    plain, coloured, heavy = elements([cells("a") + cells("b", ink=BLUE) + cells("c", ink=BLUE, is_bold=True)], "text")
    assert "fill" not in plain.attrib
    assert (coloured.attrib["fill"], coloured.get("font-weight")) == (BLUE, None)
    assert (heavy.attrib["fill"], heavy.get("font-weight")) == (BLUE, "bold")


def test_a_background_is_one_rectangle_whatever_stands_on_it() -> None:
    whole, row = elements([cells("a ") + cells("b ", paper=GREEN) + cells("c", paper=GREEN, ink=BLUE)], "rect")
    assert whole.attrib["fill"] == PAPER
    assert (row.attrib["fill"], row.attrib["x"], row.attrib["width"]) == (
        GREEN,
        str(MARGIN + 2 * WIDTH),
        str(3 * WIDTH),
    )


def test_no_character_is_taken_for_markup() -> None:
    assert texts(cells("<b>&\"'")) == [("<b>&\"'", 0)]


def test_the_picture_asks_for_nothing_from_outside() -> None:
    picture = svg([cells("a" * 120)] * 34)
    assert re.findall(r"\w+://[^\"]*", picture) == [NAMESPACE]
    assert not re.search(r"<(script|style|image|use)|@import|url\(|href", picture)
