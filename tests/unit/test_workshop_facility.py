"""What is promised already: running seats until their life ends, reservations in their window."""

from datetime import UTC, datetime, timedelta

from hub.leases.model import Device, DeviceState, Reservation
from hub.leases.rules import rules_of
from hub.leases.state import State, restored
from hub.settings import load
from hub.settings.model import Words
from hub.web.hub_api import SeatRecord
from hub.workshops.capacity import Answer, Booking, Wish, would_fit
from hub.workshops.facility import Promised, facility_of
from hub.workshops.model import Workshop
from hub.workshops.window import Window
from tests.support.workbench import ROOT

NOW = datetime(2027, 1, 14, 12, tzinfo=UTC)
SETTINGS = load(ROOT / "werkbank.yaml", {"site": {"simulate_gpus": 3}})
GIB = 2**30


def seat(profile: str | None, started: datetime | None = NOW) -> SeatRecord:
    return SeatRecord("", "/user/x/", profile, True, None, started, started)


def bookings(*seats: SeatRecord, reservations: list[Reservation] | None = None) -> tuple[Booking, ...]:
    leases = restored(rules_of(SETTINGS), [], [], {}, reservations or [], NOW.timestamp())
    return facility_of(SETTINGS, leases, Promised(leases.reservations.values(), seats), NOW.timestamp()).bookings


def test_a_class_that_started_at_once_is_one_booking_until_its_life_ends() -> None:
    early = NOW - timedelta(hours=2)
    small = SETTINGS.profile("small")
    (one,) = bookings(*[seat("small", early + timedelta(seconds=2 * second)) for second in range(30)])
    assert one.title == "30 × small"
    assert one.memory == 30 * int(small.memory)
    assert one.window.start == NOW.timestamp()
    assert 0 < one.window.end - (early.timestamp() + small.life) <= 900


def test_a_seat_that_just_starts_counts_and_one_of_an_unknown_profile_does_not() -> None:
    assert [one.title for one in bookings(seat("small", None), seat("gone"), seat(None))] == ["1 × small"]


def test_a_reservation_is_called_after_whom_it_is_for() -> None:
    window = Window(NOW.timestamp() + 60, NOW.timestamp() + 7260)
    made = [
        Reservation("r1", "simulated", 2, window.start, window.end, group="ained"),
        Reservation("r2", "simulated", 1, window.start, window.end, users=frozenset({"b", "a"})),
    ]
    assert set(bookings(reservations=made)) == {
        Booking("ained", window, gpu_class="simulated", devices=2),
        Booking("a, b", window, gpu_class="simulated", devices=1, known_to=frozenset({"a", "b"})),
    }


def test_a_trainer_reads_whose_the_other_bookings_are_only_where_they_are_theirs() -> None:
    window = {"starts": NOW + timedelta(hours=1), "ends": NOW + timedelta(hours=3), "seats": 4}
    made = Workshop(
        id="secret",
        title=Words(en="Merger", nl="Fusie"),
        trainers=("tess",),
        profile="small",
        lessons=("S1",),
        **window,
    )
    learners = Reservation("workshop-secret", "simulated", 1, made.window.start, made.window.end, users=frozenset("ab"))
    leases = restored(rules_of(SETTINGS), [], [], {}, [learners], NOW.timestamp())
    facility = facility_of(SETTINGS, leases, Promised([learners], [seat("small")], [made]), NOW.timestamp())
    wish = Wish(1, GIB, made.window, "simulated", 1)

    def titles(answer: Answer) -> set[str]:
        return {booking.title for need in answer.needs for booking in need.taken}

    answer = would_fit(wish, facility, NOW.timestamp())
    assert titles(answer) == titles(answer.seen_by("tess")) == {"Merger", "1 × small"}
    assert titles(answer.seen_by("somebody")) == {"", "1 × small"}


def test_devices_out_of_service_are_not_there() -> None:
    devices = [
        Device("a", "simulated", state=DeviceState.FREE),
        Device("b", "simulated", state=DeviceState.HELD),
        Device("c", "simulated", state=DeviceState.QUARANTINED),
        Device("d", "simulated", state=DeviceState.FREE, draining=True),
        Device("e", "simulated", state=DeviceState.FREE, visible=False),
    ]
    leases = restored(rules_of(SETTINGS), [], devices, {}, [], NOW.timestamp())
    assert facility_of(SETTINGS, leases, Promised(), NOW.timestamp()).devices["simulated"] == 2


def test_a_cluster_promises_what_its_nodes_have_and_no_more() -> None:
    promised = Promised(cluster_memory=12 * 2**30)
    facility = facility_of(SETTINGS, State(), promised, NOW.timestamp())
    assert (facility.memory, facility.machine_memory) == (12 * 2**30, 12 * 2**30)
