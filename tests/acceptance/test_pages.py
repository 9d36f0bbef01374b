"""The pages in a real browser: for everybody, in both languages, in light and dark, from this machine alone."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import insert

from hub.db import engine_of
from hub.leases import tables
from tests.support.browser import open_browser
from tests.support.workbench import Visitor, Workbench, eventually, held_start, own_seat_settings

START_TIMEOUT_MS = 60_000
LAB = re.compile(r"/user/[^/]+/(?:[^/]+/)?lab")
PENDING = re.compile(r"/hub/spawn-pending/")

# Where a page is, by the name its screenshot gets.
PAGES = {
    "spawn": "/hub/spawn",
    "home-nothing-runs": "/hub/home",
    "service-nothing-runs": "/services/werkbank/",
    "no-such-page": "/hub/no-such-page",
    "service-no-such-page": "/services/werkbank/no-such-page",
    "not-running": "/hub/user/scientist/lab",
}
SEAT_PAGES = {"home": "/hub/home", "service": "/services/werkbank/", "spawn-named": "/hub/spawn/trainer/second"}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Not for the whole session: while it is open, no other event loop can run in this thread."""
    with open_browser() as browser:
        yield browser


class Reader:
    """Somebody at a screen, and what their browser did."""

    def __init__(self, context: BrowserContext, workbench: Workbench, look: str) -> None:
        self.workbench, self.look = workbench, look
        self.page: Page = context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def goto(self, path: str) -> Page:
        self.page.goto(f"{self.workbench.address}{path}")
        return self.page

    def sign_in(self, user: str) -> None:
        self.goto("/hub/login")
        self.page.fill("#username_input", user)
        self.page.fill("#password_input", self.workbench.password)
        self.page.click("#login_submit")
        self.page.wait_for_url(lambda url: "/hub/login" not in url)

    def shoot(self, name: str) -> None:
        """Keep a picture, where somebody asked for them."""
        if folder := os.environ.get("WERKBANK_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}-{self.look}.png", full_page=True)

    def hold_progress(self) -> None:
        """Keep a progress page as it is: its events are asked for and do not come."""
        self.page.route("**/progress*", lambda _route: None)


Open = Callable[..., Any]


@pytest.fixture(scope="module")
def open_reader(chromium: Browser, workbench: Workbench) -> Open:
    """Open a browser window; at its end nothing left this machine and no script failed."""

    @contextmanager
    def reader(user: str | None = None, language: str = "en", **more: Any) -> Iterator[Reader]:
        look = "-".join([language, more.get("color_scheme", "light"), str(more.get("viewport", {}).get("width", 1280))])
        context = chromium.new_context(locale=language, reduced_motion="reduce", **more)
        opened = Reader(context, workbench, look)
        if user:
            opened.sign_in(user)
        yield opened
        context.close()
        assert {urlsplit(url).hostname for url in opened.requests if not url.startswith("data:")} == {"127.0.0.1"}
        assert opened.errors == []

    return reader


@pytest.fixture(scope="module")
def trainer(workbench: Workbench) -> Iterator[Visitor]:
    """The trainer has a seat for as long as this module runs."""
    visitor = workbench.browser("trainer")
    visitor.start_seat("small")
    yield visitor
    visitor.stop_seat()
    # Looking at the page where a named seat is started made that name.
    forget = visitor.http.request(
        "DELETE", "/hub/api/users/trainer/servers/second", json={"remove": True}, headers=visitor.api_headers()
    )
    assert forget.status_code in (204, 404), forget.text


LOOKS = [(language, scheme) for language in ("en", "nl") for scheme in ("light", "dark")]


@pytest.fixture(scope="module", params=LOOKS, ids="-".join)
def look(request: pytest.FixtureRequest) -> dict[str, str]:
    """A language and a colour scheme."""
    language, scheme = request.param
    return {"language": language, "color_scheme": scheme}


@pytest.fixture(scope="module")
def scientist(open_reader: Open, look: dict[str, str]) -> Iterator[Reader]:
    with open_reader("scientist", **look) as reader:
        yield reader


@pytest.fixture(scope="module")
def trainers_window(open_reader: Open, look: dict[str, str], trainer: Visitor) -> Iterator[Reader]:
    with open_reader("trainer", **look) as reader:
        yield reader


