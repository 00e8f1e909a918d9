"""The pictures of the README are what a real run of the demo shows."""

from pathlib import Path
from xml.etree import ElementTree

from display.views.table import COLUMNS
from docs.picture import cells, take
from docs.svg import INK, NAMESPACE, PAPER


def test_what_was_written_to_a_terminal_is_read_back_with_its_looks() -> None:
    (first, *_, last), second, *_ = cells(b"\x1b[1;38;5;117mab\x1b[m\r\n\x1b[7mc")
    assert (first.text, first.ink, first.paper, first.is_bold) == ("a", "#87d7ff", PAPER, True)
    assert (last.text, last.ink, last.is_bold) == (" ", INK, False)
    assert (second[0].text, second[0].ink, second[0].paper) == ("c", PAPER, INK)


def test_a_wide_character_takes_two_places_of_one_character_each() -> None:
    assert "".join(cell.text for cell in cells("界x\u0301y".encode())[0]).rstrip() == "界 xy"


def test_the_pictures_are_drawn_from_a_real_run(tmp_path: Path) -> None:
    take(tmp_path, watched_s=0)
    screen, detail = (words(tmp_path / name) for name in ("screen.svg", "detail.svg"))
    for heading in (column.heading for column in COLUMNS if column.heading):
        assert any(run.startswith(heading) for run in screen), heading
    for shown in ("SIMULATED EXCHANGE", "►", "★", "30 online"):
        assert shown in screen
    for shown in ("SIMULATED EXCHANGE", "Order book", "All fields", "spread"):
        assert any(shown in run for run in detail), shown


def words(path: Path) -> list[str]:
    """The runs of text of a picture."""
    return [element.text or "" for element in ElementTree.parse(path).iter(f"{{{NAMESPACE}}}text")]
