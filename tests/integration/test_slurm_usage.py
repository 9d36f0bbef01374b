"""What jobs used, from a real Slurm's accounting to the pages: per person and programme, once, never a made-up zero."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.configuration import GPU_TYPE
from hub.slurm.names import DASK, KERNEL
from tests.support.notebook import Notebook
from tests.support.slurm import ANN, BEN, CYN, PROGRAMME_ACCOUNT, end_all_jobs, give, wait_until
from tests.support.slurm.site import SlurmWorkbench, slurm_workbench
from tests.support.workbench import ROOT, Visitor, eventually, text_of

SERVICE = "/services/werkbank"
ONE, TWO = f"--gres=gpu:{GPU_TYPE}:1", f"--gres=gpu:{GPU_TYPE}:2"
IN_PROGRAMME = f"--account={PROGRAMME_ACCOUNT}"
Told = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def bench(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmWorkbench]:
    end_all_jobs(slurm)
    with slurm_workbench(slurm, tmp_path_factory.mktemp("usage")) as made:
        yield made


@pytest.fixture
def admin(bench: SlurmWorkbench, quiet: Cluster) -> Visitor:
    """Cyn, once the workbench has read all that there was."""
    visitor = bench.browser(CYN)
    eventually(lambda: not asked(visitor, "admin/use")["jobs"]["is_unknown"], 60, "the first round is over")
    return visitor


def asked(visitor: Visitor, path: str, **query: str) -> dict[str, Any]:
    headers = {"Authorization": f"token {visitor.token()}", "Accept": "application/json"}
    reply = visitor.http.get(f"{SERVICE}/api/v1/{path}", params=query, headers=headers)
    assert reply.status_code == httpx.codes.OK, reply.text
    told: dict[str, Any] = reply.json()
    return told


def lines(visitor: Visitor, by: str) -> Told:
    """What is told of jobs; leases of the demo's GPUs are simulated, and stand apart."""
    return {line["name"]: line for line in asked(visitor, "admin/use", by=by)["lines"] if not line["simulated"]}


def held(told: Told, name: str, what: str = "gpu_hours_jobs") -> float:
    return float(told[name][what]) * 3600 if name in told else 0.0


def ended(made: Cluster, *jobs: int) -> float:
    """Wait until the accounting has the end of these jobs; the GPU-seconds that it tells of them."""

    def rows() -> list[list[str]]:
        asks = ("--noheader", "--parsable2", "--allocations", "--format=End,ElapsedRaw,AllocTRES")
        told = made.run("sacct", f"--jobs={','.join(map(str, jobs))}", *asks)
        return [line.split("|") for line in told.splitlines() if not line.startswith("Unknown")]

    eventually(lambda: len(rows()) == len(jobs), 60, "the accounting has all ends")
    seconds = 0.0
    for _end, elapsed, tres in rows():
        (gpus,) = [part.split("=")[1] for part in tres.split(",") if part.startswith("gres/gpu=")] or ["0"]
        seconds += int(elapsed) * int(gpus)
    return seconds


def on_head(made: Cluster, *arguments: str) -> str:
    command = [*made.head.enter, sys.executable, "-m", "hub.cli", *arguments]
    said = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ)
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


