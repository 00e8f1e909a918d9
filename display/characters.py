"""Which characters the terminal can take, as far as its environment tells. Pure."""

import codecs
from collections.abc import Mapping

from display.views.palette import ASCII, UNICODE, Glyphs

PROBE = "\x1b[;1mA"
WITHOUT_GLYPHS = frozenset({"linux", "dumb", "unknown", "ansi", "cons25", "vt52", "vt100", "vt102", "vt220", "vt320"})
"""Terminals whose font has letters, but not every mark of ours, whatever the encoding."""


def encoding_of(environment: Mapping[str, str]) -> str:
    """Python's name of the encoding that the locale speaks of; ASCII when it speaks of none."""
    locale = _locale(environment)
    named = locale.partition("@")[0].rpartition(".")[2]
    try:
        encoding = codecs.lookup(named).name
        is_usable = PROBE.encode(encoding) == PROBE.encode("ascii")
    except (LookupError, ValueError):
        return "ascii"
    return encoding if is_usable else "ascii"


def glyphs_of(environment: Mapping[str, str]) -> Glyphs:
    """The marks that this terminal can be trusted to show."""
    is_unicode = encoding_of(environment) == "utf-8"
    return UNICODE if is_unicode and environment.get("TERM", "") not in WITHOUT_GLYPHS else ASCII


def _locale(environment: Mapping[str, str]) -> str:
    """Python itself sets LC_CTYPE to C.UTF-8 where it finds the locale C, or none: the former must not count."""
    everything, characters, language = (environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    is_coerced = characters == "C.UTF-8" and language in ("C", "POSIX")
    return everything or ("" if is_coerced else characters) or language
