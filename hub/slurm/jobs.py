"""Jobs as Slurm tells them, as typed values: `squeue --json` of 22.05.

What later versions are documented to print (numbers as objects, states as lists) is read too; none was tried.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from hub.slurm.commands import Slurm, SlurmSilent
from hub.slurm.tres import Tres, gpu_numbers_of, tres_of


class JobState(StrEnum):
    """What a job does, as far as it matters to whoever waits for it."""

    PENDING = "pending"
    RUNNING = "running"
    ENDING = "ending"
    """Its processes are being ended; what it held is not free yet."""
    ENDED = "ended"


@dataclass(frozen=True)
class Job:
    """One job. Times are Unix seconds; 0.0 is never."""

    id: int
    name: str
    user: str
    account: str
    partition: str
    qos: str
    reservation: str
    state: JobState
    slurm_state: str
    """Slurm's own word: RUNNING, NODE_FAIL …"""
    reason: str
    """Why it is pending, or how it ended, in Slurm's word: Resources, Priority, NodeDown …"""
    description: str
    """A sentence of Slurm's about it, where there is one."""
    submitted: float
    starts: float
    """When it started; of a pending job, when Slurm thinks that it will."""
    ends: float
    """When its time is over, or was."""
    node: str
    """The first of its nodes, where its script runs; empty while it has none."""
    nodes: str
    priority: int
    restarts: int
    """How often it was put back in the line after it had begun."""
    tres: Tres
    """What it holds, or asks for."""
    exit_code: int
    comment: str = ""
    """What whoever gave it wrote beside it."""
    limit: float = 0.0
    """How many seconds it may run; 0.0 is without a bound."""
    gpu_numbers: frozenset[int] = frozenset()
    """Those of its first node that it has, by Slurm's numbers; empty before it runs."""


_ENDING = {"COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED"}
_RUNNING = {"RUNNING", "SUSPENDED", "RESIZING"}
_PENDING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}


def _number(value: Any) -> Any:
    """Since 23.02 a number may be an object that says whether it is set."""
    if isinstance(value, Mapping):
        value = value.get("number", value.get("return_code")) if value.get("set", True) else None
        value = _number(value) if isinstance(value, Mapping) else value
    return 0 if value is None else value


def _words(value: Any) -> Any:
    """Since 23.11 a state is a list, with flags."""
    return [value] if isinstance(value, str) else value


Number = Annotated[int, BeforeValidator(_number)]
Text = Annotated[str, BeforeValidator(lambda value: value or "")]


class _Job(BaseModel):
    """What is read of a job; Slurm tells three times as much."""

    model_config = ConfigDict(extra="ignore")

    job_id: Number
    name: Text = ""
    user_name: Text = ""
    account: Text = ""
    partition: Text = ""
    qos: Text = ""
    resv_name: Text = ""
    job_state: Annotated[list[str], BeforeValidator(_words)]
    state_reason: Text = ""
    state_description: Text = ""
    submit_time: Number = 0
    start_time: Number = 0
    end_time: Number = 0
    batch_host: Text = ""
    nodes: Text = ""
    priority: Number = 0
    restart_cnt: Number = 0
    tres_alloc_str: Text = ""
    tres_req_str: Text = ""
    exit_code: Number = 0
    time_limit: Number = 0
    """Minutes."""
    comment: Text = ""
    gres_detail: list[Text] = []
    """Of each of its nodes."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    jobs: list[_Job]
    errors: list[Any] = []
    """Without a controller squeue 22.05 ends as if all were well, with no jobs and a word of it here."""


async def jobs(slurm: Slurm, *which: str) -> dict[int, Job]:
    """All jobs that Slurm still knows, or those that squeue's options choose. Raises SlurmSilent, SlurmRefused."""
    return read_jobs(await slurm.ask("squeue", "--all", "--states=all", "--json", *which))


def read_jobs(told: str) -> dict[int, Job]:
    """What `squeue --json` printed. Raises SlurmSilent for what is not understood: nothing follows from it."""
    try:
        answer = _Answer.model_validate(json.loads(told))
    except (json.JSONDecodeError, ValidationError) as error:
        raise SlurmSilent(f"squeue said something that is not understood here: {error}") from error
    if answer.errors:
        raise SlurmSilent(f"squeue gave no whole answer: {answer.errors[0]}")
    return {one.job_id: _job(one) for one in answer.jobs}


def _job(one: _Job) -> Job:
    state = state_of(one.job_state)
    has_begun = state is not JobState.PENDING
    return Job(
        id=one.job_id,
        name=one.name,
        user=one.user_name,
        account=one.account,
        partition=one.partition,
        qos=one.qos,
        reservation=one.resv_name,
        state=state,
        slurm_state=one.job_state[0] if one.job_state else "",
        reason="" if one.state_reason == "None" else one.state_reason,
        description=one.state_description,
        submitted=float(one.submit_time),
        starts=float(one.start_time),
        ends=float(one.end_time),
        node=one.batch_host if has_begun else "",
        nodes=one.nodes if has_begun else "",
        priority=one.priority,
        restarts=one.restart_cnt,
        tres=tres_of(one.tres_alloc_str or one.tres_req_str),
        exit_code=one.exit_code,
        comment=one.comment,
        limit=one.time_limit * 60.0,
        gpu_numbers=_gpu_numbers(one.gres_detail),
    )


def _gpu_numbers(details: list[str]) -> frozenset[int]:
    by_type = gpu_numbers_of(details[0]).values() if details else ()
    return frozenset().union(*by_type)


def state_of(told: list[str]) -> JobState:
    """What Slurm's states and flags come to. A flag says more than the state that it stands beside."""
    words = set(told)
    if words & _ENDING:
        return JobState.ENDING
    if words & _PENDING:
        return JobState.PENDING
    return JobState.RUNNING if words & _RUNNING else JobState.ENDED
