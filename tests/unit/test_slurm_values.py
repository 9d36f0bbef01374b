"""What Slurm prints, read without one: GPUs in its notation, and both shapes of a job."""

import json
from typing import Any

import pytest

from hub.slurm.commands import SlurmSilent
from hub.slurm.jobs import JobState, read_jobs
from hub.slurm.tres import Tres, gpus_of, tres_of

JOB = {"job_id": 7, "job_state": "PENDING", "state_reason": "None", "start_time": 0, "priority": 4, "user_name": "ann"}
LATER: dict[str, Any] = {
    "job_state": ["RUNNING", "COMPLETING"],
    "start_time": {"set": True, "infinite": False, "number": 1_795_743_023},
    "end_time": {"set": False, "infinite": True, "number": 0},
    "exit_code": {"status": ["ERROR"], "return_code": {"set": True, "infinite": False, "number": 3}},
}


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("gpu:h200:2(S:0-1)", {"h200": 2}),
        ("gpu:h200:1(IDX:0),gpu:a100:2(IDX:0-1)", {"h200": 1, "a100": 2}),
        ("gres/gpu=2,gres/gpu:h200=2", {"h200": 2}),
        ("gres/gpu=3,gres/gpu:h200=2", {"h200": 2, "": 1}),
        ("gpu:0", {}),
        ("(null)", {}),
    ],
)
def test_gpus_are_counted_by_type_and_a_total_beside_them_is_not_counted_again(text: str, gpus: dict[str, int]) -> None:
    assert gpus_of(text) == gpus


def test_what_a_job_holds_is_read_in_bytes() -> None:
    assert tres_of("cpu=2,mem=1.5G,node=1,billing=2,gres/gpu=1") == Tres(2, 3 * 2**29, 1, {"": 1})


def test_a_job_is_read_as_22_05_prints_it() -> None:
    one = read_jobs(json.dumps({"jobs": [JOB]}))[7]
    assert (one.state, one.reason, one.starts, one.user) == (JobState.PENDING, "", 0.0, "ann")


def test_numbers_as_objects_and_states_with_flags_are_read_too() -> None:
    one = read_jobs(json.dumps({"jobs": [JOB | LATER]}))[7]
    assert (one.state, one.slurm_state, one.starts, one.ends, one.exit_code) == (
        JobState.ENDING, "RUNNING", 1_795_743_023.0, 0.0, 3,
    )  # fmt: skip


def test_an_answer_with_an_error_inside_is_no_answer_although_squeue_calls_it_a_success() -> None:
    error = {"error_number": 1, "error": "Unable to contact slurm controller (connect failure)"}
    with pytest.raises(SlurmSilent, match="connect failure"):
        read_jobs(json.dumps({"errors": [error], "jobs": []}))


@pytest.mark.parametrize("told", ["", "slurm_load_jobs", '{"jobs": [{"job_state": "RUNNING"}]}'])
def test_what_is_not_understood_is_no_answer(told: str) -> None:
    with pytest.raises(SlurmSilent, match="not understood"):
        read_jobs(told)
