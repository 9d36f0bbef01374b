"""What pages show, and how: rendered from the real templates, without a hub."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from hub.cgroups.groups import Enforcement
from hub.pages import STATIC, TEMPLATES, render
from hub.pages.face import Face
from hub.pages.filters import clock, gib, span
from hub.pages.my_seats import my_seats
from hub.seats.idle import Outlook, Why
from hub.seats.view import SeatView
from hub.settings import Settings, load
from hub.spawners.capacity import Capacity
from hub.web.gateway_api import Cluster
from hub.web.hub_api import Person, SeatRecord
from hub.web.problems import Problem
from tests.support.workbench import ROOT, text_of

NOW = datetime(2026, 11, 23, 13, 10, tzinfo=UTC)
GIB = 2**30
HOSTILE = "<img src=x onerror=alert(1)>"
LANGUAGES = ("en", "nl")


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(ROOT / "werkbank.yaml")


# --- the spawn form -------------------------------------------------------------------------------


def cards(settings: Settings, language: str = "en", **other: Any) -> str:
    """The profile cards as a member of AiNed sees them on a machine of 64 GiB with two simulated devices."""
    given: dict[str, Any] = {
        "profiles": settings.profiles,
        "mine": settings.profiles_for({"ained"}),
        "environments": settings.environments,
        "gpu_classes": settings.gpu_classes,
        "simulated_gpus": 2,
        "last_end": "",
        "expectations": {},
        "capacity": Capacity(memory=64 * GIB, promised_memory=0, overcommit=1),
        "enforcement": Enforcement(True, ""),
        "chosen": "small",
        "groups_of": lambda profile: list(profile.groups),
    }
    return render("profile_cards.html", language, **given | other)


def card(page: str, profile: str) -> str:
    """One card of the page."""
    return next(part for part in page.split('<div class="choice">') if f'id="profile-{profile}"' in part)


def radio(page: str, profile: str) -> str:
    found = re.search(rf'<input type="radio"[^>]*value="{profile}"[^>]*>', page)
    assert found, profile
    return found[0]


def test_each_profile_is_a_radio_button_with_its_title_as_label(settings: Settings) -> None:
    page = cards(settings)
    assert "<fieldset" in page
    assert "<legend>" in page
    for profile in settings.profiles:
        assert f'<label for="profile-{profile.name}">{profile.title.en}</label>' in page


def test_the_chosen_profile_is_checked_and_no_other(settings: Settings) -> None:
    page = cards(settings, chosen="medium")
    assert " checked" in radio(page, "medium")
    assert page.count(" checked") == 1


def test_a_card_says_what_the_seat_gets_and_when_it_stops(settings: Settings) -> None:
    text = text_of(card(cards(settings), "medium"))
    for part in (
        "2 cores",
        "4 GiB of memory",
        "4 workers",
        "1 core and 2 GiB each",
        "in 2 clusters",
        "after 2 h without activity, or 24 h in all",
        "Room for 16 more seats",
        "Standard",
    ):
        assert part in text


def test_a_card_for_others_cannot_be_picked_and_says_for_whom_it_is(settings: Settings) -> None:
    page = cards(settings)
    assert " disabled" in radio(page, "large")
    assert "For members of health-ri, admins." in text_of(card(page, "large"))
    assert " disabled" not in radio(page, "small")


def test_a_full_profile_cannot_be_picked_and_says_so(settings: Settings) -> None:
    full = Capacity(memory=64 * GIB, promised_memory=61 * GIB, overcommit=1)
    page = cards(settings, capacity=full)
    assert " disabled" in radio(page, "medium")
    assert "Full" in text_of(card(page, "medium"))
    assert "Room for 1 more seat" in text_of(card(page, "small"))


@pytest.mark.parametrize(("language", "word"), [("en", "simulated"), ("nl", "gesimuleerd")])
def test_a_simulated_device_is_hatched_and_called_so(settings: Settings, language: str, word: str) -> None:
    medium = card(cards(settings, language), "medium")
    assert "device--simulated" in medium
    assert word in text_of(medium).lower()


@pytest.mark.parametrize(("language", "words"), [("en", "no such device here"), ("nl", "hier niet aanwezig")])
def test_a_class_without_a_device_says_so(settings: Settings, language: str, words: str) -> None:
    medium = card(cards(settings, language, simulated_gpus=0), "medium")
    assert "device--simulated" not in medium
    assert words in text_of(medium)


def test_limits_that_nobody_enforces_are_not_called_enforced(settings: Settings) -> None:
    assert "cannot enforce" in text_of(cards(settings, enforcement=Enforcement(False, "a path nobody should see")))
    assert "a path nobody should see" not in cards(settings, enforcement=Enforcement(False, "a path nobody should see"))


def test_somebody_for_whom_there_is_no_profile_reads_what_to_do(settings: Settings) -> None:
    assert "Ask your programme lead" in text_of(cards(settings, mine=(), chosen=None))


def test_titles_from_the_settings_are_shown_and_never_interpreted(settings: Settings) -> None:
    small = settings.profiles[0]
    words = small.title.model_copy(update={"en": HOSTILE})
    hostile = small.model_copy(update={"title": words, "description": words, "groups": (HOSTILE,)})
    page = cards(settings, profiles=(hostile,), mine=())
    assert "<img" not in page
    assert "&lt;img" in page


# --- the service's home ---------------------------------------------------------------------------


def seat(server: str = "", *, pending: str | None = None) -> SeatRecord:
    started = NOW - timedelta(hours=3)
    idle_since = NOW - timedelta(minutes=50)
    return SeatRecord(server, f"/user/scientist/{server}", "small", pending is None, pending, started, idle_since)


def view(
    settings: Settings, why: Why = Why.IDLE, *, warns: bool = False, keeps_left: int = 2, server: str = ""
) -> SeatView:
    end = Outlook(NOW + timedelta(minutes=10), NOW, why)
    return SeatView(seat(server), settings.profiles[0], end, warns, None, keeps_left)


def home(settings: Settings, *seats: SeatView, language: str = "en", name: str = "scientist", **other: Any) -> str:
    person = Person(name, ("ained", "reading-club"), False, "secret-token", ())
    given: dict[str, Any] = {
        "person": person,
        "programmes": [settings.programmes[0]],
        "seats": list(seats),
        "gateway_enabled": True,
        "clusters": [],
        "culling": settings.culling,
        "now": NOW,
        "csrf": "csrf-of-this-session",
        "prefix": "/services/werkbank/",
        "site": settings.site,
        "path": "/services/werkbank/",
        "face": Face("/", name),
    }
    return render("home_service.html", language, **given | other)


def test_an_idle_seat_near_its_end_is_announced_with_the_reason_and_a_button_to_keep_it(settings: Settings) -> None:
    page = home(settings, view(settings, warns=True))
    assert 'role="status"' in page
    assert (
        "Your seat stops at 13:20 UTC because nothing has run for 50 min. Keep it? You can keep it 2 more times."
        in text_of(page)
    )
    assert page.count('action="/services/werkbank/seats/keep"') == 1
    assert 'name="csrf" value="csrf-of-this-session"' in page


def test_the_announcement_is_as_complete_in_dutch(settings: Settings) -> None:
    text = text_of(home(settings, view(settings, warns=True, server="tweede"), language="nl"))
    assert (
        "Je werkplek tweede stopt om 13:20 UTC omdat er al 50 min niets draait. Houden? Je kunt hem nog 2 keer houden."
        in text
    )


def test_a_seat_at_the_end_of_its_life_cannot_be_kept_and_says_to_save(settings: Settings) -> None:
    page = home(settings, view(settings, Why.LIFE, warns=True))
    assert "because it will have run for 12 h, the longest this profile allows. Save your work" in text_of(page)
    assert "seats/keep" not in page


def test_a_seat_without_keeps_left_offers_none(settings: Settings) -> None:
    page = home(settings, view(settings, warns=True, keeps_left=0))
    assert "seats/keep" not in page
    assert "run a cell" in text_of(page)


def test_a_seat_far_from_its_end_is_not_announced(settings: Settings) -> None:
    page = home(settings, view(settings))
    assert "stops at" not in text_of(page)
    assert "if nothing runs until then" in text_of(page)


def test_a_seat_whose_profile_is_gone_still_shows(settings: Settings) -> None:
    gone = SeatView(seat(), None, None, False, None, 0)
    assert "no longer in the settings" in text_of(home(settings, gone))


@pytest.mark.parametrize("language", LANGUAGES)
def test_empty_lists_teach(settings: Settings, language: str) -> None:
    page = home(settings, language=language)
    assert 'href="/hub/spawn"' in page
    assert "GatewayCluster" in page


def test_a_silent_gateway_is_not_shown_as_no_clusters(settings: Settings) -> None:
    text = text_of(home(settings, clusters=None))
    assert "Dask Gateway does not answer" in text
    assert "No cluster runs" not in text


def test_a_cluster_links_to_its_dashboard(settings: Settings) -> None:
    cluster = Cluster("7a1f", "running", NOW, "/clusters/7a1f/status")
    page = home(settings, clusters=[cluster])
    assert 'href="/services/dask-gateway/clusters/7a1f/status"' in page


def test_a_programme_is_not_listed_again_as_a_group(settings: Settings) -> None:
    text = text_of(home(settings))
    assert "Programmes AiNed Groups reading-club" in text


def test_names_are_shown_and_never_interpreted(settings: Settings) -> None:
    hostile = view(settings, warns=True, server=HOSTILE)
    page = home(settings, hostile, name=HOSTILE, clusters=[Cluster(HOSTILE, "running", NOW, None)])
    assert "<img" not in page


def test_no_page_of_the_service_shows_the_persons_token(settings: Settings) -> None:
    assert "secret-token" not in home(settings, view(settings))


def problem_page(settings: Settings, problem: Problem, language: str) -> str:
    frame = {"prefix": "/services/werkbank/", "site": settings.site, "path": "/x", "face": Face("/", "")}
    return render("problem.html", language, problem=problem, **frame)


def test_a_problem_is_a_sentence_and_a_way_on(settings: Settings) -> None:
    page = problem_page(settings, Problem(403, "stale-form", f"Too old: {HOSTILE} 100%.", "Reload the page."), "nl")
    assert "Too old: &lt;img" in page
    assert "Reload the page." in page
    assert 'href="/hub/home"' in page
    assert "Afmelden" not in page


def test_a_page_that_is_not_there_is_said_in_our_words(settings: Settings) -> None:
    text = text_of(problem_page(settings, Problem(404, "http", "Not Found."), "nl"))
    assert "Deze pagina is er niet" in text
    assert "Not Found" not in text


# --- my seats on the hub --------------------------------------------------------------------------


@dataclass
class FakeSpawner:
    """As much of JupyterHub's spawner as the list of seats looks at."""

    name: str
    active: bool = False
    pending: str | None = None
    started: datetime | None = NOW
    user_options: dict[str, Any] | None = field(default_factory=lambda: {"profile": "small"})


