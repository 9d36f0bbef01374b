"""The whole way of a new scientist, in a real browser: sign in, profile, JupyterLab, lesson, numbers, stop."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import open_browser, screenshot
from tests.support.workbench import Visitor, Workbench, eventually

LESSON = "tutorials/D2-two-futures/two-futures.en.ipynb"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB")
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture
def trainer(workbench: Workbench) -> Iterator[Visitor]:
    """Afterwards the trainer has no seat, however the test ended."""
    visitor = workbench.browser("trainer")
    yield visitor
    if visitor.hub_user()["servers"]:
        visitor.stop_seat()


def sign_in(page: Page, workbench: Workbench, user: str) -> None:
    page.goto(f"{workbench.address}/hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", workbench.password)
    page.click("#login_submit")


def test_a_new_scientist_runs_the_first_lesson_on_a_dask_cluster(workbench: Workbench, page: Page) -> None:
    sign_in(page, workbench, "scientist")
    page.goto(f"{workbench.address}/hub/spawn")
    page.locator("label", has_text=re.compile("^Medium$")).click()
    screenshot(page, "spawn")
    page.click("button[type=submit]")
    page.wait_for_url("**/user/scientist/lab**", timeout=60_000)
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)

    page.goto(f"{workbench.address}/user/scientist/lab/tree/{LESSON}")
    notebook = page.locator(".jp-NotebookPanel:visible")
    notebook.wait_for(timeout=60_000)
    page.locator(".jp-StatusBar-Widget >> text=/\\| Idle/").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    expect_text(notebook, r"A1B: \+4\.4[4-8] K")
    expect_text(notebook, r"E1: \+2\.3[5-9] K")
    figure = notebook.locator(".jp-OutputArea img").first
    figure.scroll_into_view_if_needed(timeout=60_000)
    expect(figure).to_be_visible()
    assert figure.get_attribute("alt")
    screenshot(page, "lesson")
    # The notebook shows only what is in view; the hub's log says for sure who computed.
    assert re.search(r"cluster.created .*user=scientist .*profile=medium", workbench.hub_log)

    page.goto(f"{workbench.address}/services/werkbank/")
    screenshot(page, "service-home")
    page.locator("summary", has_text="Stop").click()
    page.get_by_role("button", name="Stop this seat").click()
    scientist = workbench.browser("scientist")
    eventually(lambda: scientist.hub_user()["servers"] == {}, what="the seat is stopped")


def expect_text(notebook: object, pattern: str) -> None:
    expect(notebook).to_contain_text(re.compile(pattern), timeout=120_000, use_inner_text=False)  # type: ignore[arg-type]


def test_the_dask_panel_starts_a_cluster_and_shows_its_dashboard(
    workbench: Workbench, trainer: Visitor, page: Page
) -> None:
    trainer.start_seat("small")
    sign_in(page, workbench, "trainer")
    page.goto(f"{workbench.address}/user/trainer/lab")
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)
    page.get_by_role("tab", name="Dask").click()
    page.get_by_role("button", name="NEW", exact=True).click()
    cluster = page.locator(".dask-ClusterListingItem")
    expect(cluster).to_have_count(1, timeout=60_000)
    screenshot(page, "dask-panel")
    plots = page.locator(".dask-DashboardListing-item button:not([disabled])")
    expect(plots.first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Workers", exact=True).click()
    plot = page.frame_locator('iframe[src*="individual-workers"]').locator(".bk-Figure, canvas").first
    expect(plot).to_be_visible(timeout=60_000)
    screenshot(page, "dask-dashboard")


def test_a_dutch_reader_gets_jupyterlab_in_dutch_with_the_dutch_lesson(
    workbench: Workbench, trainer: Visitor, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="nl-NL")
    page = context.new_page()
    sign_in(page, workbench, "trainer")
    page.goto(f"{workbench.address}/hub/spawn")
    page.get_by_role("button", name="Starten").click()
    page.wait_for_url("**/user/trainer/lab**", timeout=60_000)
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)
    expect(page.get_by_role("menuitem", name="Bestand", exact=True)).to_be_visible(timeout=60_000)
    page.goto(f"{workbench.address}/user/trainer/lab/tree/{LESSON.replace('.en.', '.nl.')}")
    expect(page.locator(".jp-NotebookPanel:visible h1").first).to_contain_text("toekomsten", timeout=60_000)
    screenshot(page, "lesson-nl")
    context.close()