def test_gpu_hours_of_jobs_are_told_per_person_and_programme_on_pages_in_files_and_by_command(
    bench: SlurmWorkbench, admin: Visitor, quiet: Cluster
) -> None:
    users, programmes = lines(admin, "user"), lines(admin, "programme")
    mine = give(quiet, ANN, TWO, IN_PROGRAMME, "--job-name=<train>", script="sleep 3")
    dask = give(quiet, BEN, ONE, f"--job-name={DASK}", script="sleep 2")
    other = give(quiet, BEN, ONE, script="sleep 1")  # neither of a programme's account nor Werkbank's
    used, of_ben = ended(quiet, mine), ended(quiet, dask)
    assert used >= 6
    ended(quiet, other)
    expected = {ANN: held(users, ANN) + used, BEN: held(users, BEN) + of_ben}

    def are_told() -> bool:
        now = lines(admin, "user")
        return all(held(now, name) == pytest.approx(seconds) for name, seconds in expected.items())

    eventually(are_told, 60, "both are counted")
    now = lines(admin, "programme")
    assert held(now, "ained") == pytest.approx(held(programmes, "ained") + used)
    assert held(now, "") == pytest.approx(held(programmes, "") + of_ben)
    kinds = lines(admin, "gpu_class")
    assert held(kinds, GPU_TYPE) == pytest.approx(sum(held(now, name) for name in now))
    assert (now["ained"]["job_energy_kwh"], now["ained"]["gpu_busy_share"]) == (None, None), "nobody measures either"

    reply = admin.http.get(f"{SERVICE}/admin/use", params={"by": "programme", "file": "csv"})
    row = next(row for row in csv.DictReader(io.StringIO(reply.text)) if row["name"] == "ained")
    assert float(row["gpu_hours_jobs"]) * 3600 == pytest.approx(held(now, "ained"))
    assert (row["job_energy_kwh"], row["gpu_busy_share"]) == ("", "")
    assert row["jobs_known_until_utc"].endswith("Z")

    for path in ("admin/use?by=programme", "use/programmes/ained", "programmes/ained", "admin/use/report"):
        page = admin.http.get(f"{SERVICE}/{path}")
        assert page.status_code == httpx.codes.OK
        assert "unknown for now" not in text_of(page.text)
    shown = text_of(admin.http.get(f"{SERVICE}/admin/use").text)
    assert "by jobs: when those are busy, nobody measures" in shown
    assert "Energy: not reported." in shown

    ann = bench.browser(ANN)
    me = asked(ann, "me")["jobs"]
    assert me["gpu_hours"] * 3600 >= used
    assert me["is_unknown"] is False
    own = text_of(ann.http.get(f"{SERVICE}/use", params={"by": "notebook"}).text)
    assert "<train>" in own, "under the name that she gave it, as text"

    command = ("use", "--state", str(bench.state), "--by", "programme")
    assert "Core-hours" in on_head(quiet, *command)
    told = json.loads(on_head(quiet, *command, "--json"))["lines"]
    assert next(line["gpu_hours_jobs"] for line in told if line["name"] == "ained") > 0


def test_a_job_that_runs_is_told_while_it_runs_and_once_when_it_has_ended(admin: Visitor, quiet: Cluster) -> None:
    before = lines(admin, "user")
    job = give(quiet, ANN, ONE, IN_PROGRAMME)
    wait_until(quiet, job, "RUNNING")
    eventually(lambda: held(lines(admin, "user"), ANN) > held(before, ANN) + 2, 60, "it is told while it runs")
    assert lines(admin, "user")[ANN]["is_live"]
    quiet.run("scancel", str(job))
    whole = held(before, ANN) + ended(quiet, job)
    eventually(lambda: not lines(admin, "user")[ANN]["is_live"], 60, "its end is told")
    now = lines(admin, "user")[ANN]
    assert now["gpu_hours_jobs"] * 3600 == pytest.approx(whole)
    assert now["jobs"] == before.get(ANN, {"jobs": 0})["jobs"] + 1


def test_a_job_that_is_only_called_like_a_kernels_is_counted(admin: Visitor, quiet: Cluster) -> None:
    before = lines(admin, "user")
    hidden = give(quiet, ANN, TWO, IN_PROGRAMME, f"--job-name={KERNEL}", "--comment=some-lease", script="sleep 1")
    whole = pytest.approx(held(before, ANN) + ended(quiet, hidden))
    eventually(lambda: held(lines(admin, "user"), ANN) == whole, 60, "it is counted as any other")


def test_jobs_that_are_leases_of_kernels_are_not_counted_again(
    bench: SlurmWorkbench, admin: Visitor, quiet: Cluster
) -> None:
    before = lines(admin, "user")
    ann = bench.browser(ANN)
    ann.start_seat()
    notebook = Notebook(ann, f"python3-{GPU_TYPE}")
    assert notebook.done(notebook.run("print(6 * 7)")).strip().splitlines()[-1] == "42"
    (kernel,) = [int(one) for one in quiet.run("squeue", "--noheader", f"--name={KERNEL}", "--format=%A").split()]
    # Its user can call it something else.
    quiet.run("scontrol", "update", f"JobId={kernel}", "JobName=mine", user=ANN)
    notebook.close()
    ann.stop_seat()
    assert ended(quiet, kernel) > 0
    marker = give(quiet, ANN, ONE, IN_PROGRAMME, script="sleep 1")  # given later, and of the same account
    whole = held(before, ANN) + ended(quiet, marker)
    eventually(lambda: held(lines(admin, "user"), ANN) >= whole, 60, "the later one is counted")
    assert held(lines(admin, "user"), ANN) == pytest.approx(whole)
    (lease,) = [line for line in asked(admin, "admin/use", by="user")["lines"] if line["leases"]]
    assert (lease["name"], lease["simulated"], lease["jobs"]) == (ANN, True, 0)