@dataclass
class FakeUser:
    spawners: list[FakeSpawner]
    escaped_name: str = "scien%20tist"

    def all_spawners(self) -> list[FakeSpawner]:
        return self.spawners

    def server_url(self, name: str) -> str:
        return f"/user/{self.escaped_name}/{name}"


@pytest.mark.parametrize(
    ("spawner", "state"),
    [
        (FakeSpawner("", active=True), "running"),
        (FakeSpawner("", active=True, pending="check"), "running"),
        (FakeSpawner("", active=True, pending="spawn"), "starting"),
        (FakeSpawner("", active=True, pending="stop"), "stopping"),
        (FakeSpawner("second"), "resting"),
    ],
)
def test_a_seat_has_one_of_four_states(settings: Settings, spawner: FakeSpawner, state: str) -> None:
    (mine,) = my_seats(FakeUser([spawner]), settings, "/hub/")
    assert mine.state == state
    assert (mine.started is not None) == (state == "running")


def test_a_seats_addresses_are_those_of_its_owner(settings: Settings) -> None:
    first, second = my_seats(FakeUser([FakeSpawner(""), FakeSpawner("a b")]), settings, "/hub/")
    assert first.api_url == "/hub/api/users/scien%20tist/server"
    assert first.start_url == "/hub/spawn/scien%20tist"
    assert second.api_url == "/hub/api/users/scien%20tist/servers/a%20b"
    assert second.pending_url == "/hub/spawn-pending/scien%20tist/a%20b"


