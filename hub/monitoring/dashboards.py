"""Makes Grafana's JSON of what `dashboards.yaml` says: `python -m hub.monitoring.dashboards` writes the files anew."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

HERE = Path(__file__).parent
SPECIFIED = HERE / "dashboards.yaml"
MADE = HERE / "grafana" / "dashboards"
COLUMNS = 24
HEIGHTS = {"stat": 4}
OTHER_HEIGHT = 8
SCHEMA_VERSION = 39
"""Of the JSON: that of Grafana 10.4, which later ones read and bring up to date."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
TYPES = {
    "stat": "stat",
    "lines": "timeseries",
    "heatmap": "heatmap",
    "timeline": "state-timeline",
    "table": "table",
}
"""Grafana's names of the kinds of panels."""

Unit = Literal["short", "none", "s", "percentunit", "watt", "cpm"]
"""Grafana's names of units: counts, nothing, seconds, shares of 1, watts, per minute."""
Colour = Literal["green", "orange", "red"]


class Part(BaseModel):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(Part):
    """A heading between panels."""

    row: str


class Panel(Part):
    """One picture."""

    title: str = Field(min_length=1)
    says: str = Field(min_length=10)
    """What it shows, in a sentence for whoever points at it."""
    kind: Literal["stat", "lines", "heatmap", "timeline", "table"]
    unit: Unit
    width: int = Field(ge=3, le=COLUMNS)
    queries: dict[str, str] = Field(min_length=1)
    """PromQL by legend."""
    stacked: bool = False
    shows: Literal["value", "name"] = "value"
    steps: dict[float, Colour] = {}
    """Colours from these values on."""
    words: dict[int, str] = {}
    """What stands for a value."""
    second: dict[str, Unit] = {}
    """Legends that have the axis on the right, with its unit."""


class Dashboard(Part):
    """One page of panels."""

    title: str
    description: str
    refresh: str
    from_: str = Field(alias="from")
    panels: list[Row | Panel]


def specified() -> dict[str, Dashboard]:
    """The dashboards by name. Raises ValidationError."""
    tree = YAML(typ="safe").load(SPECIFIED)
    return {name: Dashboard.model_validate(one) for name, one in tree.items()}


def made(name: str, dashboard: Dashboard) -> dict[str, Any]:
    """A dashboard as Grafana reads it."""
    return {
        "uid": f"werkbank-{name}",
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["werkbank"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one moment is marked in all panels
        "refresh": dashboard.refresh,
        "time": {"from": dashboard.from_, "to": "now"},
        "timezone": "browser",
        "links": [_links()],
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": list(_placed(dashboard.panels)),
    }


def as_text(dashboard: dict[str, Any]) -> str:
    """The file's text."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _links() -> dict[str, Any]:
    return {"type": "dashboards", "title": "Werkbank", "tags": ["werkbank"], "asDropdown": False, "keepTime": True}


def _variables() -> list[dict[str, Any]]:
    instances = "label_values(werkbank_build_info, instance)"
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0},
        {
            "name": "instance",
            "label": "Workbench",
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": instances, "refId": "instances"},
            "refresh": 2,  # whenever the span of time changes
            "sort": 1,
            "hide": 0,
        },
    ]


def _placed(panels: list[Row | Panel]) -> Iterator[dict[str, Any]]:
    """Panels from left to right, and below each other where a row is full."""
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        width = COLUMNS if isinstance(panel, Row) else panel.width
        if x + width > COLUMNS:
            x, y, height = 0, y + height, 0
        own = 1 if isinstance(panel, Row) else HEIGHTS.get(panel.kind, OTHER_HEIGHT)
        place = {"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": own}}
        yield place | (_row(panel) if isinstance(panel, Row) else _panel(panel))
        x, height = x + width, max(height, own)


def _row(row: Row) -> dict[str, Any]:
    return {"type": "row", "title": row.row, "collapsed": False, "panels": []}


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": TYPES[panel.kind],
        "title": panel.title,
        "description": panel.says,
        "datasource": DATASOURCE,
        "targets": [_target(panel, place, *query) for place, query in enumerate(panel.queries.items())],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": [_right(*one) for one in _seconds(panel)]},
        "options": _options(panel),
        "transformations": _transformations(panel),
    }


def _target(panel: Panel, place: int, legend: str, query: str) -> dict[str, Any]:
    at_once = panel.kind == "table" or panel.shows == "name"
    layout = {"table": "table", "heatmap": "heatmap"}.get(panel.kind, "time_series")
    return {
        "refId": chr(ord("A") + place),
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query,
        "legendFormat": legend or panel.title,
        "range": not at_once,
        "instant": at_once,
        "format": layout,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = panel.steps or {0.0: "green"}
    first, *others = sorted(steps.items())
    colours = [{"color": first[1], "value": None}, *({"color": colour, "value": at} for at, colour in others)]
    defaults: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": colours}}
    if panel.kind in ("stat", "timeline") and panel.steps:
        defaults["color"] = {"mode": "thresholds"}
    if panel.kind == "lines":
        defaults |= {"min": 0} if panel.stacked else {}
        defaults["custom"] = {
            "fillOpacity": 30 if panel.stacked else 0,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if panel.steps else "off"},
        }
    if panel.words:
        words = {str(value): {"text": word, "index": place} for place, (value, word) in enumerate(panel.words.items())}
        defaults["mappings"] = [{"type": "value", "options": words}]
    return defaults


def _seconds(panel: Panel) -> Iterator[tuple[str, Unit]]:
    """Which targets have the right axis, by their reference, and its unit."""
    references = {legend: chr(ord("A") + place) for place, legend in enumerate(panel.queries)}
    return ((references[legend], unit) for legend, unit in panel.second.items())


def _right(reference: str, unit: Unit) -> dict[str, Any]:
    return {
        "matcher": {"id": "byFrameRefID", "options": reference},
        "properties": [{"id": "unit", "value": unit}, {"id": "custom.axisPlacement", "value": "right"}],
    }


def _options(panel: Panel) -> dict[str, Any]:
    match panel.kind:
        case "stat":
            last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
            colour = "background" if panel.steps else "value"
            return {
                "reduceOptions": last,
                "colorMode": colour,
                "textMode": panel.shows if panel.shows == "name" else "auto",
            }
        case "lines":
            return {
                "legend": {"displayMode": "list", "placement": "bottom"},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        case "heatmap":
            return {
                "calculate": False,
                "cellGap": 1,
                "color": {"mode": "scheme", "scheme": "Viridis"},
                "yAxis": {"unit": panel.unit},
            }
        case "timeline":
            return {"mergeValues": True, "showValue": "auto", "legend": {"displayMode": "list", "placement": "bottom"}}
        case "table":
            return {"showHeader": True}


def _transformations(panel: Panel) -> list[dict[str, Any]]:
    """A table without the time and the 1 that say nothing."""
    hidden = {"id": "organize", "options": {"excludeByName": {"Time": True, "Value": True}}}
    return [hidden] if panel.kind == "table" else []


def main() -> None:
    """Write the files anew."""
    MADE.mkdir(exist_ok=True)
    for name, dashboard in specified().items():
        (MADE / f"{name}.json").write_text(as_text(made(name, dashboard)))


if __name__ == "__main__":
    main()
