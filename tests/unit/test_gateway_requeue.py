"""Workers that Slurm may put back in the line: which are lost, which are back, and when one is given up."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dask_gateway_server.backends.db_base import JobStatus

from hub.gateway.caps import refusal_to_requeue
from hub.gateway.options import JobBounds, cluster_options
from hub.gateway.requeue import DECIDES_WITHIN_S, LOST, is_over, newly_lost, returned
from hub.slurm.jobs import Job, JobState
from hub.slurm.tres import Tres
from tests.unit.test_gateway_caps import profile

LONG = DECIDES_WITHIN_S + 1


def worker(**more: Any) -> Any:
    basic = {"status": JobStatus.RUNNING, "target": JobStatus.RUNNING, "close_expected": False, "state": {"job": 7}}
    return SimpleNamespace(**(basic | more))


@pytest.mark.parametrize(
    ("more", "is_lost"),
    [
        ({}, True),
        ({"status": JobStatus.SUBMITTED}, True),
        ({"close_expected": True}, False),
        ({"target": JobStatus.STOPPED}, False),
        ({"target": JobStatus.FAILED}, False),
        ({"status": JobStatus.FAILED}, False),
        ({"status": JobStatus.CREATED, "state": {}}, False),
        ({"state": {"job": 7, LOST: 1.0}}, False),
    ],
)
def test_a_worker_that_was_to_stay_and_ended_is_lost_once(more: dict[str, Any], is_lost: bool) -> None:
    one = worker(**more)
    assert newly_lost({"w": one}, ["w", "of-another-time"]) == ([one] if is_lost else [])


def test_a_lost_worker_is_back_when_its_scheduler_has_it() -> None:
    lost, other = worker(state={"job": 7, LOST: 1.0}), worker()
    assert returned({"w": lost, "v": other}, ["w", "v", "of-another-time"]) == [lost]
    assert returned({"w": lost}, []) == []


def job(state: JobState, starts: float = 0.0) -> Job:
    blank = dict.fromkeys(
        ("name", "user", "account", "partition", "qos", "reservation", "slurm_state", "reason", "description"), ""
    )
    times = {"submitted": 0.0, "ends": 0.0, "node": "n1", "nodes": "n1", "priority": 1, "restarts": 1, "exit_code": 0}
    return replace(Job(id=7, state=state, starts=starts, tres=Tres(), **blank, **times))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "now", "over"),
    [
        (None, 1, True),
        (job(JobState.ENDED), 1, True),
        (job(JobState.ENDING), LONG, False),
        (job(JobState.PENDING), LONG, False),
        (job(JobState.RUNNING), 1, False),
        (job(JobState.RUNNING), LONG, True),
        (job(JobState.RUNNING, starts=DECIDES_WITHIN_S), LONG, False),
    ],
    ids=["forgotten", "ended", "ends", "waits", "runs: Slurm may not know yet", "runs for long", "began again"],
)
def test_a_lost_worker_is_given_up_when_no_job_will_bring_it_back(told: Job | None, now: float, over: bool) -> None:
    assert is_over(told, 0.0, now) is over


def test_the_option_is_there_where_it_is_allowed_off_by_default_and_nothing_but_yes_or_no() -> None:
    without, with_it = (
        cluster_options(profile(), Path("/opt"), jobs=JobBounds(2.0, may_requeue=may)) for may in (False, True)
    )
    with pytest.raises(ValueError, match="requeue"):
        without.parse_options({"requeue": True})
    for sent, meant in (({}, False), ({"requeue": True}, True)):
        assert with_it.get_configuration(with_it.parse_options(sent), None)["requeue"] is meant
    for wrong in ("--nodelist=n1", 1, None):
        with pytest.raises(TypeError, match="requeue"):
            with_it.parse_options({"requeue": wrong})
    assert without.get_configuration(without.parse_options({}), None)["requeue"] is False


def test_where_it_is_not_allowed_the_refusal_says_so_in_the_seats_language() -> None:
    assert refusal_to_requeue(profile()).startswith("With the profile Medium no worker goes back in the line")
    assert refusal_to_requeue(profile(), "nl").startswith("Met het profiel Middel gaat geen worker terug in de rij")