@pytest.mark.parametrize("options", [None, {}, {"profile": "gone"}])
def test_a_seat_without_a_known_profile_has_none(settings: Settings, options: dict[str, Any] | None) -> None:
    (mine,) = my_seats(FakeUser([FakeSpawner("", user_options=options)]), settings, "/hub/")
    assert mine.profile is None


# --- numbers and times ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "english", "dutch"),
    [
        (0, "0 s", "0 s"),
        (30, "30 s", "30 s"),
        (3000, "50 min", "50 min"),
        (3600, "60 min", "60 min"),
        (7200, "2 h", "2 uur"),
        (86400, "24 h", "24 uur"),
        (3 * 86400, "3 days", "3 dagen"),
    ],
)
def test_durations_read_as_people_say_them(seconds: int, english: str, dutch: str) -> None:
    assert span(seconds).split() == english.split()
    assert span(timedelta(seconds=seconds), "nl").split() == dutch.split()


def test_a_number_and_its_unit_stay_on_one_line() -> None:
    assert " " not in span(360)


def test_memory_reads_in_gib() -> None:
    assert (gib(2 * GIB), gib(GIB // 2)) == ("2", "0.5")


@pytest.mark.parametrize("moment", [NOW, NOW.replace(tzinfo=None), NOW.astimezone(datetime.now().astimezone().tzinfo)])
def test_times_name_their_zone_until_the_browser_shows_its_own(moment: datetime) -> None:
    assert 'datetime="2026-11-23T13:10:00+00:00" data-local' in clock(moment)
    assert "13:10 UTC" in clock(moment)


# --- the frame ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/base/hub/home", "seats"),
        ("/base/hub/spawn/scientist", "seats"),
        ("/base/services/werkbank/", "service"),
        ("/base/hub/admin#/", "admin"),
        ("/base/hub/token", ""),
        ("/hub/home", ""),
    ],
)
def test_the_header_knows_where_the_reader_is(path: str, here: str) -> None:
    assert Face("/base/", "somebody").here(path) == here


