"""Dashboards and alerts ask for what a running workbench tells, and a real Prometheus reads it."""

import json
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.leases.model import LeaseState
from hub.state import free_ports
from tests.support.lease_seat import seat_of
from tests.support.monitoring import alerts, asked, program, queries, told
from tests.support.workbench import Workbench, eventually, run_werkbank

Told = dict[str, dict[str, set[str]]]

METRICS, BACKUP = "/services/werkbank/metrics", "werkbank_last_backup_timestamp_seconds"
SCRAPED = {"job": {"werkbank", "werkbank-hub"}, "instance": {"127.0.0.1:8000"}}
"""Labels that Prometheus puts on everything it reads."""
PROMETHEUS_OWN: Told = {
    "up": {},
    "ALERTS": {"alertstate": {"firing"}, **{name: set() for name in ("alertname", "severity", "gpu_class", "name")}},
}
NOT_HERE: Told = {"werkbank_gpu_energy_joules_total": {"gpu_class": set()}}
"""Labels of what only a facility with real devices tells."""
TRANSITIONS = "werkbank_lease_transitions_total"


@pytest.fixture(scope="module")
def files(facility: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `werkbank monitoring` wrote for this workbench."""
    folder = tmp_path_factory.mktemp("monitoring")
    done = run_werkbank("monitoring", "--to", str(folder), "--state", str(facility.state))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def metrics(facility: Workbench, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What service and hub told: before and after a first backup, with a lease that was served."""
    visitor = facility.browser()
    assert BACKUP in told(visitor.http.get(METRICS).text)
    assert f"\n{BACKUP} " not in visitor.http.get(METRICS).text, "there was none yet"
    archive = tmp_path_factory.mktemp("backup") / "werkbank.tar.gz"
    done = run_werkbank("backup", str(archive), "--state", str(facility.state))
    assert done.returncode == 0, done.stderr
    with seat_of(facility, "scientist", "medium") as seat:
        seat.active()
        service, hub = visitor.http.get(METRICS).text, visitor.http.get("/hub/metrics", headers=token(files)).text
        seat.give_all_back()
    assert f"\n{BACKUP} " in service
    assert "scientist" not in service
    return told(service) | told(hub)


def token(files: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {(files / 'prometheus' / 'token').read_text().strip()}"}


def test_every_metric_label_and_value_that_is_asked_for_is_there(metrics: Told) -> None:
    known = metrics | PROMETHEUS_OWN | {name: NOT_HERE[name] for name in NOT_HERE if not metrics[name]}
    # Which edges there were is up to the leases of the moment: any may come.
    known[TRANSITIONS] = {edge: {*LeaseState, "none"} for edge in known[TRANSITIONS]}
    wrong = [sentence for query in queries() for sentence in missing(query.text, query.shown, known)]
    assert wrong == []


def missing(query: str, shown: frozenset[str], known: Told) -> Iterator[str]:
    """Sentences about what a query speaks of and nobody tells."""
    found, labels = asked(query), set(SCRAPED)
    for metric, matchers in found.metrics.items():
        here = known.get(metric)
        if here is None:
            yield f"there is no {metric}: {query}"
            continue
        labels |= here.keys()
        for label, values in matchers.items():
            there = SCRAPED.get(label, here.get(label))
            if there is None:
                yield f"{metric} has no {label}: {query}"
            elif there and not set(values) <= there:
                yield f"{metric} has no {label} {values}: {query}"
    if strange := (found.grouped | shown) - labels:
        yield f"no metric has {strange}: {query}"


@pytest.mark.parametrize(
    "query",
    [
        "werkbank_devices_fre",
        'werkbank_devices{kind="held"}',
        'werkbank_devices{state="hold"}',
        "sum by (klass) (werkbank_devices)",
        'werkbank_lease_wait_seconds_bucket{le="61.0"}',
    ],
)
def test_what_nobody_tells_is_noticed(metrics: Told, query: str) -> None:
    assert list(missing(query, frozenset(), metrics))


def test_the_token_reads_metrics_and_nothing_else(facility: Workbench, files: Path) -> None:
    assert stat.S_IMODE((files / "prometheus" / "token").stat().st_mode) == 0o600
    visitor = facility.browser()
    assert visitor.http.get("/hub/metrics").status_code == 403
    assert visitor.http.get("/hub/metrics", headers=token(files)).status_code == 200
    assert visitor.http.get("/hub/api/users", headers=token(files)).status_code == 403
    api = visitor.http.get("/services/werkbank/api/v1/me", headers=token(files) | {"Accept": "application/json"})
    assert api.status_code == 401


@contextmanager
def prometheus(files: Path, folder: Path) -> Iterator[httpx.Client]:
    """A Prometheus with the files as they were written, only quicker; what one can ask it."""
    configuration = files / "prometheus" / "quick.yaml"
    configuration.write_text(
        (files / "prometheus" / "prometheus.yaml").read_text().replace("_interval: 30s", "_interval: 1s")
    )
    (port,) = free_ports(1)
    command = [program("prometheus"), f"--config.file={configuration}", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
                eventually(lambda: answers(client), what=f"Prometheus answers: {folder}/log")
                yield client
        finally:
            process.terminate()
            process.wait()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/status/buildinfo").status_code == 200
    except httpx.TransportError:
        return False


def test_a_prometheus_reads_both_and_evaluates_every_rule_and_panel(files: Path, metrics: Told, tmp_path: Path) -> None:
    with prometheus(files, tmp_path) as client:

        def scraped() -> list[Any]:
            targets: list[Any] = client.get("/targets").json()["data"]["activeTargets"]
            return targets if all(target["health"] != "unknown" for target in targets) else []

        targets = eventually(scraped, what="both are read")
        assert {(one["labels"]["job"], one["health"]) for one in targets} == {
            ("werkbank", "up"),
            ("werkbank-hub", "up"),
        }, json.dumps(targets)
        rules = eventually(lambda: evaluated(client), what="every rule was evaluated")
        assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}
        assert {rule["name"] for rule in rules} == {rule["alert"] for rule in alerts()}
        for query in queries():
            reply = client.get("/query", params={"query": query.text})
            assert reply.status_code == 200, f"{query.where}: {reply.text}"
        free = client.get("/query", params={"query": "werkbank_devices_free"}).json()["data"]["result"]
        assert [one["metric"]["gpu_class"] for one in free] == ["simulated"]


def evaluated(client: httpx.Client) -> list[Any]:
    """The rules, once each was looked at."""
    groups = client.get("/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return rules if rules and all(rule["health"] != "unknown" for rule in rules) else []


def test_where_files_cannot_be_written_is_said(facility: Workbench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run_werkbank("monitoring", "--to", str(tmp_path / "file"), "--state", str(facility.state))
    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr
