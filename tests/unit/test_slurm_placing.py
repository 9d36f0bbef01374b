"""Which whole nodes a class gets of a cluster, and what stands in the way of the others."""

import math
from dataclasses import replace

from hub.slurm.jobs import Job, JobState
from hub.slurm.nodes import Node
from hub.slurm.placing import Hindrance, NodePlan, Room, by_node
from hub.slurm.reservations import NodeReservation
from hub.slurm.tres import Tres

GIB = 2**30
NOW = 1_000_000.0
START, END = NOW + 3600, NOW + 2 * 3600
HALF = Room(seats=4, cpus=4, memory=2 * GIB)
"""Seats of half a node."""


def node(name: str, *, gpus: int = 2, kind: str = "h200", state: str = "idle") -> Node:
    have = {kind: gpus} if gpus else {}
    return Node(name, ("gpu",), state, "", 8, 8, 4 * GIB, 4 * GIB, gpus=have, gpus_used={})


def job(number: int, nodes: str, ends: float, *, reservation: str = "", state: JobState = JobState.RUNNING) -> Job:
    return Job(
        number, "job", "ben", "", "gpu", "", reservation, state, state.upper(), "", "", NOW, NOW, ends, nodes, nodes,
        1, 0, Tres(), 0,
    )  # fmt: skip


def reserved(name: str, start: float, end: float, *nodes: str) -> NodeReservation:
    return NodeReservation(name, start, end, frozenset(nodes), frozenset({"ann"}))


PLAN = NodePlan((node("n1"), node("n2"), node("n3")))


def with_jobs(*jobs: Job) -> NodePlan:
    return replace(PLAN, jobs=by_node(jobs, {one.nodes: frozenset(one.nodes.split(",")) for one in jobs}))


def test_as_few_whole_nodes_are_taken_as_seats_and_kernels_need() -> None:
    assert PLAN.place(HALF, START, END).nodes == ("n1", "n2")
    assert PLAN.place(replace(HALF, seats=1), START, END).nodes == ("n1",)
    # Two seats and three kernels, as large as a seat, do not fit on two nodes.
    assert PLAN.place(Room(2, 4, 2 * GIB, devices=3, kind="h200"), START, END).nodes == ("n1", "n2", "n3")


def test_more_than_all_nodes_have_is_never_possible() -> None:
    answer = PLAN.place(replace(HALF, seats=7), START, END)
    assert (answer.fits, answer.is_possible) == (False, False)
    assert not PLAN.place(Room(1, 1, GIB, devices=1, kind="b300"), START, END).is_possible
    assert PLAN.place(Room(1, 1, GIB, devices=6), START, END).nodes == ("n1", "n2", "n3")


def test_nodes_without_gpus_come_first_for_a_class_without_gpus() -> None:
    plan = NodePlan((node("a1"), node("z1", gpus=0)))
    assert plan.place(replace(HALF, seats=2), START, END).nodes == ("z1",)
    assert plan.place(Room(1, 4, 2 * GIB, devices=1), START, END).nodes == ("a1",)


def test_jobs_that_run_into_the_window_keep_their_node_and_are_named() -> None:
    plan = with_jobs(job(7, "n3", END), job(8, "n3", START + 60), job(9, "n2", START - 60))
    answer = plan.place(HALF, START, END)
    assert answer.nodes == ("n1", "n2")
    assert answer.hindrances == (Hindrance("n3", END, jobs=(7, 8)),)
    full = plan.place(replace(HALF, seats=6), START, END)
    assert (full.fits, full.is_possible, full.hindrances) == (False, True, answer.hindrances)
    assert plan.place(replace(HALF, seats=6), END, END + 60).fits


def test_a_job_on_several_nodes_holds_each_and_one_without_a_limit_for_ever() -> None:
    answer = with_jobs(job(7, "n1,n2", 0.0)).place(HALF, START, END)
    assert not answer.fits
    assert [(one.node, one.until) for one in answer.hindrances] == [("n1", math.inf), ("n2", math.inf)]


def test_jobs_that_wait_or_have_ended_hold_nothing() -> None:
    plan = with_jobs(job(7, "n1", END, state=JobState.PENDING), job(8, "n2", END, state=JobState.ENDED))
    assert plan.place(replace(HALF, seats=6), START, END).fits


def test_a_node_that_takes_no_jobs_is_nobodys_and_says_so() -> None:
    plan = replace(PLAN, nodes=(node("n1", state="idle+drain"), node("n2")))
    answer = plan.place(HALF, START, END)
    assert (answer.nodes, answer.hindrances) == ((), (Hindrance("n1", math.inf),))


def test_what_is_reserved_in_the_window_is_named_and_what_touches_it_is_no_hindrance() -> None:
    before, after = reserved("before", NOW, START, "n2"), reserved("after", END, END + 60, "n3")
    plan = replace(PLAN, reservations=(reserved("maintenance", END - 60, END + 60, "n1"), before, after))
    answer = plan.place(HALF, START, END)
    assert answer.nodes == ("n2", "n3")
    assert answer.hindrances == (Hindrance("n1", END + 60, reservation="maintenance"),)


def test_nodes_that_are_another_classs_soon_are_taken_last_and_when_is_told() -> None:
    plan = replace(PLAN, reservations=(reserved("after", END, END + 60, "n1"),))
    assert plan.place(HALF, START, END).nodes == ("n2", "n3")
    assert plan.place(HALF, START, END).followed is None
    assert plan.place(replace(HALF, seats=6), START, END).followed == END


def test_a_node_becomes_free_with_the_last_of_its_jobs_and_never_with_one_that_has_no_end() -> None:
    plan = with_jobs(job(7, "n1", START), job(8, "n1", END), job(9, "n2", 0.0), job(10, "n2", START))
    plan = replace(plan, reservations=(reserved("maintenance", END + 60, END + 120, "n3"),))
    assert sorted(plan.moments(100.0)) == [END - 40, END, END + 120]


def test_a_reservation_goes_on_having_its_nodes_while_they_do() -> None:
    mine = reserved("mine", START, END, "n2", "n3")
    plan = replace(with_jobs(job(7, "n3", END, reservation="mine"), job(8, "n2", END)), reservations=(mine,))
    assert plan.place(HALF, START, END + 60, own="mine").nodes == ("n2", "n3")
    assert plan.place(HALF, START, END).nodes == ()


def test_a_reservation_gets_another_node_for_one_that_is_lost_and_keeps_the_rest() -> None:
    mine = reserved("mine", START, END, "n2", "n3")
    plan = replace(PLAN, nodes=(node("n1"), node("n2", state="down"), node("n3")), reservations=(mine,))
    assert plan.place(HALF, START, END, own="mine").nodes == ("n1", "n3")
