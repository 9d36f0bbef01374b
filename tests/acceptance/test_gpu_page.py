""" "My GPUs" in a real browser: two people, one simulated device, and pages that change by themselves."""

import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from hub.leases.watch import start_time
from tests.support.browser import open_browser
from tests.support.workbench import ROOT, Visitor, Workbench, eventually, seat_environment

PAGE = "/services/werkbank/gpus"
LIVE_MS = 15_000
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
PROJECTOR = {"viewport": {"width": 1920, "height": 1080}}
HOSTILE = (
    "<script>window.hacked = true</script>",
    "x" * 200,
    "\u202egnp.ipynb",
    "مرحبا/دفتر.ipynb",
    "🦜/🧪 notebook.ipynb",
)

Told = dict[str, Any]


class Seat:
    """Somebody's running seat as the broker hears it, with real processes for kernels."""

    def __init__(self, visitor: Visitor, workbench: Workbench) -> None:
        self.visitor = visitor
        inherited = seat_environment(visitor.user, workbench)
        headers = {"Authorization": f"token {inherited['JUPYTERHUB_API_TOKEN']}"}
        self.http = httpx.Client(base_url=inherited["WERKBANK_API"], headers=headers, trust_env=False, timeout=30)
        self.kernels: list[subprocess.Popen[bytes]] = []

    def ask(self, holder: str) -> Told:
        body = {"key": uuid.uuid4().hex, "gpu_class": "simulated", "holder": holder}
        return self._told(self.http.post("leases", json=body))["lease"]

    def take(self, lease: Told) -> Told:
        """A kernel takes what it was offered."""
        kernel = subprocess.Popen(["sleep", "600"])
        self.kernels.append(kernel)
        body = {"epoch": lease["epoch"], "pid": kernel.pid, "pid_started": start_time(kernel.pid)}
        return self._told(self.http.post(f"leases/{lease['id']}/bound", json=body))

    def hear(self, lease: Told, **said: bool) -> Told:
        body = {"epoch": lease["epoch"], "watched": True, **said}
        return self._told(self.http.post(f"leases/{lease['id']}/heartbeat", json=body))

    def leases(self) -> list[Told]:
        return list(self._told(self.http.get("leases")))

    def clear(self) -> None:
        """Give everything back; the kernels end."""
        for lease in self.leases():
            self.http.post(f"leases/{lease['id']}/release", json={"reason": "shutdown"})
        while self.kernels:
            kernel = self.kernels.pop()
            kernel.kill()
            kernel.wait()

    @staticmethod
    def _told(reply: httpx.Response) -> Any:
        assert reply.status_code in (200, 201), reply.text
        return reply.json()


