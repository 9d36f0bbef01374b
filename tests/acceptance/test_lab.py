"""JupyterLab shows what a scientist's GPU does, why they wait and what they can do, without a manual.

Two people share one simulated GPU: real hub, broker, seats, kernels and Chromium.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.acceptance.test_two_people import notebook_of
from tests.integration.test_gpu_kernels import quick_settings
from tests.support.browser import open_browser, screenshot
from tests.support.workbench import Workbench

LONG = "import time\nfor step in range(600):\n    time.sleep(0.5)"


@pytest.fixture(scope="module")
def one_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with one simulated GPU and impatient timers, but time to press a button."""
    folder = tmp_path_factory.mktemp("lab")
    settings = quick_settings(folder)
    text = settings.read_text().replace("notice: 1s ", "notice: 12s ").replace("keep_for: 30m ", "keep_for: 4s ")
    settings.write_text(text)
    bench = Workbench(folder / "state", settings)
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def open_lab(browser: Browser, workbench: Workbench, user: str, language: str, *sources: str) -> Page:
    """A person's JupyterLab: a notebook whose kernel leases a GPU, or the launcher where there are no cells."""
    visitor = workbench.browser(user, language)
    visitor.start_seat("medium")
    seat = f"{workbench.address}/user/{user}/lab"
    address = notebook_of(visitor, f"{user}.ipynb", *sources) if sources else f"{seat}?reset"
    page = browser.new_context(viewport={"width": 1280, "height": 720}, locale=f"{language}-NL").new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{workbench.address}/hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", workbench.password)
    page.click("#login_submit")
    page.goto(address)
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    return page


def run_cell(page: Page, number: int) -> None:
    page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(number).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")


def output(page: Page, number: int) -> Locator:
    return page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(number).locator(".jp-OutputArea-output")


def interrupt(page: Page) -> None:
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Interrupt Kernel").click()


def status(page: Page) -> Locator:
    return page.locator(".wb-Status-button")


def panel(page: Page, name: str) -> Locator:
    """The side panel, opened as a person opens it: by the button in the status bar."""
    region = page.get_by_role("region", name=name, exact=True)
    if not region.is_visible():
        status(page).click()
    expect(region).to_be_visible()
    return region


def banner(page: Page) -> Locator:
    return page.locator(".wb-Banner-body")


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
    expect(theirs).to_contain_text("Je hebt geen GPU")
    run_cell(first, 2)
    expect(output(first, 2)).to_contain_text("42", timeout=60_000)
    expect(status(first)).to_contain_text("idle")
    for page in (first, second):
        page.context.close()
