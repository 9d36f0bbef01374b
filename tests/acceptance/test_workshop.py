"""A workshop as it is given: a trainer at the room's page, learners in JupyterLab, and what passes between them.

Real hub, service, seats, kernels and Chromium. Neither page is loaded again.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.acceptance.test_lessons import output, step, write
from tests.support.browser import open_browser, screenshot
from tests.support.classroom import SERVICE, Trainer, stop_seats
from tests.support.workbench import Workbench, eventually, text_of
from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells

SECONDS = 10_000
"""Milliseconds within which the trainer sees what a learner did."""
PAGES = f"{SERVICE}/workshops"
ID = "first-steps"
EXERCISE = "S1-1"
PASSED_BAR = re.compile(rf"{EXERCISE}\s+1 passed\s*(?!,)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        expect.set_options(timeout=60_000)
        yield browser


@pytest.fixture(scope="module")
def code(workbench: Workbench) -> Iterator[str]:
    """A workshop that is on, with temporary accounts; its code."""
    trainer = Trainer(workbench.browser("trainer"))
    starts = datetime.now()
    hours = {"starts": f"{starts:%Y-%m-%dT%H:%M}", "ends": f"{starts + timedelta(hours=2):%Y-%m-%dT%H:%M}"}
    planned = trainer.plan(title="First steps", temporary_accounts="on", lessons="S1, D2", **hours)
    assert planned.status_code == 200, text_of(planned.text)
    published = text_of(trainer.act(ID, "publish").text)
    found = re.search(r"\b[A-Z2-9]{4}-[A-Z2-9]{4}\b", published)
    assert found, published
    eventually(lambda: trainer.http.get(f"{PAGES}/{ID}/room").url.path.endswith("/room"), what="the workshop is on")
    yield found[0]
    trainer.act(ID, "close")
    trainer.act(ID, "remove")
    stop_seats(workbench)


def new_page(browser: Browser, locale: str = "en-GB") -> Page:
    page = browser.new_context(viewport={"width": 1360, "height": 900}, locale=locale).new_page()
    page.set_default_timeout(60_000)
    return page


def sign_in(page: Page, workbench: Workbench, user: str) -> None:
    page.goto(f"{workbench.address}/hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", workbench.password)
    page.click("#login_submit")


@pytest.fixture(scope="module")
def room(workbench: Workbench, browser: Browser, code: str) -> Iterator[Page]:
    """The trainer's screen."""
    page = new_page(browser)
    sign_in(page, workbench, "trainer")
    page.goto(f"{workbench.address}{PAGES}/{ID}/room")
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    yield page
    page.context.close()


def in_jupyterlab(page: Page) -> None:
    page.wait_for_url("**/lab/tree/**")
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    expect(page.locator(".jp-Notebook-ExecutionIndicator:visible")).to_have_attribute("data-status", "idle")


def tile(room: Page, number: int) -> Locator:
    return room.locator(f"#tile-{number}")


def hand_item(page: Page) -> Locator:
    return page.locator(".wb-Status-hand")


def notice(page: Page, words: str) -> Locator:
    return page.locator(".Toastify__toast", has_text=words)


@pytest.mark.timeout(400)
def test_the_trainer_sees_how_a_learner_fares_and_they_talk_without_leaving_their_pages(
    workbench: Workbench, browser: Browser, code: str, room: Page
) -> None:
    learner = new_page(browser)
    joins_with_a_temporary_account(learner, workbench, code)
    in_jupyterlab(learner)
    panel = learner.get_by_role("region", name="Workshop", exact=True)
    expect(panel).to_contain_text("The trainer sees you as learner 1.")
    expect(panel).to_contain_text(re.compile(r"(1 h|\d+ min).* left"))
    expect(tile(room, 1)).to_contain_text("reading", timeout=SECONDS)
    expect(panel.get_by_role("button", name="Start here: find your way in a first session")).to_be_visible()

    fails_and_passes(learner, room)
    expect(panel).to_contain_text("1 of 3 exercises passed")
    screenshot(room, "workshop-room-passed")

    hand_item(learner).click()
    expect(hand_item(learner)).to_contain_text("1st in line")
    expect(room.locator("#hands")).to_contain_text(f"1 {EXERCISE}", timeout=SECONDS)
    screenshot(learner, "workshop-lab-hand")
    screenshot(room, "workshop-room-hand")

    speaks(room, learner)
    gives_a_fresh_copy(room, learner)
    tile(room, 1).locator("summary").first.click()
    tile(room, 1).get_by_role("button", name="Helped: lower the hand").click()
    expect(notice(learner, "The trainer has lowered your hand.")).to_be_visible(timeout=SECONDS)
    expect(hand_item(learner)).to_contain_text("raise hand")

    shows_a_notebook(room, learner)
    by_keyboard(learner)
    assert barriers(learner) == []
    dark(learner)
    screenshot(learner, "workshop-lab-dark")
    assert barriers(learner) == []
    learner.context.close()


