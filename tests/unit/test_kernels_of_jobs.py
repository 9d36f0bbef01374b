"""Leases that are jobs: what follows from what Slurm says, and what a host is told and tells."""

from dataclasses import replace

import pytest
from werkbank_kernels.job.host import kernel_environment
from werkbank_kernels.job.wire import Contact

from hub.errors import LeaseRefused
from hub.leases.events import (
    Arrived,
    Bound,
    Event,
    Foretold,
    JobOver,
    Kept,
    Listed,
    Released,
    Requested,
    Submitted,
    Ticked,
)
from hub.leases.events import Heard as HeardOf
from hub.leases.invariants import violations
from hub.leases.inventory.cluster import class_of, devices_of
from hub.leases.jobs.reading import line_of, news_of, orphans
from hub.leases.machine import decide
from hub.leases.model import Device, Lease, LeaseState, Outlook, Rules
from hub.leases.state import State
from hub.leases.waiting import is_held_back, standing
from hub.settings import GpuClass
from hub.slurm.jobs import Job, JobState
from hub.slurm.names import KERNEL
from hub.slurm.nodes import Node
from hub.slurm.tres import Tres, gpu_numbers_of
from tests.support.leases import lease

RULES = Rules(jobs=True, parking=False, idle_life=100, min_idle_crowded=10, notice=5, farewell=60, unheard_life=500)
CLASSES = {
    "big": GpuClass.model_validate({"title": {"en": "Big", "nl": "Groot"}, "memory": "1GiB", "gres": "gpu:h200"}),
    "any": GpuClass.model_validate({"title": {"en": "Any", "nl": "Elke"}, "memory": "1GiB", "gres": "gpu"}),
}


def job(**facts: object) -> Job:
    basic: dict[str, object] = {
        "id": 7, "name": KERNEL, "user": "ann", "account": "", "partition": "gpu", "qos": "", "reservation": "",
        "state": JobState.PENDING, "slurm_state": "PENDING", "reason": "Resources", "description": "",
        "submitted": 1.0, "starts": 0.0, "ends": 0.0, "node": "", "nodes": "", "priority": 1, "restarts": 0,
        "tres": Tres(gpus={"h200": 1}), "exit_code": 0,
    }  # fmt: skip
    return Job(**(basic | facts))  # type: ignore[arg-type]


def device(number: int = 0) -> Device:
    return Device(f"n1/gpu{number}", "big", index=number)


class Play:
    """A broker's decisions, each checked."""

    def __init__(self, rules: Rules = RULES, devices: int = 2) -> None:
        self.state, self.now = State(rules), 0.0
        self.tell(Listed(tuple(device(number) for number in range(devices))))

    def tell(self, event: Event) -> None:
        self.state, _actions = decide(self.state, event, self.now)
        assert violations(self.state) == []

    def later(self, seconds: float, *heard: str) -> None:
        self.now += seconds
        for id in heard:
            self.tell(HeardOf(id, self.state.leases[id].epoch, busy=False, wants=False, watched=True))
        self.tell(Ticked())

    def of(self, id: str = "one") -> Lease:
        return self.state.leases[id]

    def runs(self, id: str = "one", user: str = "ann", number: int = 0, given: int = 7) -> None:
        self.tell(Requested(lease(id, user)))
        self.tell(Submitted(id, given))
        self.tell(Arrived(id, given, (device(number),), "tcp://10.0.0.1:1 key"))


def test_a_free_device_is_not_granted_where_slurm_gives_them() -> None:
    play = Play()
    play.tell(Requested(lease("one", "ann")))
    assert play.of().state is LeaseState.QUEUED
    assert standing(play.state, play.of()) is not None


def test_a_job_that_arrives_has_what_slurm_gave_it() -> None:
    play = Play()
    play.runs()
    one = play.of()
    assert (one.state, one.devices, one.job, one.epoch) == (LeaseState.OFFERED, ("n1/gpu0",), 7, 1)


def test_a_device_that_nobody_had_listed_yet_is_known_from_then_on() -> None:
    play = Play(devices=1)
    play.runs(number=5)
    assert play.of().devices == ("n1/gpu5",)