def barriers(page: Page) -> list[str]:
    """What axe finds that keeps people out."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {[node['html'][:120] for node in violation['nodes']]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def servers(visitor: Visitor) -> dict[str, Any]:
    running: dict[str, Any] = visitor.hub_user()["servers"]
    return running


# --- for everybody --------------------------------------------------------------------------------


def test_signing_in_keeps_nobody_out(open_reader: Open, look: dict[str, str]) -> None:
    with open_reader(**look) as reader:
        reader.goto("/hub/login")
        reader.shoot("login")
        assert barriers(reader.page) == []
        reader.page.fill("#username_input", "scientist")
        reader.page.fill("#password_input", "not the password")
        reader.page.click("#login_submit")
        expect(reader.page.get_by_role("alert").filter(visible=True)).to_be_visible()
        reader.shoot("login-refused")
        assert barriers(reader.page) == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_keeps_anybody_out(scientist: Reader, name: str) -> None:
    page = scientist.goto(PAGES[name])
    scientist.shoot(name)
    assert barriers(page) == []


@pytest.mark.parametrize("name", SEAT_PAGES)
def test_no_page_keeps_anybody_out_while_a_seat_runs(trainers_window: Reader, name: str) -> None:
    page = trainers_window.goto(SEAT_PAGES[name])
    trainers_window.shoot(name)
    assert barriers(page) == []


USE_PAGES = {
    "use": "/services/werkbank/use",
    "admin-use": "/services/werkbank/admin/use?by=user",
    "admin-use-days": "/services/werkbank/admin/use?from=2026-01-01&to=2026-01-20",
    "admin-use-report": "/services/werkbank/admin/use/report?month={month}",
    "explain": "/services/werkbank/admin/explain",
    "explain-start": "/services/werkbank/admin/explain/start?user=admin&profile=large",
    "explain-gpu": "/services/werkbank/admin/explain/gpu?user=admin&gpu=simulated",
    "explain-quota": "/services/werkbank/admin/explain/quota?programme=ained&gpu_hours=1&period={month}",
    "programmes": "/services/werkbank/admin/programmes",
    "operations": "/services/werkbank/admin/operations",
    "operations-device": "/services/werkbank/admin/operations/devices/SIMULATED-simulated-0",
    "programme": "/services/werkbank/programmes/ained",
}


@pytest.fixture(scope="module")
def used(workbench: Workbench) -> None:
    """Somebody, with a name that is no HTML, just gave back a simulated GPU and one that is not simulated."""
    engine, now = engine_of(f"sqlite:///{workbench.state}/leases.sqlite"), time.time()
    basic = {"user": "<b>somebody</b>", "programme": "ained", "state": "released", "requested": now - 7500}
    basic |= {"ended_at": now - 15, "held_seconds": 7200.0, "busy_seconds": 3600.0, "record": {}}
    with engine.begin() as connection:
        for gpu_class in ("simulated", "h200-gone"):
            connection.execute(insert(tables.leases).values(id=f"used-{gpu_class}", gpu_class=gpu_class, **basic))
    engine.dispose()


@pytest.mark.usefixtures("used")
def test_the_pages_about_use_keep_nobody_out(open_reader: Open, look: dict[str, str]) -> None:
    with open_reader("admin", **look) as reader:
        for name, path in USE_PAGES.items():
            page = reader.goto(path.format(month=time.strftime("%Y-%m", time.gmtime())))
            for details in page.locator("main details").all():
                details.evaluate("element => element.open = true")
            reader.shoot(name)
            assert barriers(page) == [], name
            page.set_viewport_size({"width": 390, "height": 800})
            assert not scrolls_sideways(page), name
            page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.usefixtures("used")
def test_use_is_told_by_what_the_reader_picks(open_reader: Open) -> None:
    with open_reader("admin") as reader:
        page = reader.goto("/services/werkbank/admin/use")
        page.get_by_label("Told by").select_option("user")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_role("rowheader", name="<b>somebody</b>").first).to_be_visible()
        page.get_by_role("searchbox").fill("nobody at all")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_text("No line has all of these words.")).to_be_visible()


def test_stopping_first_says_what_will_be_lost(trainers_window: Reader) -> None:
    page = trainers_window.goto("/services/werkbank/")
    page.locator("details.sure summary").click()
    expect(page.locator("details.sure p")).to_be_visible()
    trainers_window.shoot("service-sure")
    assert barriers(page) == []


def test_the_page_of_a_starting_seat_keeps_nobody_out(scientist: Reader, workbench: Workbench) -> None:
    visitor = workbench.browser("scientist")
    scientist.hold_progress()
    with held_start(workbench, "scientist"):
        page = scientist.goto("/hub/spawn")
        pick(page, "small")
        page.locator("button[type=submit]").click()
        page.wait_for_url(PENDING, timeout=START_TIMEOUT_MS)
        found = barriers(page)
        scientist.shoot("starting")
        page.unroute_all(behavior="ignoreErrors")
        # Away from JupyterLab, whose scripts would be asked of a seat that is stopping.
        page.goto("about:blank")
    eventually(lambda: servers(visitor).get("", {}).get("ready"), what="the seat is ready")
    visitor.stop_seat()
    assert found == []


def pick(page: Page, profile: str) -> None:
    """Pick a profile as a hand does: the whole card is its label. Which one is picked before depends on the past."""
    page.locator(f"label[for=profile-{profile}]").click()
    expect(page.locator(f"#profile-{profile}")).to_be_checked()


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize(
    ("user", "pages"), [("scientist", PAGES), ("trainer", SEAT_PAGES), (None, {"login": "/hub/login"})]
)
def test_on_a_phone_nothing_scrolls_sideways(
    open_reader: Open, trainer: Visitor, user: str | None, pages: dict[str, str], language: str
) -> None:
    with open_reader(user, language, **PHONE) as reader:
        for name, path in pages.items():
            page = reader.goto(path)
            reader.shoot(name)
            assert not scrolls_sideways(page), path


def test_the_stock_pages_stay_usable_for_admins(open_reader: Open) -> None:
    with open_reader("admin", "nl") as reader:
        page = reader.goto("/hub/admin")
        expect(page.get_by_role("button", name="Add Users")).to_be_visible()
        reader.shoot("admin")
        page = reader.goto("/hub/token")
        # JupyterHub attaches what the button does only after the page has loaded.
        page.wait_for_function(
            "() => window.jQuery?._data(document.querySelector('#request-token-form'), 'events')?.submit"
        )
        page.get_by_role("button", name="Request new API token").click()
        expect(page.locator("#token-result")).not_to_be_empty()
        expect(page.get_by_role("link", name="Afmelden")).to_be_visible()


# --- by keyboard ----------------------------------------------------------------------------------


def test_a_profile_is_picked_and_started_with_the_keyboard_alone(open_reader: Open, workbench: Workbench) -> None:
    visitor = workbench.browser("scientist")
    with open_reader("scientist") as reader:
        page = reader.goto("/hub/spawn")
        for _ in range(20):
            if page.evaluate("document.activeElement.name") == "profile":
                break
            page.keyboard.press("Tab")
        for _ in range(2):  # which of the two profiles is picked at first depends on the past
            if not page.locator("#profile-medium").is_checked():
                page.keyboard.press("ArrowDown")
        expect(page.locator("#profile-medium")).to_be_checked()
        page.keyboard.press("Enter")
        page.wait_for_url(LAB, timeout=START_TIMEOUT_MS, wait_until="commit")
        assert servers(visitor)[""]["user_options"] == {"profile": "medium", "language": "en"}
        page.goto("about:blank")
    visitor.stop_seat()


def test_the_first_tab_stop_leads_past_the_header(open_reader: Open) -> None:
    with open_reader("scientist") as reader:
        page = reader.goto("/hub/home")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()


# --- what one can do ------------------------------------------------------------------------------


def test_a_start_can_be_stopped_while_it_is_under_way(open_reader: Open, workbench: Workbench) -> None:
    visitor = workbench.browser("scientist")
    with held_start(workbench, "scientist"), open_reader("scientist") as reader:
        reader.hold_progress()
        page = reader.goto("/hub/spawn")
        page.locator("button[type=submit]").click()
        page.wait_for_url(PENDING, timeout=START_TIMEOUT_MS)
        page.locator("#stop").click()
        page.wait_for_url("**/hub/home")
        eventually(lambda: servers(visitor) == {}, what="the seat is gone")


def test_a_seat_that_dies_while_it_starts_is_explained_with_a_way_on(open_reader: Open, workbench: Workbench) -> None:
    visitor = workbench.browser("scientist")
    with held_start(workbench, "scientist"), open_reader("scientist", "nl") as reader:
        page = reader.goto("/hub/spawn")
        before = started_pids(workbench)
        page.locator("button[type=submit]").click(no_wait_after=True)
        (pid,) = eventually(lambda: started_pids(workbench) - before, what="the seat's process is there")
        # Within the first second the hub shows the form again; after that, the page of a failed start.
        page.wait_for_url(PENDING, timeout=START_TIMEOUT_MS, wait_until="commit")
        os.kill(pid, 9)
        title = page.get_by_role("heading", level=1)
        expect(title).to_have_text("De werkplek is niet gestart", timeout=2 * START_TIMEOUT_MS)
        expect(page.get_by_role("link", name="Een ander profiel kiezen")).to_be_visible()
        reader.shoot("did-not-start")
        assert barriers(page) == []
    eventually(lambda: servers(visitor) == {}, what="nothing is left of the seat")


def test_a_seat_that_dies_at_once_is_explained_on_the_form(open_reader: Open, workbench: Workbench) -> None:
    visitor = workbench.browser("scientist")
    with (
        own_seat_settings(workbench, "scientist", "import sys; sys.exit('spoiled')\n"),
        open_reader("scientist", "nl") as reader,
    ):
        page = reader.goto("/hub/spawn")
        page.locator("button[type=submit]").click()
        told = page.get_by_role("alert").filter(visible=True)
        expect(told).to_contain_text("Je werkplek stopte tijdens het starten", timeout=START_TIMEOUT_MS)
        expect(page.get_by_role("button", name="Starten")).to_be_enabled()
        reader.shoot("died-at-once")
        assert barriers(page) == []
    assert servers(visitor) == {}


def started_pids(workbench: Workbench) -> set[int]:
    """Process ids of all seats that the hub's log says were started."""
    lines = (line for line in workbench.hub_log.splitlines() if "seat.started" in line)
    return {int(found[1]) for line in lines if (found := re.search(r"""pid["']?[=:]\s*(\d+)""", line))}


