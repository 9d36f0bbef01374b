"""What a quota would have held back: the same requests once more."""

from hypothesis import given
from hypothesis import strategies as st

from hub.accounting.replay import Served, people, replay, weeks
from hub.leases.fairshare import WEEK, next_monday

MONDAY = next_monday(1_762_300_800.0)
END = MONDAY + 4 * WEEK
HOUR = 3600.0

requests = st.lists(
    st.tuples(
        st.floats(0, 4 * WEEK - 1), st.floats(60, 200 * HOUR), st.integers(1, 4), st.sampled_from(["ada", "bob"])
    ),
    max_size=30,
).map(lambda rows: [Served(str(n), user, MONDAY + at, long, count) for n, (at, long, count, user) in enumerate(rows)])


def served(id: str, at_hours: float, hours: float, user: str = "ada") -> Served:
    return Served(id, user, MONDAY + at_hours * HOUR, hours * HOUR, 1)


@given(requests)
def test_without_a_quota_everything_goes_as_it_did(some: list[Served]) -> None:
    done = replay(some, END, None, None)
    assert not any(one.held_back for one in done)
    assert all(week.as_it_was == week.under_quota for week in weeks(done, MONDAY, END))


@given(requests, st.floats(0, 300) | st.none(), st.integers(0, 6) | st.none())
def test_nobody_starts_earlier_or_overtakes_and_every_start_is_within_the_bounds(
    some: list[Served], hours: float | None, gpus: int | None
) -> None:
    done = replay(some, END, hours, gpus)
    starts = [END if one.start is None else one.start for one in done]
    assert starts == sorted(starts)
    begun = [one for one in done if one.start is not None]
    for one in begun:
        assert one.start is not None
        assert one.served.got <= one.start < END
    for place, one in enumerate(begun):
        at = one.start or 0.0
        before = [(other.start or 0.0, other.served) for other in begun[:place]]
        monday = next_monday(at) - WEEK
        in_use = sum(other.count for start, other in before if start + other.seconds > at)
        held = sum(max(0.0, min(s + o.seconds, at) - max(s, monday)) * o.count for s, o in before) / HOUR
        assert gpus is None or in_use < gpus
        assert hours is None or held < hours


def test_who_is_held_back_by_hours_starts_on_monday_and_counts_in_that_week() -> None:
    done = replay([served("a", 0, 10), served("b", 20, 5, "bob")], END, 10, None)
    assert [one.start for one in done] == [MONDAY, MONDAY + WEEK]
    first, second, *_rest = weeks(done, MONDAY, END)
    assert (first.as_it_was, first.under_quota, first.held_back, first.hours_held_back) == (15, 10, 1, 5)
    assert (second.as_it_was, second.under_quota) == (0, 5)
    assert [(one.user, one.held_back, one.longest) for one in people(done)] == [
        ("bob", 1, WEEK - 20 * HOUR),
        ("ada", 0, 0.0),
    ]


def test_who_is_held_back_by_devices_starts_when_one_is_given_back() -> None:
    done = replay([served("a", 0, 10), served("b", 1, 1)], END, None, 1)
    assert done[1].start == MONDAY + 10 * HOUR


def test_under_a_quota_of_nothing_nobody_starts() -> None:
    assert [one.start for one in replay([served("a", 0, 1)], END, 0, None)] == [None]
    assert [one.start for one in replay([served("a", 0, 1)], END, None, 0)] == [None]
