"""Dashboards and alert rules as files: made of what is specified, readable by Grafana and Prometheus, explained."""

import ast
import itertools
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from hub.backup.make import make
from hub.backup.record import last_backup
from hub.leases.events import Drained, Reserved
from hub.leases.metrics import LeaseMetrics
from hub.leases.model import Reservation
from hub.monitoring.dashboards import COLUMNS, as_text, made, specified
from hub.runtime import Runtime
from hub.service.metrics import Metrics
from hub.state import StateDirectory
from hub.web.gateway_api import OwnedCluster
from tests.support.desk import MakeWorld, World
from tests.support.monitoring import DASHBOARDS, RULES, Query, alerts, asked, dashboard, program, queries
from tests.support.workbench import ROOT

RULE_TESTS = ROOT / "tests" / "data" / "monitoring-rules-test.yaml"


def test_the_dashboards_are_what_is_specified() -> None:
    """Run `python -m hub.monitoring.dashboards` after changing dashboards.yaml."""
    known = {f"{name}.json": as_text(made(name, one)) for name, one in specified().items()}
    assert {file.name: file.read_text() for file in DASHBOARDS} == known


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_as_grafana_wants_it(file: Path) -> None:
    board = dashboard(file)
    assert re.fullmatch(r"[\w-]{1,40}", board["uid"])
    assert [one["name"] for one in board["templating"]["list"]] == ["datasource", "instance"]
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        references = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(references)) == len(references)
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel.get("targets", ()))
        if panel["type"] != "row":
            assert panel["description"].endswith((".", ":"))
            assert panel["fieldConfig"]["defaults"]["unit"]
    assert_no_panel_lies_on_another(panels)


def assert_no_panel_lies_on_another(panels: list[dict[str, Any]]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS
        own = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert not own & taken, panel["title"]
        taken |= own


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.where)
def test_every_query_is_promql_about_some_metric(query: Query) -> None:
    assert asked(query.text).metrics


def test_what_is_no_promql_is_noticed() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        asked("sum by (le (rate(x[5m]))")


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_what_to_do_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    told = rule["annotations"]
    assert set(told) == {"summary", "description", "action", "runbook"}
    file, _, anchor = told["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_refusals_are_no_failures_of_seats() -> None:
    """Each reason that the code refuses a seat for is left out of the alert; those of failures are not."""
    (rule,) = (rule for rule in alerts() if rule["alert"] == "WerkbankSeatsFail")
    (pattern,) = re.findall(r'reason!~"([^"]*)"', rule["expr"])
    sources = [*(ROOT / "hub" / "spawners").glob("*.py"), ROOT / "hub" / "workshops" / "admission.py"]
    reasons = {found for source in sources for found in reasons_in(ast.parse(source.read_text()))}
    assert {name for name, _reason in reasons} == {"Refusal", "SpawnException"}
    for name, reason in reasons:
        assert bool(re.fullmatch(pattern, reason)) == (name == "Refusal"), reason


def reasons_in(tree: ast.AST) -> set[tuple[str, str]]:
    """Which exception is raised for which reason."""
    return {
        (call.func.id, word.value.value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if call.func.id in ("Refusal", "SpawnException")
        for word in call.keywords
        if word.arg == "reason" and isinstance(word.value, ast.Constant)
    }


def test_prometheus_reads_the_rules(tmp_path: Path) -> None:
    done = subprocess.run([program("promtool"), "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(alerts())} rules found" in done.stdout


def test_each_alert_fires_when_it_should_and_not_otherwise(tmp_path: Path) -> None:
    promtool = program("promtool")
    text = RULE_TESTS.read_text()
    assert {rule["alert"] for rule in alerts()} == set(re.findall(r"Werkbank[A-Z]\w+", text)), "each has a test"
    (tmp_path / "tests.yaml").write_text(text.replace("RULES", str(RULES)))
    done = subprocess.run(
        [promtool, "test", "rules", tmp_path / "tests.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- what the metrics say -----------------------------------------------------------------------------------


def gauges(world: World) -> dict[str, float]:
    """The gauges of the one class there is, by their short names."""
    registry = CollectorRegistry()
    LeaseMetrics(registry).set_gauges(world.desk.broker.state, world.now)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    samples = [sample for family in families for sample in family.samples if sample.labels.get("gpu_class") == "big"]
    return {" ".join((one.name.removeprefix("werkbank_"), *_state(one.labels))): one.value for one in samples}


def _state(labels: dict[str, str]) -> list[str]:
    return [labels["state"]] if "state" in labels else []


def test_the_line_and_its_oldest_are_told(make_world: MakeWorld) -> None:
    world = make_world(count=1)
    assert gauges(world)["devices_free"] == 1
    world.ask("one", "ada")
    world.take("one")
    world.ask("two", "ben")
    world.now += 30
    world.ask("three", "cas")
    found = gauges(world)
    assert (found["devices_free"], found["devices held"], found["devices free"]) == (0, 1, 0)
    assert (found["leases_in_line"], found["lease_oldest_wait_seconds"]) == (2, 30)


def test_a_device_that_a_reservation_keeps_is_not_free_for_who_waits(make_world: MakeWorld) -> None:
    world = make_world(count=2)
    world.tell(Reserved(Reservation("class", "big", 1, world.now + 60, world.now + 3600, "learners")))
    assert gauges(world)["devices_free"] == 1
    assert gauges(world)["devices free"] == 2


def test_a_drained_device_is_out_of_service_and_not_free(make_world: MakeWorld) -> None:
    world = make_world(count=2)
    world.tell(Drained(world.desk.broker.inventory.devices()[0].uuid, True))
    found = gauges(world)
    assert (found["devices_out_of_service"], found["devices_free"]) == (1, 1)


def cluster(running: int) -> OwnedCluster:
    began = datetime.fromtimestamp(0, UTC)
    return OwnedCluster("c", "running", began, None, "ada", "", running, wanted=9, cores=1, memory=0, gpu_class="")


def test_what_is_not_known_has_no_sample_rather_than_a_zero() -> None:
    metrics = Metrics()
    assert "\nwerkbank_last_backup_timestamp_seconds" not in metrics.exposition().decode()
    metrics.observe_backup(datetime.fromtimestamp(1_795_478_400, UTC))
    metrics.observe_dask([cluster(running=3), cluster(running=4)])
    text = metrics.exposition().decode()
    assert "\nwerkbank_last_backup_timestamp_seconds 1.7954784e+09" in text
    assert "\nwerkbank_dask_workers 7.0" in text
    metrics.observe_dask(None)
    assert "\nwerkbank_dask_workers" not in metrics.exposition().decode()


# --- the last backup ----------------------------------------------------------------------------------------


def test_a_backup_that_went_well_is_remembered_and_one_that_did_not_is_not(tmp_path: Path) -> None:
    state = StateDirectory.open(tmp_path / "state")
    state.secret("leases")
    runtime = Runtime(ROOT / "werkbank.yaml", state)
    assert last_backup(state) is None
    with pytest.raises(Exception, match="is there already"):
        make(runtime, ROOT / "werkbank.yaml", homes=False)
    assert last_backup(state) is None
    manifest = make(runtime, tmp_path / "one.tar.gz", homes=True)
    found = last_backup(state)
    assert found is not None
    assert (found.made, found.homes) == (manifest.made, True)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"made": "yesterday", "version": "1", "homes": true}'])
def test_a_damaged_record_counts_as_none(tmp_path: Path, text: str) -> None:
    state = StateDirectory.open(tmp_path)
    (tmp_path / "last-backup.json").write_text(text)
    assert last_backup(state) is None