def test_a_refused_start_shows_its_sentence_and_nothing_of_the_machinery(open_reader: Open) -> None:
    with open_reader("scientist") as reader:
        page = reader.goto("/hub/spawn?opt-profile=large")
        told = page.get_by_role("alert").filter(visible=True)
        expect(told).to_have_text(re.compile(r"^\s*The profile Large is for members of"))
        reader.shoot("refused")


def test_a_seat_is_stopped_from_the_list_of_seats(open_reader: Open, workbench: Workbench) -> None:
    visitor = workbench.browser("scientist")
    visitor.start_seat("small", "second")
    with open_reader("scientist") as reader:
        page = reader.goto("/hub/home")
        mine = page.get_by_role("region", name="second")
        mine.locator("summary").click()
        mine.get_by_role("button", name="Stop this seat").click()
        expect(mine.get_by_text("Not running")).to_be_visible(timeout=START_TIMEOUT_MS)
        mine.get_by_role("button", name="Remove from this list").click()
        expect(mine).to_have_count(0)
    assert servers(visitor) == {}


def test_a_new_name_leads_to_its_own_spawn_page(open_reader: Open) -> None:
    with open_reader("scientist") as reader:
        page = reader.goto("/hub/home")
        page.get_by_label("A name for it").fill("thesis")
        page.get_by_role("button", name="Pick its profile").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("What do you need for thesis?")
        page = reader.goto("/hub/home")
        page.get_by_role("region", name="thesis").get_by_role("button", name="Remove from this list").click()
        expect(page.get_by_role("region", name="thesis")).to_have_count(0)