@pytest.fixture(scope="module")
def one_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with one simulated device."""
    bench = Workbench(tmp_path_factory.mktemp("one-gpu"), ROOT / "werkbank.yaml")
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def running_seat(user: str, workbench: Workbench) -> Iterator[Seat]:
    visitor = workbench.browser(user)
    visitor.start_seat("medium")
    seat = Seat(visitor, workbench)
    yield seat
    seat.clear()
    seat.http.close()
    visitor.stop_seat()


@pytest.fixture(scope="module")
def scientists(one_gpu: Workbench) -> Iterator[Seat]:
    yield from running_seat("scientist", one_gpu)


@pytest.fixture(scope="module")
def trainers(one_gpu: Workbench) -> Iterator[Seat]:
    yield from running_seat("trainer", one_gpu)


@pytest.fixture(autouse=True)
def nothing_held(scientists: Seat, trainers: Seat) -> Iterator[None]:
    yield
    scientists.clear()
    trainers.clear()


Open = Callable[..., Any]


@pytest.fixture(scope="module")
def open_page(chromium: Browser, one_gpu: Workbench) -> Open:
    """Open "My GPUs" in a browser window of its own."""
    return partial(my_gpus, chromium, one_gpu)


@contextmanager
def my_gpus(chromium: Browser, workbench: Workbench, user: str, language: str = "en", **more: Any) -> Iterator[Page]:
    """The page as `user` sees it; at its end no script failed."""
    context = chromium.new_context(locale=language, reduced_motion="reduce", **more)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()
    page.goto(f"{workbench.address}/hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", workbench.password)
    page.click("#login_submit")
    page.wait_for_url(lambda url: "/hub/login" not in url)
    page.goto(f"{workbench.address}{PAGE}")
    yield page
    context.close()
    assert errors == []


def shoot(page: Page, name: str) -> None:
    """Keep a picture, where somebody asked for them."""
    if folder := os.environ.get("WERKBANK_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"gpus-{name}.png", full_page=True)


def barriers(page: Page) -> list[str]:
    """Everything that axe finds."""
    return [f"{found['id']}: {found['help']}" for found in Axe().run(page).response["violations"]]


def sheet(page: Page, holder: str) -> Any:
    return page.get_by_role("region", name=holder)


def mark(page: Page) -> None:
    """Something that a reload would take away."""
    page.evaluate("window.loaded = 'once'")


def was_not_reloaded(page: Page) -> bool:
    return bool(page.evaluate("window.loaded === 'once'"))


# --- two people, one device ---------------------------------------------------------------------------


def test_who_waits_sees_place_and_reason_and_gets_the_gpu_without_a_reload(
    open_page: Open, scientists: Seat, trainers: Seat
) -> None:
    held = scientists.ask("lessons/02-gpu/train.ipynb")
    scientists.hear(scientists.take(held), busy=True)
    wanted = trainers.ask("notebooks/segmentation.ipynb")
    with open_page("scientist") as first, open_page("trainer") as second:
        mark(second)
        waits = sheet(second, "notebooks/segmentation.ipynb")
        expect(waits).to_contain_text("1st of 1")
        expect(waits).to_contain_text("No GPU of this class is free (1 in all).")
        expect(waits.get_by_role("img", name="The line: you are 1st of 1")).to_be_visible()
        expect(sheet(first, "lessons/02-gpu/train.ipynb")).to_contain_text("Busy")
        sheet(first, "lessons/02-gpu/train.ipynb").locator("summary").click()
        expect(first.get_by_text("Variables in ordinary memory stay")).to_be_visible()
        shoot(first, "sure")
        first.get_by_role("button", name="Give the GPU back").click()
        expect(first.get_by_role("status")).to_have_text(
            "You gave the GPU back. Restart the kernel to ask for one again."
        )
        expect(waits).to_contain_text("Your turn", timeout=LIVE_MS)
        trainers.take(trainers.leases()[0])
        expect(waits).to_contain_text("Idle", timeout=LIVE_MS)
        expect(waits).to_contain_text("Simulated GPU no. 0")
        expect(second.locator("#say")).to_contain_text("notebooks/segmentation.ipynb")
        assert was_not_reloaded(second)
    assert wanted["state"] == "queued"


def test_a_change_keeps_focus_and_what_was_opened(open_page: Open, scientists: Seat, trainers: Seat) -> None:
    held = scientists.take(scientists.ask("a.ipynb"))
    scientists.hear(held, busy=True)
    trainers.ask("first.ipynb")
    trainers.ask("second.ipynb")
    with open_page("trainer") as page:
        page.get_by_role("region", name="second.ipynb").locator("summary").click()
        button = page.get_by_role("button", name="Stop waiting for a GPU")
        button.focus()
        release_one(trainers, "first.ipynb")
        expect(sheet(page, "first.ipynb")).to_have_count(0, timeout=LIVE_MS)
        expect(sheet(page, "second.ipynb")).to_contain_text("1st of 1")
        expect(button).to_be_visible()
        expect(button).to_be_focused()
        button.click()
        expect(page.get_by_role("status")).to_have_text("You stopped waiting for a GPU.")
    assert trainers.leases() == []


def release_one(seat: Seat, holder: str) -> None:
    (lease,) = [lease for lease in seat.leases() if lease["holder"] == holder]
    seat.http.post(f"leases/{lease['id']}/release", json={"reason": "cancelled"})


def test_an_idle_gpu_is_kept_and_the_second_time_is_refused_in_a_sentence(open_page: Open, scientists: Seat) -> None:
    scientists.hear(scientists.take(scientists.ask("a.ipynb")))
    with open_page("scientist") as page:
        expect(sheet(page, "a.ipynb")).to_contain_text("You can keep it 1 more time.")
        form = stale_form(page)
        page.get_by_role("button", name="Keep it for 30 min").click()
        expect(sheet(page, "a.ipynb")).to_contain_text("Kept for you until")
        post(page, "keep", form)
        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text(
            "You have kept this GPU as often as you can"
        )


def stale_form(page: Page) -> dict[str, str]:
    """What the page's first form would send."""
    fields = page.locator("form").first.locator("input").all()
    return {str(field.get_attribute("name")): field.input_value() for field in fields}


def post(page: Page, act: str, form: dict[str, str]) -> None:
    """Send a form of this page as a browser does."""
    with page.expect_navigation():
        page.evaluate(
            """([action, fields]) => {
                const form = Object.assign(document.createElement("form"), { method: "post", action });
                for (const [name, value] of Object.entries(fields))
                    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
                document.body.append(form);
                form.submit();
            }""",
            [f"{PAGE}/{act}", form],
        )


