"""What the page "Operations" shows: what is wrong first, how long, and what to do. Without a hub."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.datastructures import State

from hub.accounting.accounts import Accounts
from hub.accounting.cluster import Known
from hub.admin.operations_history import HOW, facts_of
from hub.admin.operations_look import Look, Lookout, left_over
from hub.admin.operations_model import Asked, MachineFact, Operations, age
from hub.admin.operations_running import MOST_ON_ITS_WAY
from hub.admin.operations_view import MOST_ROWS, operations_of
from hub.admin.operations_words import AWAY, TITLES, TODO
from hub.audit import Audit
from hub.db import connect
from hub.health import Seen, Sightings
from hub.leases.device_history import Holding, holdings_of
from hub.leases.events import Drained, Heard, Listed, Looked, Released, Ticked
from hub.leases.inventory import DeviceUse
from hub.leases.model import DeviceState, LeaseState
from hub.leases.sentences import ENDED
from hub.pages import render
from hub.pages.face import Face
from hub.settings import Current
from hub.state import StateDirectory
from hub.web.gateway_api import OwnedCluster
from hub.web.hub_api import SeatRecord
from tests.support.desk import START, MakeWorld, World, person
from tests.support.leases import MoodyInventory
from tests.support.workbench import ROOT, text_of

GIB = 2**30
ROOMY = MachineFact(memory=64 * GIB, memory_used=8 * GIB, disk=100 * GIB, disk_free=50 * GIB)
NOW = datetime.fromtimestamp(START, UTC)


def view(world: World, *, asked: Asked | None = None, seen: tuple[Seen, ...] = (), **look: object) -> Operations:
    given = {"seats": (), "clusters": (), "machine": ROOMY}
    current = Current(ROOT / "werkbank.yaml")
    whole = Look(**(given | look))  # type: ignore[arg-type]
    who = ("admin", "en", asked or Asked())
    return operations_of(world.desk, current, seen, whole, *who, gateway=True, now=world.now)


def html(world: World, seen: Operations, language: str = "en", asked: Asked | None = None) -> str:
    given = {"person": replace(person("admin"), admin=True), "face": Face("/", "admin", True), "csrf": "c"}
    return render("admin_operations_live.html", language, view=seen, asked=asked or Asked(), **given)


def seat(user: str, *, minutes: float = 60, **more: object) -> SeatRecord:
    known = {"server": "", "url": "/", "profile": "small", "ready": True, "pending": None, "last_activity": NOW}
    started = {"started": NOW - timedelta(minutes=minutes), "user": user}
    return SeatRecord(**(known | started | more))  # type: ignore[arg-type]


def cluster(user: str, **more: object) -> OwnedCluster:
    known = {"name": "c" * 32, "status": "running", "started": NOW, "dashboard": None, "server": "", "running": 2}
    known |= {"wanted": 3, "cores": 2, "memory": GIB, "gpu_class": "", "user": user}
    return OwnedCluster(**(known | more))  # type: ignore[arg-type]


def inventory(world: World) -> MoodyInventory:
    found = world.desk.broker.inventory
    assert isinstance(found, MoodyInventory)
    return found


def quarantine(world: World, device: str) -> None:
    """A device is given back and stays dirty."""
    world.ask("first", "ada")
    world.take("first")
    world.tell(Released("first", "user"))
    world.tell(Looked(device, False), after=world.desk.broker.state.rules.clean_timeout + 1)
    assert world.desk.broker.state.devices[device].state is DeviceState.QUARANTINED


# --- signs ----------------------------------------------------------------------------------------------


def test_nothing_wrong_is_said_in_one_sentence(make_world: MakeWorld) -> None:
    world = make_world()
    seen = view(world, seen=(Seen("hub", True, "", None),))
    assert seen.signs == ()
    assert "Everything answers, and nothing needs you." in text_of(html(world, seen))


def test_what_is_away_comes_first_with_what_was_said_since_when_and_what_to_do(make_world: MakeWorld) -> None:
    world = make_world()
    quarantine(world, "GPU-0")
    away = Seen("dask-gateway", False, "no answer within 5 s", world.now - 25 * 60)
    seen = view(world, seen=(Seen("hub", True, "", None), away))
    assert [sign.level for sign in seen.signs] == ["stop", "wait"]
    first = seen.signs[0]
    assert (first.what, first.said, first.minutes) == ("Dask Gateway does not answer", "no answer within 5 s", 25)
    assert [one.name for one in seen.dependencies] == ["dask-gateway", "hub"]
    text = text_of(html(world, seen))
    assert text.index("2 things need you.") < text.index("Dask Gateway does not answer") < text.index("GPUs in use")
    assert "One that hangs is ended by hand: werkbank status names its process." in text


@pytest.mark.parametrize("name", TITLES)
def test_every_dependency_has_a_title_a_sentence_and_something_to_do(make_world: MakeWorld, name: str) -> None:
    assert set(TITLES) == set(AWAY) == set(TODO)
    (sign,) = view(make_world(), seen=(Seen(name, False, "said", START),)).signs
    assert sign.what == AWAY[name]
    assert sign.todo == TODO[name]


def test_a_dirty_device_is_told_with_what_is_left_on_it(make_world: MakeWorld) -> None:
    world = make_world(2)
    quarantine(world, "GPU-0")
    left = {"GPU-0": left_over(DeviceUse({2**22 + 1: None}, 3 * GIB, 0, None, None))}
    seen = view(world, left_over=left)
    (sign,) = seen.signs
    assert (sign.what, sign.said, sign.part) == ("1 GPU is in quarantine", "Big #0", "gpus")
    assert seen.devices[0].uuid == "GPU-0"
    assert seen.devices[0].why == "Still on it: 4194305, 3.0 GiB."
    assert seen.devices[1].stage == "free"
    assert "Look again" in text_of(html(world, seen))


def test_a_device_that_the_driver_lost_keeps_its_lease_and_is_for_now(make_world: MakeWorld) -> None:
    world = make_world(2)
    world.ask("mine", "ada")
    world.take("mine", busy=True)
    inventory(world).missing = {"GPU-0"}
    world.tell(Listed(inventory(world).devices()))
    seen = view(world)
    assert [(sign.level, sign.what) for sign in seen.signs] == [("stop", "1 GPU is not seen by the driver")]
    assert (seen.devices[0].stage, seen.devices[0].user) == ("unseen", "ada")


def test_a_kernel_that_is_not_heard_from_is_named(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("mine", "ada")
    world.take("mine", busy=True)
    world.tell(Ticked(), after=world.desk.broker.state.rules.silent_after + 1)
    seen = view(world)
    assert [sign.said for sign in seen.signs] == ["Big #0 (ada)"]
    assert seen.devices[0].is_wrong


def test_many_of_a_kind_are_one_sign_that_names_a_few(make_world: MakeWorld) -> None:
    late = tuple(seat(f"u{number}", minutes=30, ready=False, pending="spawn") for number in range(9))
    (sign,) = view(make_world(), seats=late).signs
    assert sign.what == "9 seats do not get started"
    assert sign.said == "u0, u1, u2, u3, u4 … +4"
    assert sign.minutes == 30


@pytest.mark.parametrize(
    ("machine", "what"),
    [
        (replace(ROOMY, disk_free=GIB // 2), "The disk of the state folder is nearly full"),
        (replace(ROOMY, memory_used=62 * GIB), "The memory of this machine is nearly full"),
    ],
)
def test_a_machine_without_room_is_told(make_world: MakeWorld, machine: MachineFact, what: str) -> None:
    assert [sign.what for sign in view(make_world(), machine=machine).signs] == [what]


def test_settings_that_cannot_be_used_are_told(make_world: MakeWorld, tmp_path: Path) -> None:
    world, file = make_world(), tmp_path / "werkbank.yaml"
    file.write_text((ROOT / "werkbank.yaml").read_text())
    current = Current(file)
    file.write_text("profiles: 3\n")
    current.look()
    look = Look(seats=(), clusters=(), machine=ROOMY)
    seen = operations_of(world.desk, current, (), look, "admin", "nl", Asked(), gateway=True, now=world.now)
    assert [sign.what for sign in seen.signs] == ["Het instellingenbestand is niet te gebruiken"]
    assert "profiles" in seen.signs[0].said


# --- devices and the line ---------------------------------------------------------------------------------


def test_an_accounting_of_jobs_that_is_away_is_a_sign_with_since_when_and_what_to_do(make_world: MakeWorld) -> None:
    world = make_world()
    assert view(world, jobs=Known(world.now, False)).signs == ()
    (sign,) = view(world, jobs=Known(world.now - 600, True, "connection <refused>")).signs
    assert (sign.level, sign.minutes, sign.said) == ("wait", 10, "connection <refused>")
    shown = html(world, view(world, jobs=Known(None, True, "connection <refused>")))
    assert "<refused>" not in shown
    assert "Look after slurmdbd" in text_of(shown)


def test_a_drained_device_says_who_did_it_and_is_no_sign(make_world: MakeWorld) -> None:
    world = make_world(2)
    world.tell(Drained("GPU-1", True))
    seen = view(world)
    assert seen.signs == ()
    assert [(one.uuid, one.stage) for one in seen.devices] == [("GPU-1", "out"), ("GPU-0", "free")]
    assert seen.devices[0].why == "Taken out of service by an admin."
    assert (seen.counts.free, seen.counts.out) == (1, 1)
    assert "Take into service" in text_of(html(world, seen))


def test_a_device_that_leaves_service_shows_who_still_has_it(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("mine", "ada")
    world.take("mine", busy=True)
    world.tell(Drained("GPU-0", True))
    (device,) = view(world).devices
    assert (device.stage, device.user, device.draining) == ("busy", "ada", True)


def test_the_line_is_told_in_order_with_reasons_and_a_way_to_the_explanation(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("held", "ada")
    world.take("held", busy=True)
    for number, user in enumerate(("bob", "eve")):
        world.now += 1
        world.ask(f"waits-{number}", user)
    seen = view(world)
    assert [(row.place, row.user) for row in seen.queue] == [(1, "bob"), (2, "eve")]
    assert seen.queue[0].why == "No GPU of this class is free: 0 of 1."
    assert 'href="/services/werkbank/admin/explain/lease/waits-0"' in html(world, seen)
    assert seen.counts.waiting == 2


def test_a_parked_kernel_is_listed_though_it_has_no_device(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("mine", "ada")
    world.take("mine")
    world.ask("other", "bob")
    for _beat in range(80):
        world.tell(Heard("other", 0, busy=False, wants=False, watched=True))
        world.hear("mine", after=10)
        world.tell(Ticked())
        if world.lease("mine").state is LeaseState.PARKING:
            break
    world.report("mine", "park")
    seen = view(world)
    assert [(one.user, one.stage) for one in seen.parked] == [("ada", "parked")]
    assert seen.counts.parked == 1


# --- seats and clusters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "stage"),
    [
        ({}, "running"),
        ({"ready": False, "pending": "spawn", "minutes": 1}, "starting"),
        ({"ready": False, "pending": "spawn", "minutes": MOST_ON_ITS_WAY / 60 + 1}, "stuck"),
        ({"ready": True, "pending": "stop"}, "stopping"),
        ({"ready": False, "pending": None}, "stuck"),
    ],
)
def test_how_a_seat_is(make_world: MakeWorld, more: dict[str, object], stage: str) -> None:
    (fact,) = view(make_world(), seats=(seat("ada", **more),)).seats  # type: ignore[arg-type]
    assert fact.stage == stage


def test_stuck_seats_come_first_and_memory_is_told_where_it_is_counted(make_world: MakeWorld) -> None:
    seats = (seat("ada"), seat("bob", last_activity=NOW - timedelta(hours=3)), seat("eve", ready=False))
    seen = view(make_world(), seats=seats, memory={("ada", ""): GIB})
    assert [fact.user for fact in seen.seats] == ["eve", "ada", "bob"]
    assert [fact.memory for fact in seen.seats] == [None, GIB, None]
    assert [fact.idle for fact in seen.seats] == [0, 0, 3 * 3600]


def test_a_hub_that_is_away_is_never_shown_as_no_seats(make_world: MakeWorld) -> None:
    world = make_world()
    seen = view(world, seats=None, clusters=None)
    text = text_of(html(world, seen))
    assert "The hub does not answer, so which seats there are is not known." in text
    assert "Dask Gateway does not answer, so which clusters there are is not known." in text
    assert "No seat runs." not in text


def test_a_cluster_counts_what_its_workers_have(make_world: MakeWorld) -> None:
    (fact,) = view(make_world(), clusters=(cluster("ada"),)).clusters
    assert (fact.workers, fact.wanted, fact.cores, fact.memory) == (2, 3, 4, 2 * GIB)


# --- rows ---------------------------------------------------------------------------------------------------


def test_a_full_house_shows_a_few_rows_of_each_list_and_says_how_many_there_are(make_world: MakeWorld) -> None:
    world = make_world(256)
    seats = tuple(seat(f"user{number:03}") for number in range(500))
    seen = view(world, seats=seats)
    assert (len(seen.seats), len(seen.devices)) == (MOST_ROWS, MOST_ROWS)
    assert (seen.counts.seats, seen.counts.devices) == (500, 256)
    page = html(world, seen)
    assert f"{MOST_ROWS} of 500 are shown." in text_of(page)
    assert 'href="?words=&amp;all=seats#seats"' in page
    assert len(view(world, seats=seats, asked=Asked(whole="seats")).seats) == 500


def test_words_find_rows_in_every_list_and_counts_stay(make_world: MakeWorld) -> None:
    seats = tuple(seat(f"user{number:03}") for number in range(500))
    seen = view(make_world(), seats=seats, asked=Asked(("user4", "99")))
    assert [fact.user for fact in seen.seats] == ["user499"]
    assert seen.devices == ()
    assert seen.counts.seats == 500


def test_the_same_moment_a_little_later_is_the_same_page(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("mine", "ada")
    world.take("mine", busy=True)
    before = view(world, seats=(seat("ada"),))
    world.now += 5
    assert view(world, seats=(seat("ada"),)) == before


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}%(count)s{count}"])
@pytest.mark.parametrize("language", ["en", "nl"])
def test_names_of_people_and_notebooks_are_text(make_world: MakeWorld, name: str, language: str) -> None:
    world = make_world()
    world.ask("mine", name, holder=name)
    world.take("mine", busy=True)
    world.ask("other", name, holder=name)
    page = html(world, view(world, seats=(seat(name, server=name, ready=False),), clusters=(cluster(name),)), language)
    assert name in text_of(page)
    assert "<script>" not in page
    assert "<img" not in page


@pytest.mark.parametrize(
    ("seconds", "told"), [(-5, 0), (59, 0), (61, 60), (1199, 1140), (1501, 1500), (7300, 7200), (90_000, 90_000)]
)
def test_ages_are_as_coarse_as_one_says_them(seconds: float, told: int) -> None:
    assert age(seconds) == told


# --- the history of a device --------------------------------------------------------------------------------


def test_a_devices_history_tells_who_had_it_and_how_each_lease_left(make_world: MakeWorld) -> None:
    world = make_world()
    world.ask("first", "ada")
    world.take("first")
    world.tell(Released("first", "user"), after=60)
    world.tell(Looked("GPU-0", True))
    world.ask("second", "bob")
    world.take("second", busy=True)
    found = holdings_of(world.desk.broker.store.engine, "GPU-0", 50)
    facts = facts_of(found, {"first": 0.25}, "en", world.now + 600)
    assert [(fact.user, fact.how, fact.kwh) for fact in facts] == [
        ("bob", "", None),
        ("ada", "Given back by its user.", 0.25),
    ]
    assert [fact.seconds for fact in facts] == [600, 60]
    assert facts[0].ended is None
    assert [one.lease for one in holdings_of(world.desk.broker.store.engine, "GPU-0", 1)] == ["second"]
    before = found[0].number
    assert [one.lease for one in holdings_of(world.desk.broker.store.engine, "GPU-0", 50, before)] == ["first"]
    assert holdings_of(world.desk.broker.store.engine, "GPU-9", 50) == []


def test_energy_of_a_lease_stands_once_however_often_it_had_the_device() -> None:
    held = [Holding(number, "one", "ada", "", "", number, number + 1, "parked", "parked") for number in (3, 2, 1)]
    facts = facts_of(held, {"one": 1.5}, "en", 10.0)
    assert [fact.kwh for fact in facts] == [1.5, None, None]
    assert facts[0].how == "Parked, to make room for others."


def test_every_end_of_a_lease_has_words_for_admins() -> None:
    broken = {"park", "resume", "gpu-lost"}
    assert set(ENDED) - broken <= set(HOW)
    lost = Holding(1, "one", "ada", "", "", 1.0, 2.0, "broken", "resume")
    unknown = replace(lost, after="released", why="<new>")
    forgotten = replace(lost, after="", why="")
    told = [fact.how for fact in facts_of([lost, unknown, forgotten], {}, "en", 3.0)]
    assert told == [
        "What it had on the GPU was lost (resume).",
        "It left for another reason (<new>).",
        "Not known any more.",
    ]


# --- since when ----------------------------------------------------------------------------------------------


class Moody:
    """A dependency that is away as a test says, each time in other words."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def alive(self) -> bool:
        if self.error is not None:
            raise self.error
        return True


