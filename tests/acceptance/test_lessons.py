"""Lessons read in JupyterLab from the first cell to the last, as a learner reads them: every exercise is done wrong
once and then right, figures are drawn, nothing fails, and the panel keeps count.

The seats have the environment of the lessons, offered with the very lines that `werkbank lessons install` prints.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from hub.cli import lesson_environment
from hub.cli.lessons import OFFER
from tests.support.browser import open_browser, screenshot
from tests.support.workbench import ROOT, Workbench, eventually
from tutorials.build import variants
from tutorials.build.catalogue import LANGUAGES, Entry, read_entry
from tutorials.build.catalogue import lessons as known
from tutorials.build.extras import ENVIRONMENT
from tutorials.build.notebooks import lesson_cells
from tutorials.build.source import Cell


def chosen(lessons: str) -> list[tuple[str, str]]:
    """Pairs of lesson and language from `S1:nl T1`, where a lesson alone is read in both, or from `all`."""
    named = known() if lessons == "all" else lessons.split()
    pairs = [one.partition(":") for one in named]
    return [(lesson, one) for lesson, _, language in pairs for one in ([language] if language else LANGUAGES)]


DAILY = "S1:nl D2:nl H1:en"
READ = chosen(os.environ.get("WERKBANK_READ_LESSONS", DAILY))
LESSONS_PANEL = {"en": "Lessons", "nl": "Lessen"}
NEXT = {"en": "Next lesson: ", "nl": "Volgende les: "}
PASSED = {"en": "3 of 3 exercises passed", "nl": "3 van 3 oefeningen gehaald"}


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench that offers the lessons' environment to everybody."""
    extras = {extra for lesson, _ in READ for extra in read_entry(lesson).extras}
    lesson_environment.ensure(extras, for_tests=True, say=print)
    folder = tmp_path_factory.mktemp("classroom")
    settings = folder / "werkbank.yaml"
    settings.write_text(with_lessons((ROOT / "werkbank.yaml").read_text()))
    bench = Workbench(folder / "state", settings)
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def was_read() -> set[str]:
    """The lessons that the scientist has done so far."""
    return set()


def with_lessons(settings: str) -> str:
    """Settings with what is printed for them put below its two headings."""
    for part in re.split(r"(?m)^(?=\w)", OFFER.format(prefix=ENVIRONMENT)):
        heading, _, lines = part.partition("\n")
        if heading:
            settings, found = re.subn(rf"(?m)^{heading}.*\n", rf"\g<0>{lines}", settings)
            assert found == 1, heading
    return settings


@pytest.fixture
def page(classroom: Workbench, language: str) -> Iterator[Page]:
    """The scientist's JupyterLab with the libraries of the lessons; their seat is stopped afterwards."""
    visitor = classroom.browser("scientist", language)
    visitor.start_seat("lessons")
    with open_browser() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale=f"{language}-NL")
        page = context.new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.goto(f"{classroom.address}/hub/login")
        page.fill("#username_input", "scientist")
        page.fill("#password_input", classroom.password)
        page.click("#login_submit")
        yield page
    visitor.stop_seat()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("lesson", "language"), READ)
def test_a_lesson_is_read_to_its_end_with_every_exercise_wrong_once_and_then_right(
    classroom: Workbench, page: Page, lesson: str, language: str, was_read: set[str]
) -> None:
    entry = read_entry(lesson)
    open_lesson(classroom, page, entry, language)
    read(page, lesson, language)
    assert errors(classroom, entry, page, language) == []
    page.get_by_role("tab", name=LESSONS_PANEL[language]).click()
    panel = page.get_by_role("region", name=LESSONS_PANEL[language], exact=True)
    title = getattr(entry.title, language)
    expect(panel.get_by_role("article").filter(has_text=title)).to_contain_text(PASSED[language])
    was_read.add(lesson)
    leads_on = not was_read.issuperset(entry.next)
    expect(panel.get_by_role("button", name=NEXT[language])).to_have_count(1 if leads_on else 0)
    screenshot(page, f"lesson-{lesson}-{language}-done")


def open_lesson(classroom: Workbench, page: Page, entry: Entry, language: str) -> None:
    path = f"tutorials/{entry.folder}/{entry.stem}.{language}.ipynb"
    page.goto(f"{classroom.address}/user/scientist/lab/tree/{path}?reset")
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    expect(page.locator(".jp-NotebookPanel:visible h1").first).to_be_visible()
    expect(page.locator(".jp-Notebook-ExecutionIndicator:visible")).to_have_attribute("data-status", "idle")
    cell(page, 0).click()
    page.keyboard.press("Escape")


def read(page: Page, lesson: str, language: str) -> None:
    """Go through the notebook with the keyboard, cell by cell."""
    cells = lesson_cells(lesson, language)
    shown = variants.learner(cells, language)
    wrong = {one.exercise: one for one in reversed(cells) if one.role == "wrong"}
    right = {one.exercise: one for one in cells if one.role == "solution"}
    starters = {one.exercise: place for place, one in enumerate(shown) if one.role == "exercise"}
    for place, one in enumerate(shown):
        if one.role == "exercise":
            write(page, place, wrong[one.exercise].text)
        step(page, place, one)
        if one.role == "check":
            expect(output(page, place)).to_contain_text("◔")
            screenshot(page, f"lesson-{one.exercise}-{language}-hint")
            back(page, place + 1, starters[one.exercise])
            write(page, starters[one.exercise], right[one.exercise].text)
            for again in range(starters[one.exercise], place + 1):
                step(page, again, shown[again])
            expect(output(page, place)).to_contain_text("✔")
        if "figure" in one.tags:
            picture = output(page, place).locator("img").first
            picture.scroll_into_view_if_needed()
            assert picture.get_attribute("alt")
            screenshot(page, f"lesson-{lesson}-{language}-{one.lid}")


def cell(page: Page, place: int) -> Locator:
    return page.locator(f'.jp-NotebookPanel:visible .jp-Cell[data-windowed-list-index="{place}"]')


def output(page: Page, place: int) -> Locator:
    return cell(page, place).locator(".jp-Cell-outputArea")


def step(page: Page, place: int, one: Cell) -> None:
    """Run the active cell, and wait until the kernel is done with it."""
    expect(cell(page, place)).to_have_class(re.compile("jp-mod-active"))
    page.keyboard.press("Shift+Enter")
    if one.kind == "code":
        prompt = cell(page, place).locator(".jp-InputArea-prompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=120_000)


def write(page: Page, place: int, text: str) -> None:
    """Put code in place of what the active cell has, as one who types."""
    expect(cell(page, place)).to_have_class(re.compile("jp-mod-active"))
    page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def back(page: Page, here: int, there: int) -> None:
    page.keyboard.press("Escape")
    for _ in range(here - there):
        page.keyboard.press("ArrowUp")


def errors(classroom: Workbench, entry: Entry, page: Page, language: str) -> list[str]:
    """Which cells of the notebook have failed, as it is saved."""
    page.keyboard.press("Control+s")
    saved = eventually(lambda: whole(saved_cells(classroom, entry, language)), what="all that ran is saved")
    return [
        f"{one['id']}: {made['ename']}: {made['evalue']}"
        for one in saved
        for made in one.get("outputs", ())
        if made["output_type"] == "error"
    ]


def saved_cells(classroom: Workbench, entry: Entry, language: str) -> list[dict[str, Any]]:
    visitor = classroom.browser("scientist")
    path = f"/user/scientist/api/contents/tutorials/{entry.folder}/{entry.stem}.{language}.ipynb"
    reply = visitor.http.get(path, headers={"Authorization": f"token {visitor.token()}"})
    if reply.status_code != 200:
        return []  # it is just being saved
    cells: list[dict[str, Any]] = reply.json()["content"]["cells"]
    return cells


def whole(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells where each that has code has run, else none; JupyterLab adds an empty one at the end."""
    code = [one for one in cells if one["cell_type"] == "code" and one["source"]]
    return cells if all(one["execution_count"] for one in code) else []


def test_the_lines_for_the_settings_fit_the_settings_as_they_come() -> None:
    assert f"prefix: {ENVIRONMENT}" in with_lessons((ROOT / "werkbank.yaml").read_text())
