"""The alert rules: each fires on its case and on no other, on names that are really exported."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client import CollectorRegistry
from ruamel.yaml import YAML

from api.metrics import Metrics, Standing
from store.rows import Counts
from tests.deploy.promql import Moment, names_in, series

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARDS = DEPLOY / "compose" / "grafana" / "dashboards"
RECORDED = Path(__file__).with_name("temporal_metrics.txt")

# What Prometheus and its node exporter have by themselves.
OF_PROMETHEUS = {"up", "node_filesystem_avail_bytes", "node_filesystem_size_bytes"}
# What worker and relay export beside the SDK's own, on the SDK's endpoint.
OF_THE_WORKER = {
    "dueline_activity_seconds_bucket",
    "dueline_activity_seconds_count",
    "dueline_activity_failures_total",
    "dueline_notices_total",
}


def seconds(text: str) -> float:
    return promql_parser.parse_duration(text).total_seconds()


def rules() -> dict[str, dict[str, Any]]:
    groups = YAML(typ="safe").load(PROMETHEUS / "alerts.yml")["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    by_name = {rule["alert"]: rule for rule in found}
    assert len(by_name) == len(found), "two rules have one name"
    return by_name


def cases() -> list[dict[str, Any]]:
    # As text: `0x20` is a series of zeroes, not thirty-two.
    file = YAML(typ="base").load(PROMETHEUS / "alerts.test.yml")
    assert file["evaluation_interval"] == "1m"
    tests: list[dict[str, Any]] = file["tests"]
    return tests


def firing(case: dict[str, Any], rule: dict[str, Any], until: float) -> list[dict[str, str]]:
    """The labels of what fires at `until`, counted minute by minute as Prometheus does."""
    all_series = tuple(
        series(one["series"], one["values"], seconds(case["interval"]))
        for one in case["input_series"]
    )
    expression = promql_parser.parse(rule["expr"])
    since: dict[frozenset[tuple[str, str]], float] = {}
    for minute in range(int(until // 60) + 1):
        found = Moment(all_series, minute * 60.0).value(expression)
        assert isinstance(found, dict)
        bare = [frozenset(pair for pair in labels if pair[0] != "__name__") for labels in found]
        since = {labels: since.get(labels, minute * 60.0) for labels in bare}
    return [
        dict(labels) | rule["labels"]
        for labels, began in since.items()
        if until - began >= seconds(rule["for"])
    ]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_a_rule_fires_exactly_when_its_case_says(case: dict[str, Any]) -> None:
    [asked] = case["alert_rule_test"]
    rule = rules()[asked["alertname"]]

    fires = firing(case, rule, seconds(asked["eval_time"]))

    assert fires == [alert["exp_labels"] for alert in asked["exp_alerts"]]


def test_each_rule_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    verdicts: dict[str, set[bool]] = {}
    for case in cases():
        for asked in case["alert_rule_test"]:
            verdicts.setdefault(asked["alertname"], set()).add(bool(asked["exp_alerts"]))

    assert verdicts == {name: {True, False} for name in rules()}


@pytest.mark.parametrize("name", sorted(rules()))
def test_each_rule_says_what_is_wrong_and_leads_to_its_place_in_the_runbook(name: str) -> None:
    rule = rules()[name]

    anchor = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#alert-{anchor}"
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["labels"]["severity"] in {"critical", "warning"}


def exported() -> set[str]:
    """Every name that a scrape can bring."""
    ours = set(OF_THE_WORKER)
    for family in registry().collect():
        suffixes = {
            "counter": ("_total",),
            "histogram": ("_bucket", "_count", "_sum"),
        }.get(family.type, ("",))
        ours |= {family.name + suffix for suffix in suffixes}
    return ours | OF_PROMETHEUS | recorded()


def registry() -> CollectorRegistry:
    """The API's own, with how everything stands when nothing is there."""
    empty: dict[str, object] = {
        name: 0 if field.annotation in {int, float} else {}
        for name, field in Counts.model_fields.items()
    }
    registry = Metrics().registry
    registry.register(Standing(Counts.model_validate(empty), engine_up=True))
    return registry


def recorded() -> set[str]:
    """What a real server and a real worker served when the list was last recorded."""
    lines = RECORDED.read_text().splitlines()
    found: set[str] = set()
    for line in lines:
        if line and not line.startswith("#"):
            name, kind = line.split()
            suffixes = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
            found |= {name + suffix for suffix in suffixes}
    return found


def test_every_rule_reads_names_that_somebody_exports() -> None:
    read = set().union(*(names_in(rule["expr"]) for rule in rules().values()))

    assert read - exported() == set()


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("name", ["business", "engine"])
def test_every_panel_reads_names_that_somebody_exports_and_says_its_unit(name: str) -> None:
    dashboard = json.loads((DASHBOARDS / f"{name}.json").read_text())
    shown = panels(dashboard)

    for panel in shown:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "5m")
            assert names_in(expression) - exported() == set(), panel["title"]
            assert target["legendFormat"], panel["title"]
    places = [tuple(panel["gridPos"].values()) for panel in shown]
    assert len(set(places)) == len(places), "two panels lie on each other"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_promtool_takes_the_same_cases() -> None:
    file = YAML(typ="safe").load(PROMETHEUS / "alerts.test.yml")
    assert file["rule_files"] == ["alerts.yml"]

    if promtool := shutil.which("promtool"):  # no package of ours brings it
        command = [promtool, "test", "rules", "alerts.test.yml"]
        ran = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout
