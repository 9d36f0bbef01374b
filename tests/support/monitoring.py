"""What the dashboards and alert rules ask Prometheus for, and what a running workbench tells it."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from tests.support.workbench import ROOT

MONITORING = ROOT / "hub" / "monitoring"
RULES = MONITORING / "prometheus" / "rules.yaml"
DASHBOARDS = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))
GRAFANAS = {"$__rate_interval": "2m", "$instance": "127.0.0.1:8000"}
"""Grafana's variables, and what they may stand for."""


def program(name: str) -> str:
    """Where a program of Debian's package prometheus is; the test is skipped, with the reason, where it is not."""
    if (found := shutil.which(name)) is None:
        pytest.skip(f"{name} is not installed (on Debian: apt install prometheus)")
    return found


def alerts() -> list[dict[str, Any]]:
    """The alert rules."""
    (group,) = YAML(typ="safe").load(RULES)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@dataclass(frozen=True)
class Query:
    """One question to Prometheus: where it stands, its PromQL, and labels that its answer is shown with."""

    where: str
    text: str
    shown: frozenset[str] = frozenset()


def queries() -> list[Query]:
    """All that dashboards and rules ask."""
    found = [
        Query(f"{rule['alert']}", rule["expr"], frozenset(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))))
        for rule in alerts()
    ]
    for file in DASHBOARDS:
        for panel in dashboard(file)["panels"]:
            for target in panel.get("targets", ()):
                text = target["expr"]
                for variable, value in GRAFANAS.items():
                    text = text.replace(variable, value)
                shown = frozenset(re.findall(r"{{(\w+)}}", target["legendFormat"]))
                found.append(Query(f"{file.stem}: {panel['title']}", text, shown))
    return found


@dataclass
class Asked:
    """What a query speaks of."""

    metrics: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By metric: labels that are looked at, each with the values that are looked for."""
    grouped: set[str] = field(default_factory=set)
    """Labels that sums and joins go by."""


def asked(query: str) -> Asked:
    """Raises ValueError when it is no PromQL."""
    found = Asked()

    def visit(node: Any) -> None:
        if isinstance(node, promql.VectorSelector):
            labels = found.metrics.setdefault(node.name, {})
            for matcher in node.matchers.matchers:
                labels.setdefault(matcher.name, []).extend(_values(matcher))
        elif isinstance(node, promql.AggregateExpr) and node.modifier:
            found.grouped.update(node.modifier.labels)
        elif isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
            found.grouped.update(node.modifier.matching.labels)

    promql.walk(promql.parse(query), visit)
    return found


def _values(matcher: Any) -> Iterator[str]:
    """Values that a matcher looks for; of what it leaves out none need be there, and patterns are not listed."""
    if matcher.op == promql.MatchOp.Equal:
        yield matcher.value
    elif matcher.op == promql.MatchOp.Re and "*" not in matcher.value:
        yield from matcher.value.split("|")


def told(exposition: str) -> dict[str, dict[str, set[str]]]:
    """By metric, the labels of its samples, each with its values. A metric without samples has no labels."""
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(exposition):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if not family.samples:
            found.setdefault(name, {})
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found
