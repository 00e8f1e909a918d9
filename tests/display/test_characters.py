import pytest

from display.characters import encoding_of, glyphs_of
from display.views.palette import ASCII, UNICODE, Glyphs


@pytest.mark.parametrize(
    ("environment", "encoding"),
    [
        ({"LANG": "ru_RU.UTF-8"}, "utf-8"),
        ({"LANG": "en_US.utf8"}, "utf-8"),
        ({"LANG": "de_DE.UTF-8@euro"}, "utf-8"),
        ({"LC_CTYPE": "UTF-8"}, "utf-8"),
        ({"LC_ALL": "C", "LC_CTYPE": "ru_RU.UTF-8", "LANG": "ru_RU.UTF-8"}, "ascii"),
        ({"LC_ALL": "", "LC_CTYPE": "ru_RU.KOI8-R", "LANG": "ru_RU.UTF-8"}, "koi8-r"),
        ({"LANG": "ru_RU.CP1251"}, "cp1251"),
        ({"LANG": "POSIX"}, "ascii"),
        ({"LANG": "ru_RU"}, "ascii"),
        ({"LANG": "x.no-such-encoding"}, "ascii"),
        ({"LANG": "x.hex"}, "ascii"),
        ({"LANG": "x.utf-16"}, "ascii"),
        ({"LANG": "x.\0"}, "ascii"),
        ({}, "ascii"),
    ],
)
def test_the_encoding_is_the_one_that_the_locale_speaks_of(environment: dict[str, str], encoding: str) -> None:
    assert encoding_of(environment) == encoding


def test_what_python_makes_of_the_locale_c_is_still_ascii_and_of_none_is_not() -> None:
    assert encoding_of({"LC_CTYPE": "C.UTF-8", "LANG": "C"}) == "ascii"
    assert encoding_of({"LC_CTYPE": "C.UTF-8"}) == "utf-8"
    assert encoding_of({"LC_CTYPE": "C.UTF-8", "LANG": "C.UTF-8"}) == "utf-8"


@pytest.mark.parametrize(
    ("language", "terminal", "glyphs"),
    [
        ("ru_RU.UTF-8", "xterm-256color", UNICODE),
        ("ru_RU.UTF-8", "tmux-256color", UNICODE),
        ("ru_RU.UTF-8", "linux", ASCII),
        ("ru_RU.UTF-8", "vt220", ASCII),
        ("ru_RU.KOI8-R", "xterm-256color", ASCII),
        ("C", "xterm-256color", ASCII),
    ],
)
def test_marks_are_ascii_where_the_encoding_or_the_font_lacks_them(
    language: str, terminal: str, glyphs: Glyphs
) -> None:
    assert glyphs_of({"LANG": language, "TERM": terminal}) is glyphs