@pytest.mark.parametrize("act", ["keep", "release"])
def test_the_lease_of_somebody_else_is_refused_like_one_that_never_was(
    open_page: Open, scientists: Seat, trainers: Seat, act: str
) -> None:
    theirs = trainers.take(trainers.ask("theirs.ipynb"))
    scientists.ask("mine.ipynb")
    with open_page("scientist") as page:
        form = stale_form(page)
        for id in (theirs["id"], "0" * 24):
            post(page, act, form | {"lease": id})
            expect(page.get_by_role("alert").filter(visible=True)).to_have_text("You have no such lease.")
        post(page, act, form | {"lease": theirs["id"], "csrf": "made-up"})
        expect(page.get_by_role("heading", level=1)).to_have_text("This form is too old or came from elsewhere.")
    assert [lease["state"] for lease in trainers.leases()] == ["active"]


@pytest.mark.parametrize("holder", HOSTILE)
def test_what_a_kernel_is_called_is_shown_as_text(open_page: Open, scientists: Seat, holder: str) -> None:
    with open_page("scientist", **PHONE) as page:
        expect(page.get_by_text("None of your kernels has a GPU")).to_be_visible()
        scientists.ask(holder)
        expect(page.locator("h3 bdi")).to_have_text(holder, timeout=LIVE_MS)
        assert page.evaluate("window.hacked") is None
        assert not scrolls_sideways(page)
        page.reload()
        expect(page.locator("h3 bdi")).to_have_text(holder)
        assert page.evaluate("window.hacked") is None


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


# --- for everybody --------------------------------------------------------------------------------------


LOOKS = {
    "en-light": ("en", {}),
    "nl-dark": ("nl", {"color_scheme": "dark"}),
    "nl-phone": ("nl", PHONE),
    "en-projector-dark": ("en", {**PROJECTOR, "color_scheme": "dark"}),
}


@pytest.mark.parametrize("name", LOOKS)
def test_the_page_keeps_nobody_out(open_page: Open, scientists: Seat, trainers: Seat, name: str) -> None:
    language, more = LOOKS[name]
    with open_page("scientist", language, **more) as page:
        shoot(page, f"empty-{name}")
        assert barriers(page) == []
        scientists.hear(scientists.take(scientists.ask("thesis/chapter-3.ipynb")), busy=True)
        for number in (1, 2, 3):
            trainers.ask(f"sweep-{number}.ipynb")
        expect(sheet(page, "thesis/chapter-3.ipynb")).to_be_visible(timeout=LIVE_MS)
        page.locator("details.sure summary").click()
        shoot(page, f"busy-{name}")
        assert barriers(page) == []
        assert not scrolls_sideways(page)
    with open_page("trainer", language, **more) as page:
        expect(page.locator(".queue")).to_have_count(3)
        shoot(page, f"waiting-{name}")
        assert barriers(page) == []
        assert not scrolls_sideways(page)


ENGLISH = re.compile(r"\b(the|your|waits?|kernel runs|lease|free|give|of it|since)\b", re.IGNORECASE)


def test_the_dutch_page_is_dutch(open_page: Open, scientists: Seat, trainers: Seat) -> None:
    with open_page("scientist", "nl") as page:
        assert ENGLISH.findall(page.locator("body").inner_text()) == []
        scientists.take(scientists.ask("a.ipynb"))
        trainers.ask("b.ipynb")
        expect(sheet(page, "a.ipynb")).to_contain_text("Doet niets", timeout=LIVE_MS)
        assert ENGLISH.findall(page.locator("body").inner_text()) == []
        expect(page.get_by_role("link", name="Mijn GPU's")).to_have_attribute("aria-current", "page")
        page.get_by_role("link", name="Wat er draait").click()
        page.get_by_role("link", name="1 kernel met een GPU").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Mijn GPU's")


def test_what_just_ended_moves_below_without_a_reload(open_page: Open, scientists: Seat) -> None:
    given = scientists.take(scientists.ask("given-back.ipynb"))
    with open_page("scientist") as page:
        mark(page)
        over = page.get_by_role("region", name="Recently ended")
        expect(sheet(page, "given-back.ipynb")).to_be_visible()
        expect(over.filter(has_text="given-back.ipynb")).to_have_count(0)
        scientists.http.post(f"leases/{given['id']}/release", json={"reason": "user"})
        expect(over.get_by_role("listitem").first).to_contain_text("given-back.ipynb", timeout=LIVE_MS)
        expect(over.get_by_role("listitem").first).to_contain_text("You gave the GPU back.")
        expect(sheet(page, "given-back.ipynb")).to_have_count(0)
        lost = scientists.ask("crashed.ipynb")
        expect(sheet(page, "crashed.ipynb")).to_contain_text("Your turn", timeout=LIVE_MS)
        scientists.take(eventually(lambda: offered(scientists, lost), what="it is offered a GPU"))
        scientists.kernels[-1].kill()
        scientists.kernels[-1].wait()
        expect(over.get_by_role("listitem").first).to_contain_text("crashed.ipynb", timeout=4 * LIVE_MS)
        expect(page.locator("#say")).to_contain_text("crashed.ipynb: The kernel ended without a word")
        shoot(page, "ended")
        assert barriers(page) == []
        assert was_not_reloaded(page)