def joins_with_a_temporary_account(page: Page, workbench: Workbench, code: str) -> None:
    page.goto(f"{workbench.address}/services/werkbank/join")
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Join with a temporary account").click()
    page.get_by_role("link", name="To the first lesson").click()


def fails_and_passes(learner: Page, room: Page) -> None:
    """As it comes, the answer of the first exercise is wrong; the room sees each try, and then that it is right."""
    expect(learner.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()
    cells = lesson_cells("S1", "en")
    shown = variants.learner(cells, "en")
    right = next(one.text for one in cells if one.role == "solution" and one.exercise == EXERCISE)
    answer = next(place for place, one in enumerate(shown) if one.role == "exercise")
    check = next(place for place, one in enumerate(shown) if one.role == "check")
    learner.locator('.jp-NotebookPanel:visible .jp-Cell[data-windowed-list-index="0"]').click()
    learner.keyboard.press("Escape")
    for place in range(check + 1):
        step(learner, place, shown[place])
        if shown[place].lid == "setup":
            expect(tile(room, 1)).to_contain_text("working", timeout=SECONDS)
    expect(output(learner, check)).to_contain_text("◔")
    expect(tile(room, 1)).to_contain_text(f"{EXERCISE} ×1", timeout=SECONDS)
    learner.keyboard.press("Escape")
    for _cell in range(check + 1 - answer):
        learner.keyboard.press("ArrowUp")
    write(learner, answer, right)
    for place in range(answer, check + 1):
        step(learner, place, shown[place])
    expect(output(learner, check)).to_contain_text("✔")
    expect(room.locator(".progress-row").first).to_contain_text(PASSED_BAR, timeout=SECONDS)


def speaks(room: Page, learner: Page) -> None:
    words = "Break until <ten>; coffee is in the hall."
    room.get_by_label("Message").fill(words)
    room.get_by_role("button", name="Send it").click()
    expect(notice(learner, f"The trainer says: {words}")).to_be_visible(timeout=SECONDS)
    panel = learner.get_by_role("region", name="Workshop", exact=True)
    expect(panel).to_contain_text(words)
    expect(notice(learner, "The trainer says").get_by_role("button", name="Show")).to_be_in_viewport(ratio=1)
    screenshot(learner, "workshop-lab-message")
    room.get_by_role("button", name="Take it back").click()
    expect(panel).not_to_contain_text("Break until", timeout=SECONDS)
    expect(notice(learner, "Break until")).to_have_count(0)


def gives_a_fresh_copy(room: Page, learner: Page) -> None:
    copy = "first-session.en.copy-1.ipynb"
    room.get_by_label("A fresh copy of a lesson").select_option("S1")
    room.get_by_role("button", name="Give it to everybody").click()
    expect(learner.get_by_role("tab", name=copy)).to_be_visible(timeout=SECONDS)
    expect(notice(learner, copy)).to_contain_text("Your own notebook is untouched.")
    expect(learner.locator(".jp-NotebookPanel:visible h1").first).to_be_visible()
    screenshot(learner, "workshop-lab-copy")
    learner.reload()
    learner.locator("#jupyterlab-splash").wait_for(state="detached")
    expect(hand_item(learner)).to_contain_text("1st in line")
    expect(learner.get_by_role("region", name="Workshop", exact=True)).to_be_visible()
    expect(learner.get_by_role("tab", name="first-session.en.copy-2.ipynb")).to_have_count(0)
    expect(notice(learner, copy)).to_have_count(0)


def shows_a_notebook(room: Page, learner: Page) -> None:
    """The trainer asks, the learner agrees, and what they write then is read in another tab a few seconds later."""
    tile(room, 1).locator("summary").first.click()
    tile(room, 1).get_by_role("button", name="Ask to see the notebook").click()
    expect(notice(learner, "The trainer asks to see your notebook.")).to_be_visible(timeout=SECONDS)
    expect(tile(room, 1)).to_contain_text("asked to show a notebook")
    panel = learner.get_by_role("region", name="Workshop", exact=True)
    expect(panel).to_contain_text("They cannot change or run anything.")
    screenshot(learner, "workshop-lab-asked")
    panel.get_by_role("button", name="Show it").click()
    expect(hand_item(learner)).to_contain_text("Notebook shown")
    expect(notice(learner, "The trainer asks to see")).to_have_count(0)
    expect(tile(room, 1)).to_contain_text("shows a notebook", timeout=SECONDS)
    screenshot(room, "workshop-room-shown")
    tile(room, 1).locator("summary").first.click()
    with room.context.expect_page() as opened:
        tile(room, 1).get_by_role("link", name="Look at the notebook").click()
    looked = opened.value
    content = looked.frame_locator("#notebook")
    expect(content.locator("h1").first).to_be_visible()
    expect(panel).to_contain_text("Last opened at")
    screenshot(looked, "workshop-shown-notebook")
    learner.locator(".jp-NotebookPanel:visible .jp-Cell").first.click()
    learner.keyboard.press("Escape")
    learner.keyboard.press("b")
    learner.keyboard.press("Enter")
    learner.keyboard.type("stuck = here")
    expect(content.locator("body")).to_contain_text("stuck = here", timeout=2 * SECONDS)
    panel.get_by_role("button", name="Stop showing").click()
    expect(looked.locator("#said")).to_contain_text("does not show a notebook now", timeout=SECONDS)
    expect(looked.locator("#notebook")).to_be_hidden()
    expect(tile(room, 1)).not_to_contain_text("shows a notebook", timeout=SECONDS)
    looked.close()


def by_keyboard(learner: Page) -> None:
    learner.keyboard.press("Control+Alt+h")
    expect(hand_item(learner)).to_contain_text("1st in line")
    by_palette(learner, "lower hand")
    expect(hand_item(learner)).to_contain_text("raise hand")


def by_palette(page: Page, words: str) -> None:
    page.keyboard.press("Control+Shift+c")
    page.locator(".lm-CommandPalette-input").fill(words)
    page.keyboard.press("Enter")


def barriers(page: Page) -> list[str]:
    """What axe finds in our parts that keeps people out."""
    found = Axe().run(page, context={"include": [[".wb-Panel"], [".wb-Status"]]}).response["violations"]
    return [f"{one['id']}: {one['help']}" for one in found if one["impact"] in ("serious", "critical")]


def dark(page: Page) -> None:
    by_palette(page, "JupyterLab Dark")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", "JupyterLab Dark")
    page.locator("#jupyterlab-splash").wait_for(state="detached")


def test_a_dutch_learner_shows_their_name_and_stands_in_the_same_line(
    workbench: Workbench, browser: Browser, code: str, room: Page
) -> None:
    learner = new_page(browser, "nl-NL")
    sign_in(learner, workbench, "scientist")
    learner.goto(f"{workbench.address}/services/werkbank/join/{code}")
    learner.get_by_role("link", name="Eerst aanmelden").click()
    learner.get_by_label("Je naam").fill("Anna de Vries")
    learner.get_by_role("button", name=re.compile("scientist")).click()
    in_jupyterlab(learner)
    expect(learner.locator(".jp-NotebookPanel:visible h1").first).to_contain_text("Begin hier")
    panel = learner.get_by_role("region", name="Workshop", exact=True)
    expect(panel).to_contain_text("De trainer ziet je als deelnemer")
    panel.get_by_role("switch", name="Mijn naam laten zien").check()
    expect(panel).to_contain_text("De trainer ziet je naam.")
    expect(room.locator(".tile", has_text="Anna de Vries")).to_be_visible(timeout=SECONDS)
    panel.get_by_role("button", name="Hand opsteken").click()
    expect(panel).to_contain_text("1e in de rij")
    expect(room.locator("#hands")).to_contain_text("Anna de Vries", timeout=SECONDS)
    screenshot(learner, "workshop-lab-nl")
    panel.get_by_role("button", name="Hand omlaag").click()
    expect(room.locator("#hands")).to_have_count(0, timeout=SECONDS)
    learner.context.close()
    workbench.browser("scientist").stop_seat()