def test_slurms_word_counts_when_it_gives_a_device_anew_that_is_still_in_our_books() -> None:
    play = Play()
    play.runs("one")
    play.runs("two", "ben", given=8)
    assert "one" not in play.state.leases
    assert play.of("two").devices == ("n1/gpu0",)


@pytest.mark.parametrize("wrong", [Arrived("one", 99, (device(),), "x"), Arrived("one", 7, (), "x")])
def test_who_arrives_with_another_job_or_without_devices_is_refused(wrong: Arrived) -> None:
    play = Play()
    play.tell(Requested(lease("one", "ann")))
    play.tell(Submitted("one", 7))
    with pytest.raises(LeaseRefused):
        play.tell(wrong)


def test_devices_that_a_job_waits_for_count_against_its_users_bound() -> None:
    play = Play(replace(RULES, devices_per_user=1))
    for number, id in enumerate(("one", "two")):
        play.tell(Requested(lease(id, "ann", requested=float(number))))
    assert not is_held_back(play.state, play.of("two"))
    play.tell(Submitted("one", 7))
    assert is_held_back(play.state, play.of("two"))
    assert not is_held_back(play.state, play.of("one"))
    play.tell(Released("one", "cancelled"))
    assert not is_held_back(play.state, play.of("two"))


def test_a_job_whose_seat_is_silent_for_long_ends() -> None:
    play = Play()
    play.runs()
    play.tell(Bound("one", 1, 5, "1"))
    play.later(50, "one")
    play.later(RULES.unheard_life - 1)
    assert "one" in play.state.leases
    play.later(2)
    assert "one" not in play.state.leases


def test_an_idle_job_is_told_long_before_it_makes_room_and_a_keep_holds() -> None:
    play = Play(devices=1)
    play.runs()
    play.tell(HeardOf("one", 1, busy=False, wants=False, watched=True))
    play.tell(Bound("one", 1, 5, "1"))
    play.tell(Requested(lease("two", "ben")))
    play.tell(Submitted("two", 8))
    play.later(50, "one", "two")
    assert play.of().state is LeaseState.ACTIVE
    play.later(55, "one", "two")
    assert play.of().state is LeaseState.NOTICE
    assert play.of().ends_at == play.now + RULES.farewell
    play.tell(Kept("one"))
    play.later(30, "one", "two")
    assert play.of().state is LeaseState.ACTIVE


# --- reading ---------------------------------------------------------------------------------------------------


def heard(told: Job | None, **facts: object) -> list[Event]:
    return list(news_of(lease("one", "ann", job=7, **facts), told, [3, 7], 1000.0))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (None, "job-gone"),
        (job(state=JobState.ENDED, slurm_state="NODE_FAIL"), "job-node"),
        (job(state=JobState.ENDED, slurm_state="TIMEOUT"), "job-timeout"),
        (job(state=JobState.ENDED, slurm_state="CANCELLED"), "job-cancelled"),
        (job(state=JobState.ENDED, slurm_state="OUT_OF_MEMORY"), "job-memory"),
        (job(state=JobState.ENDED, slurm_state="COMPLETED"), "job-failed"),
        (job(restarts=1), "job-requeued"),
        (job(reason="PartitionTimeLimit"), "job-hopeless"),
        (job(state=JobState.RUNNING, starts=1.0), "job-never-arrived"),
    ],
)
def test_a_lease_ends_with_its_job_and_says_why(told: Job | None, why: str) -> None:
    assert heard(told) == [JobOver("one", why)]


def test_a_job_that_waits_has_slurms_place_reason_and_estimate() -> None:
    told = heard(job(starts=2000.0))
    assert told == [Foretold("one", Outlook(place=2, of=2, reason="Resources", starts=2000.0))]


def test_how_a_job_ended_is_not_guessed_while_it_ends() -> None:
    assert heard(job(state=JobState.ENDING, slurm_state="COMPLETING")) == []


