"""Would a class fit, beside what is promised in its window; and what would, where it does not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.workshops.capacity import (
    MEMORY,
    Booking,
    Facility,
    Wish,
    enough_devices,
    peak,
    would_fit,
)
from hub.workshops.window import NoSuchTime, Window, read_moment

GIB = 2**30
HOUR = 3600.0
NOW = 1_000_000.0
LESSON = Window(NOW + 24 * HOUR, NOW + 26 * HOUR)
WISH = Wish(seats=40, seat_memory=2 * GIB, window=LESSON, gpu_class="h200", devices=6)
EMPTY = Facility(memory=256 * GIB, machine_memory=128 * GIB, devices={"h200": 8, "mig": 14})


def booked(*bookings: Booking) -> Facility:
    return replace(EMPTY, bookings=bookings)


def devices(title: str, count: int, window: Window) -> Booking:
    return Booking(title, window, gpu_class="h200", devices=count)


def test_a_class_that_fits_needs_no_alternatives() -> None:
    answer = would_fit(WISH, EMPTY, NOW)
    assert answer.fits
    assert not answer.is_tight
    assert [(need.what, need.wanted, need.free) for need in answer.needs] == [
        (MEMORY, 80 * GIB, 256 * GIB),
        ("h200", 6, 8),
    ]
    assert answer.alternatives == ()


def test_a_class_that_fits_by_promises_alone_is_tight() -> None:
    assert would_fit(replace(WISH, seats=64), EMPTY, NOW).is_tight is False
    tight = would_fit(replace(WISH, seats=65), EMPTY, NOW)
    assert (tight.fits, tight.is_tight) == (True, True)
    running = booked(Booking("seats", Window(NOW, LESSON.end), memory=49 * GIB))
    assert would_fit(WISH, running, NOW).is_tight


def test_a_class_without_gpus_needs_memory_alone() -> None:
    answer = would_fit(replace(WISH, gpu_class="", devices=0), EMPTY, NOW)
    assert [need.what for need in answer.needs] == [MEMORY]


def test_what_is_reserved_in_the_window_is_not_there_and_is_named() -> None:
    before = devices("before", 8, Window(NOW, LESSON.start))
    during = devices("ROBUST", 4, Window(LESSON.start + HOUR, LESSON.end + HOUR))
    answer = would_fit(WISH, booked(before, during), NOW)
    assert not answer.fits
    assert (answer.needs[1].free, answer.needs[1].taken) == (4, (during,))
    assert answer.needs[0].fits


def test_two_bookings_that_follow_each_other_do_not_add_up() -> None:
    first = devices("a", 2, Window(LESSON.start, LESSON.start + HOUR))
    second = devices("b", 2, Window(LESSON.start + HOUR, LESSON.end))
    assert would_fit(WISH, booked(first, second), NOW).fits
    together = replace(second, window=LESSON)
    assert would_fit(WISH, booked(first, together), NOW).needs[1].free == 4


def test_alternatives_change_one_thing_and_fit() -> None:
    taken = devices("ROBUST", 5, Window(LESSON.start - HOUR, LESSON.end + HOUR))
    answer = would_fit(replace(WISH, other_classes=("h200", "mig", "none")), booked(taken), NOW)
    changed = {one.changed: one.wish for one in answer.alternatives}
    assert changed["devices"].devices == 3
    assert changed["gpu_class"].gpu_class == "mig"
    assert changed["start"].window == Window(LESSON.start - 3 * HOUR, LESSON.start - HOUR)
    assert "seats" not in changed
    assert all(would_fit(wish, booked(taken), NOW).fits for wish in changed.values())


def test_the_nearest_start_may_be_later_and_is_never_past() -> None:
    taken = devices("ROBUST", 5, Window(NOW + HOUR, LESSON.start + HOUR))
    (_devices, start) = would_fit(WISH, booked(taken), NOW).alternatives
    assert start.wish.window.start == LESSON.start + HOUR


def test_fewer_seats_are_offered_where_memory_is_short() -> None:
    answer = would_fit(replace(WISH, seats=200), EMPTY, NOW)
    assert [(one.changed, one.wish.seats) for one in answer.alternatives] == [("seats", 128)]


def test_what_this_facility_never_has_gets_no_other_hour() -> None:
    answer = would_fit(replace(WISH, gpu_class="h300"), booked(devices("a", 1, LESSON)), NOW)
    assert not answer.fits
    assert (answer.needs[1].total, answer.alternatives) == (0, ())


@pytest.mark.parametrize(("seats", "wanted"), [(1, 1), (8, 1), (9, 2), (40, 5)])
def test_enough_devices_are_one_for_eight_seats(seats: int, wanted: int) -> None:
    assert enough_devices(seats) == wanted


windows = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda pair: Window(pair[0], pair[0] + pair[1]))
bookings = st.lists(st.builds(Booking, st.just("x"), windows, st.integers(0, 9)), max_size=8)


@given(bookings, windows)
def test_the_peak_is_that_of_the_busiest_moment(found: list[Booking], window: Window) -> None:
    def at(moment: float) -> int:
        return sum(one.memory for one in found if one.window.start <= moment < one.window.end)

    moments = range(int(window.start), int(window.end))
    assert peak(found, window, lambda one: one.memory) == max(at(moment) for moment in moments)


@given(st.lists(st.builds(devices, st.just("x"), st.integers(1, 8), windows), max_size=8), windows, st.integers(1, 8))
def test_every_alternative_fits(found: list[Booking], window: Window, count: int) -> None:
    wish = Wish(seats=1, seat_memory=GIB, window=window, gpu_class="h200", devices=count)
    answer = would_fit(wish, booked(*found), now=0)
    assert answer.fits == (answer.alternatives == () and answer.needs[1].fits)
    for one in answer.alternatives:
        assert would_fit(one.wish, booked(*found), now=0).fits
        assert one.wish.window.start >= 0


@pytest.mark.usefixtures("amsterdam")
def test_a_time_is_read_as_this_machines_clock_shows_it() -> None:
    assert read_moment("2027-01-14 14:00").isoformat() == "2027-01-14T14:00:00+01:00"
    assert read_moment("2027-07-14 14:00").utcoffset() == read_moment("2027-07-14T14:00:00+02:00").utcoffset()


@pytest.mark.usefixtures("amsterdam")
def test_a_time_that_the_clock_skips_is_refused_and_one_that_comes_twice_is_the_first() -> None:
    with pytest.raises(NoSuchTime, match="does not exist here"):
        read_moment("2027-03-28 02:30")
    assert read_moment("2027-10-31 02:30").isoformat() == "2027-10-31T02:30:00+02:00"


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-13-01 10:00", "14:00", "2027-01-14 25:00", "x" * 10_000])
def test_what_is_no_time_is_told_with_an_example(text: str) -> None:
    with pytest.raises(NoSuchTime, match="write it as 2027-01-14 14:00") as said:
        read_moment(text)
    assert len(str(said.value)) < 200


@pytest.mark.parametrize("text", ["0001-01-01 00:00", "9999-12-31 23:59", "1999-12-31 23:59+00:00"])
def test_a_year_that_nobody_plans_for_is_refused(text: str) -> None:
    with pytest.raises(NoSuchTime, match="is not between the years 2000 and 2199"):
        read_moment(text)