SOURCES = sorted([*STATIC.rglob("*.*"), *TEMPLATES.rglob("*.html")])


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_page_names_another_host(source: Path) -> None:
    addresses = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", source.read_text())
    assert set(addresses) <= {"http://www.w3.org"}  # the name of SVG's namespace; nothing is loaded from it


# --- colours --------------------------------------------------------------------------------------


def tokens(scheme: str) -> dict[str, str]:
    """The colours of the style sheet; dark ones overrule light ones."""
    light, dark = re.findall(r":root \{(.*?)\}", (STATIC / "werkbank.css").read_text(), re.S)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    return colours | (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else {})


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "wash"])
@pytest.mark.parametrize("text", ["ink", "muted", "accent", "free", "wait", "parked", "stop"])
def test_text_stands_out_from_its_ground(scheme: str, ground: str, text: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_on_buttons_stands_out(scheme: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert contrast(colours["paper"], colours["stop"]) >= 4.5


def test_what_the_hubs_own_pages_share_with_ours_uses_no_filter_that_they_have_not() -> None:
    """JupyterHub makes its own environment; ours are given to it as functions."""
    stock = Environment(autoescape=True, loader=FileSystemLoader(TEMPLATES), extensions=["jinja2.ext.i18n"])
    shared = ["parts.html", "header.html", "face.html", "icon.html"]
    for name in [*shared, *(f"jupyterhub/{path.name}" for path in (TEMPLATES / "jupyterhub").glob("*.html"))]:
        stock.get_template(name)
