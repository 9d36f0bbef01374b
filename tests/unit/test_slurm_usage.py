"""What sacct printed on a real cluster (22.05.8), read: jobs of every end, several nodes, energy counted and not."""

from pathlib import Path

import pytest

from hub.slurm.commands import Slurm, SlurmSilent
from hub.slurm.tres import Tres
from hub.slurm.usage import FIELDS, JobUse, read_usage, usage

RECORDED = (Path(__file__).parents[1] / "data" / "sacct-22.05.8.txt").read_text()
"""As `usage` asks for it; one of its nodes counted energy. A job in it has a line break and a bar in its name."""
SEPARATOR = "~recorded~"
MIB = 2**20


def row(**values: str) -> str:
    basic = {
        "JobIDRaw": "7",
        "User": "ann",
        "Account": "ai-ned",
        "State": "COMPLETED",
        "Submit": "1795784372",
        "Start": "1795784373",
        "End": "1795784383",
        "ElapsedRaw": "10",
        "AllocTRES": "cpu=2,gres/gpu=1,mem=1G,node=1",
        "ConsumedEnergyRaw": "",
        "JobName": "werkbank-dask",
    }
    return "".join(f"{(basic | values)[field]}{SEPARATOR}" for field in FIELDS) + "\n"


def read(told: str = RECORDED) -> list[JobUse]:
    return read_usage(told, SEPARATOR)


def named(name: str) -> JobUse:
    (one,) = [job for job in read() if job.name == name]
    return one


def test_every_job_that_began_is_told_once_and_none_that_waits_or_was_cancelled_in_the_line() -> None:
    names = [job.name for job in read()]
    assert sorted(set(names)) == [
        *("array", "cancelled", "ended-meanwhile", "evil\n99999~x|", "failed", "lost-node", "requeued", "running"),
        *("suspended", "two-nodes", "untyped", "werkbank-dask", "with-steps"),
    ]
    assert names.count("array") == 2, "each task of an array is a job of its own"
    assert len(names) == 14


def test_a_job_is_read_with_what_it_held_and_for_how_long() -> None:
    assert named("werkbank-dask") == JobUse(
        id=3,
        submitted=1795787527,
        name="werkbank-dask",
        user="ann",
        account="ai-ned",
        began=1795787527,
        ended=1795787534,
        seconds=7,
        tres=Tres(cpus=8, memory=800 * MIB, nodes=1, gpus={"h200": 2}),
        energy=900,
    )


def test_gpus_of_all_nodes_are_added_up_and_have_their_type_though_the_job_named_none() -> None:
    assert (named("two-nodes").tres.nodes, named("two-nodes").tres.gpus) == (2, {"h200": 4})
    assert named("untyped").tres.gpus == {"h200": 1}
    assert named("failed").tres.gpus == {}


def test_a_job_that_runs_has_no_end_and_what_it_held_so_far() -> None:
    one = named("running")
    assert (one.ended, one.end_is_due, one.energy) == (None, False, None)
    assert one.seconds > 0


def test_of_a_job_that_is_over_the_end_may_be_yet_to_be_told() -> None:
    """So slurmdbd tells it for some seconds when it is back, and the time that it tells goes on with the clock."""
    one = named("ended-meanwhile")
    assert (one.ended, one.end_is_due) == (None, True)
    assert [job.name for job in read() if job.end_is_due] == ["ended-meanwhile"]


@pytest.mark.parametrize("state", ["RUNNING", "SUSPENDED", "COMPLETING", "RESIZING"])
def test_a_job_that_does_something_yet_has_no_end_that_is_due(state: str) -> None:
    (one,) = read(row(State=state, End="Unknown"))
    assert not one.end_is_due


def test_time_in_which_a_job_was_suspended_is_not_held() -> None:
    one = named("suspended")
    assert one.ended is not None
    assert (one.ended - one.began, one.seconds) == (12, 8)


def test_a_job_that_was_cancelled_or_put_back_in_the_line_held_what_it_had_until_then() -> None:
    assert [(job.name, job.seconds) for job in read() if job.name in ("cancelled", "requeued")] == [
        ("requeued", 5),
        ("cancelled", 4),
    ]


def test_energy_is_that_of_the_whole_job_whether_or_not_it_had_steps() -> None:
    """A job's own row has that of its steps alone; of a script without steps, the batch step has all."""
    assert named("werkbank-dask").energy == named("with-steps").energy == 900


@pytest.mark.parametrize("told", ["", "0", "4294967294", "18446744073709551614", "-2"])
def test_empty_zero_and_no_value_are_no_measurement_of_energy(told: str) -> None:
    (one,) = read(row(ConsumedEnergyRaw=told) + row(JobIDRaw="7.batch", ConsumedEnergyRaw=told))
    assert one.energy is None


def test_a_job_that_went_back_in_the_line_is_two() -> None:
    first, again = row(State="REQUEUED"), row(Submit="1795784390", Start="1795784400", End="Unknown", State="RUNNING")
    assert [(job.id, job.submitted, job.ended) for job in read(first + again)] == [
        (7, 1795784372, 1795784383),
        (7, 1795784390, None),
    ]


def test_steps_of_a_job_that_is_not_told_are_nobodys() -> None:
    waits = row(JobIDRaw="8", Start="Unknown", End="Unknown", AllocTRES="")
    step = row(JobIDRaw="8.batch", ConsumedEnergyRaw="500")
    (one,) = read(row() + waits + step)
    assert (one.id, one.energy) == (7, None)


def test_nobody_can_give_a_job_a_name_that_reads_as_a_job_of_somebody_else() -> None:
    forged = row(User="ben", JobIDRaw="99").replace(SEPARATOR, "~guessed~")
    (one,) = read(row(JobName=f"x~guessed~\n{forged}"))
    assert (one.user, one.id) == ("ann", 7)


def test_no_jobs_are_no_error() -> None:
    assert read("") == []


@pytest.mark.parametrize(
    "told",
    [
        "sacct: something else",
        row()[:-20],
        row(Start="yesterday"),
        row(ElapsedRaw="1:00"),
        row(AllocTRES="cpu=many"),
        row(ConsumedEnergyRaw="2.25K"),
        row(JobIDRaw="7_1"),
    ],
)
def test_what_is_not_understood_is_no_answer(told: str) -> None:
    with pytest.raises(SlurmSilent, match="not understood"):
        read(told)


def slurm_that(says: str, status: int) -> Slurm:
    """Programs that print something beside their answer, and end so."""
    return Slurm(("sh", "-c", f"echo '{says}' >&2; exit {status}", "--"))


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ("sacct: error: Problem talking to the database: Unable to connect to database", 1),
        ("sacct: error: Sending PersistInit msg: Connection refused", 1),
        ("sacct: error: slurmdbd: no rows came, and more of it", 0),
    ],
)
async def test_an_accounting_without_its_database_is_silent_and_tells_no_empty_list(says: str, status: int) -> None:
    with pytest.raises(SlurmSilent):
        await usage(slurm_that(says, status), 0, 60, 60, accounts=["ai-ned"])