def offered(seat: Seat, lease: Told) -> Told | None:
    return next((now for now in seat.leases() if now["id"] == lease["id"] and now["state"] == "offered"), None)


def test_who_has_nothing_that_ended_reads_nothing_of_it(open_page: Open) -> None:
    with open_page("admin") as page:
        expect(page.get_by_text("None of your kernels has a GPU")).to_be_visible()
        expect(page.get_by_text("Recently ended")).to_have_count(0)


def test_without_javascript_a_reload_shows_the_present_and_the_forms_work(
    open_page: Open, scientists: Seat, trainers: Seat
) -> None:
    scientists.take(scientists.ask("a.ipynb"))
    with open_page("trainer", java_script_enabled=False) as page:
        expect(page.get_by_text("None of your kernels has a GPU")).to_be_visible()
        trainers.ask("b.ipynb")
        page.reload()
        expect(sheet(page, "b.ipynb")).to_contain_text("1st of 1")
        sheet(page, "b.ipynb").locator("summary").click()
        page.get_by_role("button", name="Stop waiting for a GPU").click()
        expect(page.get_by_role("status")).to_have_text("You stopped waiting for a GPU.")
        expect(page.get_by_text("None of your kernels has a GPU")).to_be_visible()


def test_the_pages_stream_is_for_people_who_are_signed_in(one_gpu: Workbench) -> None:
    stranger = one_gpu.browser()
    refused = stranger.http.get(f"{PAGE}/live", headers={"Accept": "text/event-stream"})
    assert refused.status_code == 401
    page = stranger.http.get(PAGE)
    assert page.url.path == "/hub/login"


def test_when_the_service_comes_back_the_open_page_goes_on_by_itself(
    open_page: Open, scientists: Seat, one_gpu: Workbench
) -> None:
    with open_page("scientist") as page:
        mark(page)
        before = service_pid(one_gpu)
        os.kill(before, 9)
        eventually(lambda: service_pid(one_gpu) not in (0, before), what="the hub started the service again")
        eventually(lambda: answers(scientists), what="the service answers")
        lease = scientists.ask("later.ipynb")
        scientists.take(lease)
        expect(sheet(page, "later.ipynb")).to_be_visible(timeout=4 * LIVE_MS)
        assert was_not_reloaded(page)


def answers(seat: Seat) -> bool:
    try:
        return seat.http.get("leases").status_code == 200
    except httpx.HTTPError:
        return False


def service_pid(workbench: Workbench) -> int:
    """The process of this workbench's service; 0 while there is none."""
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if "hub.service" in command and str(workbench.state) in " ".join([*command, *process.environ().values()]):
                return int(process.pid)
        except psutil.Error:
            continue
    return 0


# --- before something is taken away ---------------------------------------------------------------------


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Workbench]:
    """One simulated device, of which an idle kernel is asked to make room within seconds."""
    settings = (ROOT / "werkbank.yaml").read_text()
    for timer, value in {"min_idle": "2s", "min_idle_crowded": "2s", "min_hold": "2s", "notice": "90s"}.items():
        settings, found = re.subn(rf"(?m)^  {timer}: \w+", f"  {timer}: {value}", settings)
        assert found == 1, timer
    (tmp_path / "werkbank.yaml").write_text(settings)
    bench = Workbench(tmp_path / "state", tmp_path / "werkbank.yaml")
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


def test_a_notice_counts_down_is_told_at_once_and_ends_when_the_gpu_is_kept(
    chromium: Browser, impatient: Workbench
) -> None:
    seat = contextmanager(running_seat)
    with (
        seat("scientist", impatient) as first,
        seat("trainer", impatient) as second,
        my_gpus(chromium, impatient, "scientist") as page,
    ):
        first.hear(first.take(first.ask("quick-look.ipynb")))
        mark(page)
        second.ask("next.ipynb")
        shown = sheet(page, "quick-look.ipynb")
        expect(shown).to_contain_text("About to make room", timeout=2 * LIVE_MS)
        expect(page.locator("#say-now")).to_contain_text("Your GPU goes to the next person in")
        left = seconds_left(page)
        eventually(lambda: seconds_left(page) < left, what="the seconds count down")
        shoot(page, "notice")
        assert barriers(page) == []
        assert was_not_reloaded(page)
        shown.get_by_role("button", name="Keep it for 30 min").click()
        expect(shown).to_contain_text("Kept for you until")
        expect(shown).to_contain_text("Idle")


def seconds_left(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("[data-countdown]").inner_text()))
