import pytest
from wcwidth import wcwidth

from display.views.palette import ASCII, UNICODE, Glyphs, Palette

PALETTE = Palette(lambda text: 2 * len(text))


def test_only_text_beyond_ascii_has_to_be_measured() -> None:
    assert PALETTE.columns("SBER") == 4
    assert PALETTE.columns("株") == 2


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_mark_is_one_printable_column_wide(glyphs: Glyphs) -> None:
    for name, characters in glyphs._asdict().items():
        assert characters.isprintable()
        assert all(wcwidth(character) == 1 for character in characters)
        assert len(characters) == 1 or name in ("bar", "spark")


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_marks_that_stand_in_the_same_place_differ(glyphs: Glyphs) -> None:
    cells = [value for name, value in glyphs._asdict().items() if name.startswith("cell_")]
    for together in (
        (glyphs.fresh, glyphs.aging, glyphs.stale, glyphs.quiet),
        (glyphs.up, glyphs.down),
        (glyphs.selected, glyphs.favourite),
        cells,
        glyphs.spark,
    ):
        assert len(set(together)) == len(together)


def test_no_mark_may_be_drawn_as_a_coloured_picture() -> None:
    emoji = set("▶◀☑✔✖✳✴❄❤➡⬅⬆⬇⭐⚪⚫⏩⏪◻◼◽◾▪▫")
    assert not emoji & set("".join(UNICODE))


def test_the_ascii_marks_are_ascii() -> None:
    assert "".join(ASCII).isascii()