def test_a_restart_counts_nothing_twice_and_what_ended_meanwhile_once(
    bench: SlurmWorkbench, admin: Visitor, quiet: Cluster
) -> None:
    before = lines(admin, "user")
    early, late = (give(quiet, ANN, ONE, IN_PROGRAMME) for _ in range(2))
    for job in (early, late):
        wait_until(quiet, job, "RUNNING")
    eventually(lambda: lines(admin, "user")[ANN]["is_live"], 60, "they are told while they run")
    stopped = bench.down()
    assert stopped.returncode == 0, stopped.stderr
    quiet.run("scancel", str(early))
    short = give(quiet, ANN, ONE, IN_PROGRAMME, script="sleep 1")
    used = ended(quiet, early, short)
    started = bench.up()
    assert started.returncode == 0, started.stdout + started.stderr
    quiet.run("scancel", str(late))
    whole = held(before, ANN) + used + ended(quiet, late)
    again = bench.browser(CYN)
    eventually(lambda: held(lines(again, "user"), ANN) >= whole - 0.5, 60, "all are counted")
    for _restart in range(2):
        assert lines(again, "user")[ANN]["jobs"] == before.get(ANN, {"jobs": 0})["jobs"] + 3
        assert held(lines(again, "user"), ANN) == pytest.approx(whole)
        bench.down()
        started = bench.up()
        assert started.returncode == 0, started.stdout + started.stderr
        again = bench.browser(CYN)
        eventually(lambda: not asked(again, "admin/use")["jobs"]["is_unknown"], 60, "all was read again")  # noqa: B023


def test_while_slurmdbd_is_away_use_is_unknown_since_then_seats_go_on_and_it_is_caught_up_with(
    bench: SlurmWorkbench, admin: Visitor, quiet: Cluster
) -> None:
    ann = bench.browser(ANN)
    ann.start_seat()
    notebook = Notebook(ann, "python3")
    before = lines(admin, "user")
    assert notebook.done(notebook.run("kept = 6; print(kept * 7)")).strip() == "42"
    quiet.daemons["slurmdbd"].end()
    try:
        told = eventually(lambda: is_unknown(admin), 60, "the reading has failed")
        missed = give(quiet, ANN, TWO, IN_PROGRAMME, script="sleep 2")
        wait_until(quiet, missed, "COMPLETED", "")
        assert told["counted_until"] == asked(admin, "admin/use")["jobs"]["counted_until"], "since when, stays"
        for path in ("admin/use", "use/programmes/ained", "programmes/ained", "admin/use/report?month=" + month()):
            shown = text_of(admin.http.get(f"{SERVICE}/{path}").text)
            assert "What jobs used is unknown for now: Slurm's accounting does not answer." in shown, path
            assert "These figures have it until 20" in shown, path
        assert "unknown for now" in text_of(ann.http.get(f"{SERVICE}/use").text)
        assert "unknown for now" not in text_of(admin.http.get(f"{SERVICE}/admin/use?period=2020").text)
        assert "Look after slurmdbd" in text_of(admin.http.get(f"{SERVICE}/admin/operations").text)
        assert asked(ann, "me")["jobs"]["is_unknown"] is True
        assert held(lines(admin, "user"), ANN) == pytest.approx(held(before, ANN)), "and not zero"
        table = on_head(quiet, "use", "--state", str(bench.state))
        assert "What jobs used is unknown since" in table.replace("\n", " ")
        (said,) = [line for line in bench.hub_log.splitlines() if "slurm.silent" in line and "about=accounting" in line]
        assert "unknown_since=20" in said
        assert notebook.done(notebook.run("print(kept * 7)")).strip() == "42", "kernels go on"
        ben = bench.browser(BEN)
        ben.start_seat()
        ben.stop_seat()
    finally:
        quiet.begin_slurmdbd()
    used = ended(quiet, missed)
    whole = pytest.approx(held(before, ANN) + used)
    eventually(lambda: held(lines(admin, "user"), ANN) == whole, 90, "it is caught up with")
    assert not is_unknown(admin)
    assert "unknown for now" not in text_of(admin.http.get(f"{SERVICE}/admin/use").text)
    notebook.close()
    ann.stop_seat()


def is_unknown(visitor: Visitor) -> dict[str, Any] | None:
    jobs: dict[str, Any] = asked(visitor, "admin/use")["jobs"]
    return jobs if jobs["is_unknown"] else None


def month() -> str:
    return f"{datetime.now(UTC):%Y-%m}"
