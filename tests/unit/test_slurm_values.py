"""What Slurm prints, read without one: GPUs in its notation, and both shapes of a job."""

import asyncio
import base64
import json
import re
import time
from datetime import datetime
from typing import Any

import pytest

from hub.slurm.commands import SlurmRefused, SlurmSilent
from hub.slurm.jobs import JobState, read_jobs
from hub.slurm.submit import JobRequest, as_account, read_expected, script_of
from hub.slurm.tres import Tres, gpus_of, tres_of
from hub.slurm.watch import Shared
from hub.slurm.words import ENDS, HOPELESS, how_ended, when_expected, why_pending
from hub.words import translator

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


class Asked:
    """Counts how often it is asked; answers when it is let."""

    def __init__(self) -> None:
        self.times, self.let = 0, asyncio.Event()

    async def __call__(self) -> int:
        self.times += 1
        mine = self.times
        await self.let.wait()
        return mine


async def test_five_hundred_who_ask_at_once_are_one_question() -> None:
    asked = Asked()
    shared = Shared(asked, "test")
    all_of_them = [asyncio.create_task(shared.get(5, float("-inf"))) for _ in range(500)]
    await asyncio.sleep(0)
    asked.let.set()
    assert set(await asyncio.gather(*all_of_them)) == {1}
    assert await shared.get(5, float("-inf")) == 1, "young enough for who comes later"
    assert await shared.get(0, float("-inf")) == 2, "and too old for who wants to know now"


async def test_who_asks_about_something_newer_than_the_question_gets_one_of_their_own() -> None:
    asked = Asked()
    shared = Shared(asked, "test")
    early = asyncio.create_task(shared.get(5, float("-inf")))
    await asyncio.sleep(0)
    late = asyncio.create_task(shared.get(5, time.monotonic()))
    await asyncio.sleep(0)
    asked.let.set()
    assert (await early, await late) == (1, 2)


async def test_who_gives_up_waiting_does_not_take_the_answer_from_others() -> None:
    asked = Asked()
    shared = Shared(asked, "test")
    impatient, patient = (asyncio.create_task(shared.get(5, float("-inf"))) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    asked.let.set()
    assert await patient == 1


async def test_a_question_that_fails_fails_for_all_who_asked_and_is_asked_again() -> None:
    async def silent() -> int:
        raise SlurmSilent("not now")

    shared = Shared(silent, "test")
    results = await asyncio.gather(*(shared.get(5, float("-inf")) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in results] == [SlurmSilent] * 3
    assert shared.seen is None


def test_what_a_job_asks_for_is_whole_numbers_and_names() -> None:
    asked = JobRequest("werkbank-seat", "/home/ann", 2, 2**30 + 1, 61, account="ai-ned").options()
    assert {"--cpus-per-task=2", "--mem=1025M", "--time=2", "--account=ai-ned", "--chdir=/home/ann"} < set(asked)
    assert {"--no-requeue", "--export=NIL"} < set(asked)
    assert not [one for one in asked if one.startswith(("--partition", "--qos"))]


def test_a_job_is_put_back_in_the_line_only_where_that_is_asked_for() -> None:
    asked = [JobRequest("werkbank-dask", "/home/ann", 1, 1, 60, requeue=may).options() for may in (False, True)]
    assert [[one for one in options if "requeue" in one] for options in asked] == [["--no-requeue"], ["--requeue"]]


def test_what_a_job_is_about_is_one_word_to_a_shell_whatever_it_holds() -> None:
    job = {"argv": ["a b", "$(id)", "`id`", "\n#SBATCH --nodelist=n1", "'\"; exit", "é"]}
    shebang, data, export, program = script_of("/opt/my env/bin/python", "a.module", job).splitlines()
    assert (shebang, export, program) == (
        "#!/bin/sh", "export WERKBANK_JOB", "exec '/opt/my env/bin/python' -m a.module",
    )  # fmt: skip
    word = re.fullmatch(r"WERKBANK_JOB=([A-Za-z0-9+/=]+)", data)
    assert word is not None
    assert json.loads(base64.b64decode(word[1], validate=True)) == job


@pytest.mark.parametrize("name", ["root", "daemon", "nobody-here-has-this-name"])
def test_a_job_is_never_that_of_an_account_of_the_system(name: str) -> None:
    with pytest.raises(SlurmRefused, match=name):
        as_account(name)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_reason_and_every_end_is_a_sentence_and_an_unknown_word_is_shown(language: str) -> None:
    _ = translator(language)
    reasons = [
        *("Resources", "Priority", "QOSMaxGRESPerUser", "QOSGrpCpuLimit", "AssocGrpGRES", "AssocGrpCPUMinutesLimit"),
        *("ReqNodeNotAvail, UnavailableNodes:n1", "JobHeldAdmin", "PartitionDown", "Reservation", "", *HOPELESS),
    ]
    said = [why_pending(reason, _) for reason in reasons]
    assert all(one.endswith(".") for one in said)
    assert not [one for reason, one in zip(reasons, said, strict=True) if reason and reason in one]
    assert "Moonphase" in why_pending("Moonphase", _)
    assert how_ended("CANCELLED", _) != how_ended("TIMEOUT", _)
    assert how_ended("SOMETHING", _) == _(ENDS["FAILED"])


def test_an_estimate_is_a_time_of_day_and_none_where_slurm_has_none() -> None:
    now = 1_795_743_000.0
    job = read_jobs(json.dumps({"jobs": [JOB]}))[7]
    _ = translator("en")
    assert when_expected(job.starts, now, _) == ""
    soon = read_jobs(json.dumps({"jobs": [JOB | {"start_time": int(now) + 600}]}))[7]
    assert "at about" in when_expected(soon.starts, now, _)
    late = read_jobs(json.dumps({"jobs": [JOB | {"start_time": int(now) + 86_400}]}))[7]
    assert "tomorrow" in when_expected(late.starts, now, _)
    assert when_expected(soon.starts, now + 700, _) == "", "that time has passed"


def test_a_time_to_begin_is_read_in_both_of_slurms_spellings() -> None:
    assert read_expected("sbatch: Job 7 to start at 1795743023 using 8 processors on nodes n1 in partition gpu") == (
        1_795_743_023
    )
    local = datetime.fromtimestamp(1_795_743_023).astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    assert read_expected(f"sbatch: Job 7 to start at {local} using 8 processors") == 1_795_743_023
    assert read_expected("allocation failure: Requested node configuration is not available") is None
