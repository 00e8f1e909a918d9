"""The dashboard and the alerts speak of figures that the program tells, and of all that it tells."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from collector.hub import Hub
from collector.metrics import AGE_BOUNDS_S, LATENCY_BOUNDS_S
from tests.collector.scraping import Scrape, market_of_the_test, scrape, serving_everything

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = msgspec.json.decode((DEPLOY / "grafana.json").read_bytes(), type=dict[str, Any])
ALERTS = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]

LABELS_OF_PROMETHEUS = {"instance", "job"}
COLUMNS = 24
PROMTOOL = shutil.which("promtool")
if_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")

_selector = re.compile(r"(moex_\w+)(?:\{([^}]*)\})?")
_matcher = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_grouping = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


@pytest.fixture(scope="module")
def told() -> Scrape:
    """Everything that the program can tell."""
    with serving_everything(Hub(market_of_the_test())) as server:
        return scrape(server.url)


def all_panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from all_panels(panel.get("panels", []))


PANELS = list(all_panels(DASHBOARD["panels"]))
DASHBOARD_QUERIES = [target["expr"] for panel in PANELS for target in panel.get("targets", [])]
ALERT_QUERIES = [rule["expr"] for rule in RULES]
VARIABLES: list[dict[str, Any]] = DASHBOARD["templating"]["list"]
VARIABLE_QUERIES = [variable["definition"] for variable in VARIABLES if "definition" in variable]


def figure_of(sample: str) -> str:
    """The figure that a sample belongs to: that of a histogram for its buckets, its sum and its count."""
    return re.sub(r"_(bucket|g?sum|g?count)$", "", sample)


def label_values(told: Scrape) -> dict[str, dict[str, set[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for metric in told.metrics:
        for sample in metric.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found


# ---- both


@pytest.mark.parametrize("query", [*DASHBOARD_QUERIES, *ALERT_QUERIES, *VARIABLE_QUERIES])
def test_a_query_names_only_figures_labels_and_values_that_there_are(query: str, told: Scrape) -> None:
    known = label_values(told)
    selectors = _selector.findall(query)
    assert selectors
    for name, matchers in selectors:
        assert name in known
        for label, _, value in _matcher.findall(matchers):
            if label not in LABELS_OF_PROMETHEUS and "$" not in value:
                assert value in known[name][label]
    labels = {label for name, _ in selectors for label in known[name]} | LABELS_OF_PROMETHEUS
    for grouping in _grouping.findall(query):
        assert set(re.split(r"\s*,\s*", grouping)) <= labels


def test_the_dashboard_shows_every_figure(told: Scrape) -> None:
    shown = {figure_of(name) for query in DASHBOARD_QUERIES for name, _ in _selector.findall(query)}
    assert {figure_of(sample) for sample in label_values(told)} == shown


@pytest.mark.parametrize("query", [*DASHBOARD_QUERIES, *ALERT_QUERIES])
def test_counters_are_looked_at_by_their_growth_and_gauges_as_they_are(query: str) -> None:
    for name, _ in _selector.findall(query):
        grows = name.endswith("_total") or name == "moex_latency_seconds_bucket"
        assert grows == bool(re.search(rf"(rate|increase)\({name}\b", query)), name


# ---- the dashboard


def test_the_dashboard_can_be_imported_anywhere_and_asks_which_source() -> None:
    assert DASHBOARD["id"] is None
    assert (VARIABLES[0]["name"], VARIABLES[0]["type"]) == ("datasource", "datasource")
    sources = [panel["datasource"] for panel in PANELS if panel["type"] != "row"]
    sources += [target["datasource"] for panel in PANELS for target in panel.get("targets", [])]
    sources += [variable["datasource"] for variable in VARIABLES if variable["type"] == "query"]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_every_panel_has_a_number_a_title_a_text_and_a_unit() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            defaults = panel["fieldConfig"]["defaults"]
            assert panel["type"] == "heatmap" or defaults["unit"]


def test_every_query_asks_only_of_the_chosen_instances() -> None:
    for query in DASHBOARD_QUERIES:
        assert all('instance=~"$instance"' in matchers for _, matchers in _selector.findall(query))


@pytest.mark.parametrize(("ending", "units"), [("_seconds", {"s"}), ("_bytes", {"bytes"}), ("_bytes_total", {"Bps"})])
def test_units_fit_the_figures(ending: str, units: set[str]) -> None:
    for panel in PANELS:
        names = {
            re.sub("_bucket$", "", name)
            for target in panel.get("targets", [])
            for name, _ in _selector.findall(target["expr"])
        }
        if any(name.endswith(ending) for name in names) and panel["type"] != "heatmap":
            assert panel["fieldConfig"]["defaults"]["unit"] in units


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        taken |= cells


# ---- the alerts


def test_every_alert_says_what_happened_what_to_do_and_how_bad_it_is() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert len(rule["annotations"]["summary"]) <= 80
        assert rule["annotations"]["description"].endswith(".")


def test_the_bounds_that_alerts_judge_by_are_bounds_of_the_histograms() -> None:
    assert 960 in LATENCY_BOUNDS_S
    assert 60 in AGE_BOUNDS_S
    queries = {rule["alert"]: rule["expr"] for rule in RULES}
    assert "(2 + 958 * moex_guest)" in queries["MoexLatencyHigh"]
    assert "> 60" in queries["MoexDataOld"]


def promtool(*arguments: str) -> str:
    assert PROMTOOL is not None
    asked = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    return asked.stdout


@if_promtool
def test_prometheus_takes_the_rules() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", str(DEPLOY / "alerts.yml"))


@if_promtool
def test_prometheus_takes_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    queries = [query.replace("$__rate_interval", "5m") for query in DASHBOARD_QUERIES]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.json"
    file.write_bytes(msgspec.json.encode({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(queries)} rules found" in promtool("check", "rules", str(file))


STEADY = {
    'moex_build_info{version="1"}': "1+0x60",
    'moex_connections{state="online"}': "30+0x60",
    'moex_connections{state="refused"}': "0+0x60",
    'moex_session_state{state="open"}': "1+0x60",
    "moex_guest": "0+0x60",
    "moex_messages_total": "0+1000x60",
    "moex_worker_restarts_total": "0+0x60",
    "moex_decode_errors_total": "0+0x60",
    'moex_quote_age_seconds_bucket{le="60.0"}': "200+0x60",
    'moex_quote_age_seconds_bucket{le="3600.0"}': "250+0x60",
    'moex_quote_age_seconds_bucket{le="+Inf"}': "250+0x60",
    'moex_latency_seconds_bucket{le="1.0"}': "0+1000x60",
    'moex_latency_seconds_bucket{le="960.0"}': "0+1000x60",
    'moex_latency_seconds_bucket{le="1800.0"}': "0+1000x60",
    'moex_latency_seconds_bucket{le="+Inf"}': "0+1000x60",
}
"""An hour in which all is well, a sample a minute."""

OLD = {
    f'moex_quote_age_seconds_bucket{{le="{le}"}}': value for le, value in (("60.0", "0+0x60"), ("3600.0", "250+0x60"))
}
SLOW = {'moex_latency_seconds_bucket{le="1.0"}': "0+980x60"}
CLOSED = {'moex_session_state{state="open"}': "0+0x60"}
GUEST = {"moex_guest": "1+0x60"}


@if_promtool
@pytest.mark.parametrize(
    ("change", "alerts"),
    [
        ({}, set()),
        ({'moex_build_info{version="1"}': "_x60"}, {"MoexMonitorGone"}),
        ({'moex_connections{state="online"}': "30+0x49 0+0x10"}, {"MoexNoConnectionOnline"}),
        ({'moex_connections{state="online"}': "30+0x58 0+0x1"}, set()),
        ({'moex_connections{state="refused"}': "2+0x60"}, {"MoexLoginRefused"}),
        (OLD, {"MoexDataOld"}),
        (OLD | CLOSED, set()),
        ({"moex_messages_total": "500+0x60"}, {"MoexNoMessages"}),
        ({"moex_messages_total": "500+0x60"} | CLOSED, set()),
        (SLOW, {"MoexLatencyHigh"}),
        (SLOW | GUEST, set()),
        (SLOW | GUEST | {'moex_latency_seconds_bucket{le="960.0"}': "0+980x60"}, {"MoexLatencyHigh"}),
        ({"moex_worker_restarts_total": "0+0x50 1+0x9"}, {"MoexWorkerRestarts"}),
        ({"moex_worker_restarts_total": "0+0x20 1+0x39"}, set()),
        ({"moex_decode_errors_total": "0+0x50 7+0x9"}, {"MoexDecodeErrors"}),
    ],
)
def test_an_alert_fires_when_it_should_and_not_else(change: dict[str, str], alerts: set[str], tmp_path: Path) -> None:
    """Looked at after an hour, whose samples are of one instance."""
    assert change.keys() <= STEADY.keys()
    target = 'job="moex-monitor",instance="here"'
    series = [
        {"series": f"{name[:-1]},{target}}}" if "{" in name else f"{name}{{{target}}}", "values": values}
        for name, values in (STEADY | change).items()
    ]
    cases = {
        "rule_files": [str(DEPLOY / "alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": fired(alerts)}],
    }
    file = tmp_path / "cases.json"
    file.write_bytes(msgspec.json.encode(cases))
    promtool("test", "rules", str(file))


def fired(alerts: set[str]) -> list[dict[str, Any]]:
    """What ALERTS has to hold, whatever the texts are."""
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)]
    return [{"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": "59m", "exp_samples": samples}]
