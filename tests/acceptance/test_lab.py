"""JupyterLab shows what a scientist's GPU does, why they wait and what they can do, without a manual.

Two people share one simulated GPU: real hub, broker, seats, kernels and Chromium.
"""

import json
import re
from collections.abc import Iterator

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.test_gpu_kernels import quick_settings
from tests.support.browser import open_browser, screenshot
from tests.support.lab import banner, interrupt, open_lab, output, panel, run_cell, status
from tests.support.workbench import Workbench

FIGURES = "{co2e: {value: 268, year: 2023, source: a table, method: location}}"
LONG = "import time\nfor step in range(600):\n    time.sleep(0.5)"


@pytest.fixture(scope="module")
def one_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with one simulated GPU and impatient timers, but time to press a button."""
    folder = tmp_path_factory.mktemp("lab")
    settings = quick_settings(folder)
    text = settings.read_text().replace("notice: 1s ", "notice: 12s ").replace("keep_for: 30m ", "keep_for: 4s ")
    settings.write_text(text.replace("\nserver:", f"  footprint: {FIGURES}\n\nserver:"))
    bench = Workbench(folder / "state", settings)
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(autouse=True)
def kernels_end(one_gpu: Workbench) -> Iterator[None]:
    """A kernel outlives its browser, and would hold the only GPU into the next test."""
    yield
    for user in ("scientist", "trainer"):
        visitor = one_gpu.browser(user)
        headers = {"Authorization": f"token {visitor.token()}"}
        if visitor.hub_user()["servers"]:
            for kernel in visitor.http.get(f"/user/{user}/api/kernels", headers=headers).json():
                visitor.http.delete(f"/user/{user}/api/kernels/{kernel['id']}", headers=headers).raise_for_status()


def test_a_scientist_sees_queue_grant_notice_and_parking_inside_jupyterlab(
    one_gpu: Workbench, browser: Browser
) -> None:
    first = open_lab(browser, one_gpu, "scientist", "en", "x = 6 * 7", LONG, "print(x)")
    expect(status(first)).to_contain_text(re.compile(r"simulated.*idle.*\d\d:\d\d", re.I), timeout=60_000)
    run_cell(first, 0)
    run_cell(first, 1)
    expect(status(first)).to_contain_text("busy")
    mine = panel(first, "GPUs and queue")
    expect(mine.get_by_role("heading", name="scientist.ipynb")).to_be_visible()
    expect(mine).to_contain_text("there is nothing to measure")
    expect(mine).to_contain_text("0 of 1 free")
    expect(mine).to_contain_text("not measured (268 g/kWh, 2023)")
    expect(mine.get_by_text("268 g/kWh, 2023, location-based: a table")).to_be_hidden()
    mine.get_by_text("Where the figures come from").click()
    expect(mine.get_by_text("268 g/kWh, 2023, location-based: a table")).to_be_visible()
    screenshot(first, "lab-busy")

    second = open_lab(browser, one_gpu, "trainer", "nl", "y = 1", "print(y + 1)")
    run_cell(second, 0)
    expect(status(second)).to_contain_text("1e van 1", timeout=60_000)
    expect(banner(second)).to_contain_text("Je bent 1e van 1")
    expect(banner(second).get_by_role("button", name="Nu op de CPU beginnen")).to_be_visible()
    theirs = panel(second, "GPU's en rij")
    expect(theirs.get_by_role("button", name="Niet meer wachten: trainer.ipynb")).to_be_visible()
    expect(banner(second)).to_be_in_viewport(ratio=1)
    screenshot(second, "lab-queued-nl")

    # The first idles: it is told that somebody waits, keeps its GPU once, and is then parked.
    interrupt(first)
    expect(banner(first)).to_contain_text("Somebody else waits", timeout=60_000)
    screenshot(first, "lab-notice")
    banner(first).get_by_role("button", name="Keep").click()
    expect(banner(first)).to_be_hidden()
    expect(status(first)).to_contain_text("parked", timeout=120_000)
    expect(banner(first)).to_contain_text("safe in memory")
    expect(status(second)).to_contain_text("wacht op een cel", timeout=60_000)
    screenshot(first, "lab-parked")

    # The second gives back; the first has its variables and its GPU at its next cell.
    theirs.get_by_role("button", name="Teruggeven: trainer.ipynb").click()
    expect(theirs).to_contain_text("Je hebt geen GPU", timeout=60_000)
    run_cell(first, 2)
    expect(output(first, 2)).to_contain_text("42", timeout=60_000)
    expect(status(first)).to_contain_text("idle")
    for page in (first, second):
        page.context.close()


def test_the_launcher_tells_what_is_free_before_one_clicks(one_gpu: Workbench, browser: Browser) -> None:
    page = open_lab(browser, one_gpu, "scientist", "en")
    card = page.locator(".jp-LauncherCard", has_text=re.compile(r"Simulated GPU\s+1 of 1 free"))
    expect(card).to_be_visible(timeout=60_000)
    screenshot(page, "lab-launcher")
    card.click()
    expect(status(page)).to_contain_text(re.compile("idle|busy"), timeout=60_000)
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Give Back GPU").click()
    expect(status(page)).to_contain_text("ended", timeout=60_000)
    page.context.close()


def barriers(page: Page) -> list[str]:
    """What axe finds in our parts that keeps people out."""
    found = Axe().run(page, context={"include": [[".wb-Panel"], [".wb-Status"]]}).response["violations"]
    return [f"{one['id']}: {one['help']}" for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_nobody_is_kept_out_of_the_panel_in_either_theme(one_gpu: Workbench, browser: Browser, theme: str) -> None:
    visitor = one_gpu.browser("scientist")
    if not visitor.hub_user()["servers"]:
        visitor.start_seat("medium")
    themes = "/user/scientist/lab/api/settings/@jupyterlab/apputils-extension:themes"
    headers = {"Authorization": f"token {visitor.token()}"}
    visitor.http.put(themes, json={"raw": json.dumps({"theme": theme})}, headers=headers).raise_for_status()
    page = open_lab(browser, one_gpu, "scientist", "en", "x = 1")
    expect(status(page)).to_contain_text(re.compile("idle|busy"), timeout=60_000)
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    expect(panel(page, "GPUs and queue").get_by_role("heading", name="scientist.ipynb")).to_be_visible()
    screenshot(page, f"lab-{theme.split()[1].lower()}")
    assert barriers(page) == []
    page.context.close()


def test_a_lesson_is_opened_twice_edited_and_begun_again_without_a_loss(one_gpu: Workbench, browser: Browser) -> None:
    page = open_lab(browser, one_gpu, "trainer", "nl")
    page.get_by_role("tab", name="Lessen").click()
    lessons = page.get_by_role("region", name="Lessen", exact=True)
    expect(lessons).to_contain_text("Klimaat: vergelijk twee toekomsten")
    expect(lessons).to_contain_text("0 van 3 oefeningen gehaald")
    screenshot(page, "lab-lessons-nl")
    for _time in range(2):
        lessons.get_by_role("button", name="Openen: Klimaat: vergelijk twee toekomsten").click()
        expect(page.locator(".jp-NotebookPanel:visible")).to_be_visible()
    page.locator(".jp-NotebookPanel:visible .jp-MarkdownCell").first.dblclick()
    page.keyboard.type("Van mij. ")
    page.keyboard.press("Control+s")
    lessons.get_by_role("button", name="English").click()
    expect(lessons).to_contain_text("Climate: compare two futures")
    lessons.get_by_role("button", name="Nederlands").click()
    reset = lessons.get_by_role("button", name="Opnieuw: Klimaat: vergelijk twee toekomsten")
    look_again(page, lessons, reset)
    reset.click()
    page.get_by_role("button", name="Opnieuw beginnen").click()
    expect(page.get_by_text("two-futures.nl.mine-1.ipynb").first).to_be_visible(timeout=60_000)
    expect(lessons.get_by_role("button", name=re.compile("Verder met"))).to_be_visible()
    page.context.close()


def look_again(page: Page, lessons: Locator, wanted: Locator) -> None:
    """Open the panel until it shows what was saved meanwhile."""
    for _time in range(10):
        page.get_by_role("tab", name="Bestandsbrowser").or_(page.get_by_role("tab", name="File Browser")).first.click()
        page.get_by_role("tab", name="Lessen").click()
        expect(lessons).to_be_visible()
        if wanted.is_visible():
            return
        page.wait_for_timeout(500)
    expect(wanted).to_be_visible()


def test_the_panel_says_that_the_broker_is_silent_and_recovers_by_itself(one_gpu: Workbench, browser: Browser) -> None:
    page = open_lab(browser, one_gpu, "scientist", "en", "x = 1")
    expect(status(page)).to_contain_text("idle", timeout=60_000)
    mine = panel(page, "GPUs and queue")
    service = psutil.Process(one_gpu.status()["pids"]["service"])
    service.suspend()
    try:
        expect(mine).to_contain_text("does not answer", timeout=120_000)
        expect(mine.get_by_role("heading", name="scientist.ipynb")).to_be_visible()
        expect(status(page)).to_contain_text("not up to date")
        run_cell(page, 0)
        screenshot(page, "lab-silent")
    finally:
        service.resume()
    expect(mine).not_to_contain_text("does not answer", timeout=120_000)
    page.context.close()


def test_a_seat_whose_token_was_revoked_says_what_to_do_and_keeps_what_was_known(
    one_gpu: Workbench, browser: Browser
) -> None:
    page = open_lab(browser, one_gpu, "scientist", "en", "x = 1")
    expect(status(page)).to_contain_text("idle", timeout=60_000)
    mine = panel(page, "GPUs and queue")
    expect(mine.get_by_role("heading", name="scientist.ipynb")).to_be_visible()
    scientist = one_gpu.browser("scientist")
    tokens = f"/hub/api/users/{scientist.user}/tokens"
    for token in scientist.http.get(tokens, headers=scientist.api_headers()).json()["api_tokens"]:
        if token["note"].startswith("Server"):
            scientist.http.delete(f"{tokens}/{token['id']}", headers=scientist.api_headers()).raise_for_status()
    mine.get_by_role("button", name="Start a cluster…").click()
    expect(mine.get_by_role("alert")).to_contain_text("restart your seat")
    # What the seat listens to already goes on; a new connection is refused. The hub starts its service again.
    psutil.Process(one_gpu.status()["pids"]["service"]).terminate()
    expect(mine).to_contain_text("no longer accepts this server", timeout=120_000)
    expect(mine.get_by_role("heading", name="scientist.ipynb")).to_be_visible()
    screenshot(page, "lab-revoked")
    page.context.close()
    scientist.stop_seat()
