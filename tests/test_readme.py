"""Both READMEs explain all that the program shows and hears, in the program's own words."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import run
from display import app, attach
from display.filters import VALUES
from display.keys import BINDINGS
from display.views import candles, connections, table
from display.views.palette import UNICODE

CHECKOUT = Path(__file__).parents[1]
ENGLISH, RUSSIAN = "README.md", "README.ru.md"
LONGEST_LINE = 120
MARKS = {mark for name, mark in UNICODE._asdict().items() if name not in ("bar", "spark", "separator", "ellipsis")}

both = pytest.mark.parametrize("name", [ENGLISH, RUSSIAN])


def text_of(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def explained(name: str) -> Iterator[str]:
    """What stands, without its code marks, in the first cell of each line of a table that has something in its last."""
    for line in text_of(name).splitlines():
        if line.startswith("|") and (cells := [cell.strip() for cell in line.strip("|").split("|")])[-1]:
            yield cells[0].replace("`", "")


@both
def test_every_key_is_in_the_table_of_keys(name: str) -> None:
    told = {cell.replace(",", "") for cell in explained(name)}
    assert {binding.shown for binding in BINDINGS} - told == set()


@both
@pytest.mark.parametrize(
    "columns",
    [
        pytest.param([column.heading for column in table.COLUMNS], id="quotes"),
        pytest.param([column.heading for column in connections.LAYOUT], id="connections"),
        pytest.param([column.heading for column in candles.LAYOUT], id="candles"),
    ],
)
def test_every_column_is_explained(name: str, columns: list[str]) -> None:
    told = {heading for cell in explained(name) for heading in cell.split(", ")}
    assert {heading for heading in columns if heading} - told == set()


@both
def test_every_value_that_can_be_compared_is_in_the_table_of_the_filter(name: str) -> None:
    told = {term for cell in explained(name) for term in re.findall(r"[a-z]+", cell)}
    assert VALUES.keys() - told == set()


@both
def test_every_mark_is_explained(name: str) -> None:
    text = text_of(name)
    assert [mark for mark in MARKS if mark not in text] == []


@pytest.mark.parametrize(("name", "heading"), [(ENGLISH, "### Exit codes"), (RUSSIAN, "### Коды завершения")])
def test_every_exit_code_is_explained(name: str, heading: str) -> None:
    modules = (run, attach, app)
    codes = {code for module in modules for key, code in vars(module).items() if key.startswith("EXIT_")}
    chapter = text_of(name).partition(f"{heading}\n")[2].partition("\n#")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", chapter, re.MULTILINE)} == codes


@both
def test_every_file_and_heading_that_it_points_to_is_there(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text_of(name)):
        file, _, heading = target.partition("#")
        assert (CHECKOUT / file).exists(), target
        headings = re.findall(r"^#+ (.+)$", text_of(file or name), re.MULTILINE) if heading else []
        assert not heading or heading in [anchor(found) for found in headings], target


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")


@both
def test_no_line_is_too_long_to_be_read_as_text(name: str) -> None:
    lines = [line for line in text_of(name).splitlines() if not line.startswith("| ")]  # rows cannot be broken
    assert [line for line in lines if len(line) > LONGEST_LINE] == []


def test_each_names_the_other_at_its_top() -> None:
    for name, other in ((ENGLISH, RUSSIAN), (RUSSIAN, ENGLISH)):
        assert f"({other})" in "".join(text_of(name).splitlines()[:4])