def test_the_line_is_of_those_who_want_the_same_gpus_in_slurms_order() -> None:
    jobs = {
        one.id: one
        for one in (
            job(id=1, priority=5),
            job(id=2, priority=9),
            job(id=3, priority=9, submitted=0.5),
            job(id=4, priority=9, partition="cpu"),
            job(id=5, priority=9, tres=Tres(gpus={"a10": 1})),
            job(id=6, priority=9, tres=Tres(gpus={"": 1})),
            job(id=7, priority=9, tres=Tres()),
            job(id=8, priority=9, state=JobState.RUNNING),
        )
    }
    assert line_of(jobs, "gpu", "h200") == [3, 2, 6, 1]
    assert line_of(jobs, None, "") == [3, 2, 4, 5, 6, 1]


def test_a_job_that_names_no_live_lease_is_an_orphan() -> None:
    leases = {"one": lease("one", "ann", job=7), "two": lease("two", "ann")}
    jobs = {
        7: job(comment="one"),
        8: job(id=8, comment="one"),
        9: job(id=9, comment="gone"),
        10: job(id=10, comment="two"),
        11: job(id=11, comment="gone", name="another"),
        12: job(id=12, comment="gone", state=JobState.ENDED),
    }
    assert [one.id for one in orphans(jobs, leases)] == [8, 9]


# --- devices ------------------------------------------------------------------------------------------------------


def test_the_devices_of_a_cluster_have_slurms_numbers_and_those_in_use_are_taken() -> None:
    nodes = {
        "n1": Node("n1", ("gpu",), "mixed", "", 8, 8, 1, 1, {"h200": 2, "a10": 1}, {"h200": 1},
                   {"h200": frozenset({1})}),
        "n2": Node("n2", ("gpu",), "down", "", 8, 8, 1, 1, {"h200": 1}, {}),
        "n3": Node("n3", ("cpu",), "idle", "", 8, 8, 1, 1, {"h200": 1}, {}),
    }  # fmt: skip
    found = devices_of(nodes, CLASSES, "gpu")
    assert [(one.uuid, one.gpu_class, one.taken, one.visible) for one in found] == [
        ("n1/gpu0", "big", False, True),
        ("n1/gpu1", "big", True, True),
        ("n1/gpu2", "any", False, True),
        ("n2/gpu0", "big", False, False),
    ]


def test_a_type_that_no_class_asks_for_is_none_of_ours() -> None:
    assert class_of("a10", {"big": CLASSES["big"]}) == ""


def test_numbers_of_gpus_are_read_with_their_ranges() -> None:
    told = "gpu:h200:3(IDX:0-1,4),gpu:a10:0(IDX:N/A)"
    assert gpu_numbers_of(told) == {"h200": frozenset({0, 1, 4})}


# --- the host --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "tcp://10.0.0.1:5", "ipc:///tmp/x " + "k" * 40, "tcp://10.0.0.1:5 short"])
def test_what_is_no_contact_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a contact"):
        Contact.of(text)


def test_a_contact_has_an_address_and_a_key() -> None:
    contact = Contact.of("tcp://[fd00::7]:4000 " + "k" * 40)
    assert (contact.address, contact.machine) == ("tcp://[fd00::7]:4000", "tcp://[fd00::7]")


def test_a_kernel_sees_its_jobs_devices_and_nothing_of_the_seats_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    seat = {"CUDA_VISIBLE_DEVICES": "", "SLURM_JOB_ID": "3", "WERKBANK_NODE": "/x", "NVIDIA_VISIBLE_DEVICES": "void"}
    told = kernel_environment(seat | {"WERKBANK_API": "http://x", "MINE": "kept"})
    assert (told["CUDA_VISIBLE_DEVICES"], told["SLURM_JOB_ID"], told["MINE"]) == ("0", "7", "kept")
    assert told["WERKBANK_API"] == "http://x"
    assert not {"WERKBANK_NODE", "NVIDIA_VISIBLE_DEVICES"} & set(told)


def test_a_kernel_sees_no_devices_where_slurm_gave_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert kernel_environment({"CUDA_VISIBLE_DEVICES": "3"})["CUDA_VISIBLE_DEVICES"] == ""