async def test_it_is_remembered_since_when_something_is_away_whatever_it_says_meanwhile() -> None:
    moody, now = Moody(), [100.0]
    sightings = Sightings({"hub": moody.alive}, lambda: now[0])
    await sightings.look()
    assert sightings.seen == (Seen("hub", True, "", None),)
    moody.error, now[0] = OSError("refused"), 200.0
    await sightings.look()
    moody.error, now[0] = OSError("timed out"), 300.0
    await sightings.look()
    assert sightings.seen == (Seen("hub", False, "timed out", 200.0),)
    moody.error, now[0] = None, 400.0
    await sightings.look()
    assert sightings.seen == (Seen("hub", True, "", 400.0),)


# --- what others are asked -----------------------------------------------------------------------------------


class HubThatHangs:
    """It takes the question and never answers."""

    def __init__(self) -> None:
        self.asked = 0

    async def running_seats(self) -> list[SeatRecord]:
        self.asked += 1
        await asyncio.Event().wait()
        return []


async def test_a_hub_that_hangs_is_waited_for_once_and_not_at_all_once_it_is_missed(
    make_world: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.admin.operations_look.PATIENCE", 0.05)
    hub, sightings = HubThatHangs(), Sightings({}, lambda: START)
    engine, desk = connect(f"sqlite:///{tmp_path}/service.sqlite"), make_world().desk
    state = {"hub": hub, "gateway": None, "leases": desk, "sightings": sightings, "audit": Audit(engine)}
    state |= {"accounts": Accounts(desk.settings, engine, desk), "state_directory": StateDirectory(tmp_path)}
    state |= {"organiser": State({"nodes": None})}
    lookout = Lookout(State(state))
    assert (await lookout.look()).seats is None
    assert hub.asked == 1
    assert await lookout.look() is await lookout.look()  # everybody who reads shares one look
    sightings.seen = (Seen("hub", False, "no answer within 5 s", START),)
    lookout.forget()
    assert (await lookout.look()).seats is None
    assert hub.asked == 1
