"""Both READMEs explain all that the program shows and hears, in the program's own words."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import run
from display import app, attach
from display.commands import LONGEST_FILTER
from display.filters import VALUES
from display.keys import BINDINGS
from display.views import candles, connections, final_statistics, table
from display.views.captions import CAPTIONS
from display.views.frame import ROOMY_HEIGHT
from display.views.header import figures
from display.views.palette import COLOURLESS, UNICODE
from shared.market import Market
from shared.session import session_of
from shared.settings import DisplaySettings
from tests.display.looks import drawn
from tests.display.samples import NOW, market, usual_connections, usual_quotes

CHECKOUT = Path(__file__).parents[1]
ENGLISH, RUSSIAN = "README.md", "README.ru.md"
LONGEST_LINE = 120
CODE = ("run.py", "collector", "display", "shared", "simulator")
LEAST_SOURCES = 10
LEAST_CAPTIONS = 5
MARKS = {mark for name, mark in UNICODE._asdict().items() if name not in ("bar", "spark", "separator")}

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


@both
def test_every_figure_of_the_header_is_explained(name: str) -> None:
    shown = all_has_happened()
    [line] = drawn(figures(shown, session_of(shown), NOW, 999, COLOURLESS))
    labels = {item.strip().partition(":")[0] for item in line.split(" | ")}
    assert {"Session", "guest login", "Reconnects", "Worker restarts", "Instruments"} <= labels
    told = set(re.findall(r"\*\*([^*]+)\*\*", chapter(name, "### The header", "### Заголовок")))
    assert labels - told == set()


@both
def test_every_line_of_the_final_statistics_is_shown_or_explained(name: str) -> None:
    labels = {line.partition(":")[0].strip() for line in final_statistics(all_has_happened(), NOW)[1:]}
    assert {"Decode errors", "Latency", "Longest silences"} <= labels
    text = chapter(name, "### Final statistics", "### Итоги")
    assert [label for label in labels if not re.search(rf"^  {label}: |`{label}`", text, re.MULTILINE)] == []


@both
def test_the_final_statistics_have_the_form_that_is_shown(name: str) -> None:
    """Each line of the example has a label that there is, and the last one says of a silence what the program says."""
    labels = {line.partition(":")[0].strip() for line in final_statistics(all_has_happened(), NOW)[1:]}
    shown = [line for line in chapter(name, "### Final statistics", "### Итоги").splitlines() if line.startswith("  ")]
    assert {line.partition(":")[0].strip() for line in shown} - labels == set()
    silence = r"\S+ [0-9.]+[smhd]\w*"
    for line in (shown[-1], final_statistics(all_has_happened(), NOW)[-1]):
        assert re.fullmatch(rf"  Longest silences: {silence}(, {silence})*", line), line


@both
def test_every_caption_that_is_named_is_one_of_the_detail_pane(name: str) -> None:
    paragraph = " ".join(last_paragraph_of_the_detail(name).split())
    named = set(terms(paragraph))
    assert len(named) >= LEAST_CAPTIONS
    assert named - set(CAPTIONS.values()) == set()


@both
def test_every_source_of_events_is_explained(name: str) -> None:
    found = sources_of_events()
    assert len(found) >= LEAST_SOURCES
    text = chapter(name, "### Events", "### События")
    rows = re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE)
    told = {re.sub(r" \d+", "", term) for row in rows for term in terms(row)}
    assert told == found


@both
def test_the_limits_that_are_named_are_those_of_the_program(name: str) -> None:
    settings, text = DisplaySettings(), text_of(name)
    second = "s" if name == ENGLISH else "с"
    rows, signs, lines = ("rows", "characters", "lines") if name == ENGLISH else ("строк", "знаков", "строк")
    low = rf"less than {ROOMY_HEIGHT} {lines}" if name == ENGLISH else rf"ниже {ROOMY_HEIGHT} {lines}"
    for wanted in (
        rf"`fresh_s` \({settings.fresh_s:g} {second}\)",
        rf"`stale_s` \({settings.stale_s:g} {second}\)",
        rf"\b{settings.rows}\s+{rows}\b",
        rf"\b{LONGEST_FILTER}\s+{signs}\b",
        low.replace(" ", r"\s+"),
    ):
        assert re.search(wanted, text), wanted


@both
def test_every_exit_code_is_explained(name: str) -> None:
    modules = (run, attach, app)
    codes = {code for module in modules for key, code in vars(module).items() if key.startswith("EXIT_")}
    text = chapter(name, "### Exit codes", "### Коды завершения")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == codes


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


# ---- what it is compared with


def all_has_happened() -> Market:
    """A market in which every figure has something to say."""
    shown = market(usual_quotes(), usual_connections(), is_guest=True)
    totals = shown.totals
    totals.counters.reconnects, totals.counters.decode_errors, totals.worker_restarts = 3, 2, 1
    totals.latency_p50_ms, totals.latency_p99_ms, totals.queue_age_s = 3.2, 12.34, 0.1
    totals.is_exchange_open, totals.session_changes_at = True, (NOW.wall + timedelta(hours=8)).timestamp()
    return shown


def sources_of_events() -> set[str]:
    """Found in the code: the first argument of each `tell`, the second of each `Event`, and the name of each child of
    the supervisor, by which it is told; without the number of one."""
    found: set[str] = set()
    for path in (path for place in CODE for path in python_files(CHECKOUT / place)):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and (place := _place_of_source(call)) is not None and place < len(call.args):
                found |= _beginning(call.args[place])
    return found


def python_files(place: Path) -> Iterator[Path]:
    yield from [place] if place.is_file() else place.rglob("*.py")


def _place_of_source(call: ast.Call) -> int | None:
    called = ast.unparse(call.func).rpartition(".")[2]
    return {"tell": 0, "_tell": 0, "Child": 0, "Event": 1}.get(called)


def _beginning(argument: ast.expr) -> set[str]:
    """The text, or that before the number in it; nothing where it is only passed on."""
    first = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
    return {first.value.strip()} if isinstance(first, ast.Constant) and isinstance(first.value, str) else set()


def terms(text: str) -> list[str]:
    """What stands between code marks."""
    return re.findall(r"`([^`]+)`", text)


def chapter(name: str, english: str, russian: str) -> str:
    """What stands under the heading, up to the next one."""
    heading = english if name == ENGLISH else russian
    return re.split(r"\n#+ ", text_of(name).partition(f"{heading}\n")[2])[0]


def last_paragraph_of_the_detail(name: str) -> str:
    """That which tells of the captions."""
    return chapter(name, "### The detail pane", "### Карточка тикера").strip().rpartition("\n\n")[2]