def test_a_seat_is_kept_from_the_service_page(open_reader: Open, trainer: Visitor) -> None:
    with open_reader("trainer") as reader:
        page = reader.goto("/services/werkbank/")
        page.get_by_role("button", name="Keep it for 2 h").click()
        expect(page.get_by_text("kept until")).to_be_visible()


def test_choosing_a_language_stays_on_the_page_and_holds_everywhere(open_reader: Open) -> None:
    with open_reader("scientist", "en") as reader:
        page = reader.goto("/hub/home")
        page.get_by_role("link", name="NL: Nederlands").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Je werkplekken")
        assert urlsplit(page.url).path == "/hub/home"
        page = reader.goto("/services/werkbank/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Wat er voor je draait")
        assert page.evaluate("document.documentElement.lang") == "nl"


def test_times_are_shown_in_the_readers_own_zone(open_reader: Open, trainer: Visitor) -> None:
    with open_reader("trainer", timezone_id="Asia/Tokyo") as reader:
        shown = reader.goto("/services/werkbank/").locator("time").first
        expect(shown).not_to_contain_text("UTC")
        expect(shown).to_have_attribute("title", re.compile("GMT\\+9|JST|Japan"))


def test_without_javascript_a_seat_is_started_and_stopped(open_reader: Open, workbench: Workbench) -> None:
    visitor = workbench.browser("scientist")
    with open_reader("scientist", java_script_enabled=False) as reader:
        page = reader.goto("/hub/spawn")
        page.locator("button[type=submit]").click()
        page.wait_for_url(LAB, timeout=START_TIMEOUT_MS, wait_until="commit")
        page = reader.goto("/services/werkbank/")
        page.locator("details.sure summary").click()
        page.get_by_role("button", name="Stop this seat").click()
        eventually(lambda: servers(visitor) == {}, what="the seat is gone")
