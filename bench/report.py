"""The results as tables that Markdown reads as well. Pure."""

from collections.abc import Sequence
from statistics import median

from bench.scenarios import GOALS, YARDSTICKS, Result, Results, times

HEADINGS = ("median (least-most)", "blast us", "messages/s", "steady us", "p50 ms", "p99 ms", "idle %", "PSS MB", "s")
DIGITS = (1, 0, 1, 0, 0, 1, 0, 2)
RATIOS = ("blast_us", "blast_per_s", "steady_us")


def report(results: Results) -> str:
    """The table of all figures, and the one of what had to be reached."""
    rows = [row(name, found) for name, found in results.items()]
    rows += [ratios(theirs, ours, results) for theirs, ours in YARDSTICKS if theirs in results and ours in results]
    return "\n\n".join([table(HEADINGS, rows), table(("to reach", "limit", "here", ""), verdicts(results))])


def row(name: str, results: Sequence[Result]) -> list[str]:
    """The median of each figure, and its spread where it was measured several times."""
    cells = [name]
    for field, digits in zip(Result._fields, DIGITS, strict=True):
        values = [value for result in results if (value := getattr(result, field)) is not None]
        cells.append(cell(values, digits))
    return cells


def cell(values: Sequence[float], digits: int) -> str:
    if not values:
        return "-"
    text = f"{median(values):,.{digits}f}"
    return f"{text} ({min(values):,.{digits}f}-{max(values):,.{digits}f})" if len(values) > 1 else text


def ratios(theirs: str, ours: str, results: Results) -> list[str]:
    """How many times ours the figures of a yardstick are."""
    return [f"{theirs} / ours", *(f"{times(theirs, ours, field)(results):.2f}x" for field in RATIOS)]


def verdicts(results: Results) -> list[list[str]]:
    """A line for each goal whose figures were measured."""
    lines = []
    for goal in GOALS:
        try:
            figure = goal.figure(results)
        except (KeyError, ValueError):
            continue
        limit = f"{'at least' if goal.is_least else 'at most'} {goal.limit:g}"
        lines.append([goal.text, limit, f"{figure:.2f}", "reached" if goal.is_reached(figure) else "MISSED"])
    return lines


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    full = [[*cells, *[""] * (len(headings) - len(cells))] for cells in (headings, *rows)]
    widths = [max(len(cells[column]) for cells in full) for column in range(len(headings))]
    lines = ["| " + " | ".join(text.ljust(w) for text, w in zip(cells, widths, strict=True)) + " |" for cells in full]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
