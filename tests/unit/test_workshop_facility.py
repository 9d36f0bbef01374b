"""What is promised already: running seats until their life ends, reservations in their window."""

from datetime import UTC, datetime, timedelta

from hub.leases.model import Device, DeviceState, Reservation
from hub.leases.rules import rules_of
from hub.leases.state import restored
from hub.settings import load
from hub.web.hub_api import SeatRecord
from hub.workshops.capacity import Booking
from hub.workshops.facility import Promised, facility_of
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
        Booking("a, b", window, gpu_class="simulated", devices=1),
    }


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
