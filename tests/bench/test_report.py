"""The table says what was measured: medians, spreads, ratios, and what was reached and what was missed."""

from bench.report import report, row, verdicts
from bench.scenarios import OURS, SCRIPT, Result

ROUNDS = [Result(blast_us=2.0, blast_per_s=400_000, steady_us=30.0), Result(blast_us=4.0, blast_per_s=200_000)]


def test_a_row_has_the_median_and_the_spread_of_each_figure() -> None:
    assert row("a", ROUNDS)[:4] == ["a", "3.0 (2.0-4.0)", "300,000 (200,000-400,000)", "30.0"]


def test_what_was_not_measured_is_a_dash_and_no_zero() -> None:
    assert row("a", [Result(p50_ms=0.0)])[1:6] == ["-", "-", "-", "0", "-"]


def test_a_goal_is_reached_or_missed_in_plain_words() -> None:
    results = {OURS: [Result(blast_us=2.0)], SCRIPT: [Result(blast_us=8.0)]}
    assert verdicts(results) == [
        ["CPU us a message, blast, 6 workers", "at most 6", "2.00", "reached"],
        ["asyncio script / ours, CPU a message, blast", "at least 5", "4.00", "MISSED"],
    ]


def test_a_goal_whose_figures_were_not_measured_is_left_out() -> None:
    assert verdicts({}) == []


def test_the_report_compares_each_yardstick_with_ours() -> None:
    full = Result(*[2.0] * len(Result._fields))
    lines = report({OURS: [full], SCRIPT: [full._replace(blast_us=12.0)]}).splitlines()
    assert any(line.startswith(f"| {SCRIPT} / ours") and "6.00x" in line for line in lines)
    tables = [line for line in lines if line.startswith("|")]
    assert {line[0] + line[-1] for line in tables} == {"||"}
