"""Which reservation a member's job goes in, and for how long."""

import pytest

from hub.slurm.reservations import Kept, NodeReservation, keepable, kept_for, others_from

NOW = 1_000_000.0


def reserved(name: str, start: float, end: float, *users: str, nodes: str = "n1") -> NodeReservation:
    return NodeReservation(name, NOW + start, NOW + end, frozenset(nodes.split(",")), frozenset(users))


def kept(user: str, *those: NodeReservation) -> Kept | None:
    return kept_for(user, {one.name: one for one in those}, NOW)


def test_jobs_of_members_go_in_while_it_is_on_and_for_an_hour_before() -> None:
    on = reserved("werkbank-1a2b-waves", -60, 60, "ann")
    assert kept("ann", on) == Kept("werkbank-1a2b-waves")
    assert kept("ben", on) is None
    assert kept("ann", reserved("werkbank-1a2b-waves", 3599, 7200, "ann")) is not None
    assert kept("ann", reserved("werkbank-1a2b-waves", 3601, 7200, "ann")) is None
    assert kept("ann", reserved("werkbank-1a2b-waves", -60, 0, "ann")) is None


def test_reservations_that_people_made_themselves_are_theirs_to_use() -> None:
    assert kept("ann", reserved("big-run", -60, 60, "ann")) is None


def test_of_two_the_one_that_is_on_counts_and_of_two_that_are_on_the_one_that_ends_first() -> None:
    first, second = reserved("werkbank-a", -60, 100, "ann"), reserved("werkbank-b", -60, 50, "ann", nodes="n2")
    soon = reserved("werkbank-0", 10, 20, "ann", nodes="n3")
    found = kept("ann", first, second, soon)
    assert found is not None
    assert found.name == "werkbank-b"


def test_a_job_is_over_before_its_nodes_are_somebody_elses() -> None:
    on, after = reserved("werkbank-a", -60, 3600, "ann"), reserved("maintenance", 3600, 7200, nodes="n1,n2")
    found = kept("ann", on, after, reserved("elsewhere", 900, 1000, nodes="n3"))
    assert found == Kept("werkbank-a", NOW + 3600)
    assert (found.bounded(60, NOW), found.bounded(40_000, NOW)) == (60, 3540)


def test_nodes_are_others_from_the_first_reservation_that_a_user_is_not_in() -> None:
    on, soon = reserved("maintenance", -60, 60), reserved("werkbank-b", 900, 1800, "ann", nodes="n1,n2")
    later, past = reserved("werkbank-c", 5000, 6000, "ben", nodes="n2"), reserved("past", -60, 0, "ben", nodes="n3")
    assert others_from("ann", (on, soon, later, past), NOW) == {"n1": 0.0, "n2": 5000.0}
    assert others_from("ben", (on, soon, later, past), NOW) == {"n1": 0.0, "n2": 900.0}


@pytest.mark.parametrize("left", [1.0, 599.0])
def test_what_would_get_no_time_worth_having_is_given_its_own(left: float) -> None:
    assert Kept("werkbank-a", NOW + left).bounded(3600, NOW) == 3600


def test_names_that_slurm_would_read_as_something_else_are_left_out() -> None:
    assert keepable(["ann", "-ben", "+cyn", "a,b", "x y", "", "d.e-f"]) == {"ann", "d.e-f"}
