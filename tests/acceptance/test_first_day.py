"""A scientist who has never seen the product, in one sitting and without leaving JupyterLab: what the pages say is
all they know.

They get a kernel with a GPU, lose it to a colleague and have it back, understand a queue, compute on a Dask cluster,
and finish an exercise. Real hub, broker, gateway, seats and Chromium; the GPU is simulated.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.test_gpu_kernels import DEVICE, GPU, quick_settings
from tests.support.browser import open_browser, screenshot
from tests.support.lab import banner, output, panel, status
from tests.support.notebook import Notebook
from tests.support.workbench import Workbench

LESSON = "Climate: compare two futures"
AREA_MEAN = """def my_area_mean(field):
    weights = np.cos(np.deg2rad(field.latitude))
    return field.weighted(weights).mean(("latitude", "longitude"))"""


@pytest.fixture(scope="module")
def one_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with one simulated GPU; who idles makes room soon, but not before one can read it."""
    folder = tmp_path_factory.mktemp("first-day")
    settings = quick_settings(folder)
    settings.write_text(settings.read_text().replace("notice: 1s ", "notice: 5s "))
    bench = Workbench(folder / "state", settings)
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    bench.browser("trainer").start_seat("medium")
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def page(one_gpu: Workbench) -> Iterator[Page]:
    """The scientist's browser, which goes on from step to step."""
    with open_browser() as browser:
        yield new_page(browser)


def new_page(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB").new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    return page


@contextmanager
def colleague(workbench: Workbench) -> Iterator[Notebook]:
    """The trainer's kernel, which wants the same GPU."""
    notebook = Notebook(workbench.browser("trainer"), GPU)
    try:
        yield notebook
    finally:
        notebook.close()


def write(page: Page, number: int, source: str) -> None:
    """Put code in place of what a cell has, as one who types, and run it."""
    page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(number).locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")


def test_the_way_in_leads_to_jupyterlab_and_a_tour_of_it(one_gpu: Workbench, page: Page) -> None:
    page.goto(one_gpu.address)
    page.fill("#username_input", "scientist")
    page.fill("#password_input", one_gpu.password)
    page.click("#login_submit")
    page.locator("label", has_text=re.compile("^Medium$")).click()
    page.click("button[type=submit]")
    page.wait_for_url("**/user/scientist/lab**")
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    page.get_by_role("button", name="Show me around").click()
    step = page.get_by_role("alertdialog")
    for number in range(1, 6):
        expect(step).to_be_visible()
        if number == 3:
            screenshot(page, "lab-tour")
        step.get_by_role("button", name=f"Next ({number} of 6)").click()
    step.get_by_role("button", name="Done").click()
    expect(step).to_be_hidden()


def test_a_card_that_says_what_is_free_leads_to_a_kernel_with_a_gpu(page: Page) -> None:
    page.locator(".jp-LauncherCard", has_text=re.compile(r"Simulated GPU\s+1 of 1 free")).click()
    expect(status(page)).to_contain_text(re.compile(r"Simulated GPU.*(idle|busy)"))
    write(page, 0, "x = 6 * 7\nprint(x)")
    expect(output(page, 0)).to_contain_text("42")
    mine = panel(page, "GPUs and queue")
    expect(mine.get_by_role("heading", name="Untitled.ipynb")).to_be_visible()
    expect(mine).to_contain_text("0 of 1 free")


def test_a_colleague_gets_the_idle_gpu_and_it_comes_back_with_the_variables(one_gpu: Workbench, page: Page) -> None:
    with colleague(one_gpu) as other:
        theirs = other.run(f"{DEVICE}\nimport time\ntime.sleep(20)\nprint('theirs')")
        # First a word of warning, then what happened to the work.
        expect(banner(page)).to_contain_text("Somebody else waits")
        expect(banner(page)).to_contain_text("safe in memory")
        expect(status(page)).to_contain_text("parked")
        write(page, 1, "print(x + 1)")
        # The way back is a queue: the place, and why.
        expect(banner(page)).to_contain_text("A cell waits for the GPU to come back")
        expect(banner(page)).to_contain_text("You are 1st of 1")
        screenshot(page, "lab-queue")
        assert "theirs" in other.done(theirs)
        expect(output(page, 1)).to_contain_text("43", timeout=120_000)
    expect(banner(page)).to_be_hidden()
    expect(status(page)).to_contain_text(re.compile("idle|busy"))


def test_a_dask_cluster_is_started_used_and_shut_down_from_the_panel(page: Page) -> None:
    mine = panel(page, "GPUs and queue")
    mine.get_by_role("button", name="Start a cluster…").click()
    form = mine.get_by_role("form", name="New cluster")
    expect(form.get_by_label("Workers")).to_have_value("2")
    screenshot(page, "lab-new-cluster")
    form.get_by_role("button", name="Start").click()
    expect(mine).to_contain_text("2 of 2 workers run")
    mine.get_by_role("button", name=re.compile("^Use in notebook")).click()
    page.keyboard.press("Shift+Enter")
    cells = page.locator(".jp-NotebookPanel:visible .jp-CodeCell")
    connected = cells.filter(has_text="Gateway().connect")
    expect(connected.locator(".jp-Cell-outputArea")).to_contain_text("Client")
    last = cells.count() - 1
    write(page, last, "print(client.submit(sum, range(10)).result())")
    expect(output(page, last)).to_contain_text("45")
    mine.get_by_role("button", name=re.compile("^Dashboard")).click()
    expect(page.frame_locator('iframe[title^="Dashboard"]').locator(".bk-Figure, canvas").first).to_be_visible()
    screenshot(page, "lab-cluster")
    mine.get_by_role("button", name=re.compile("^Shut down")).click()
    page.get_by_role("dialog").get_by_role("button", name="Shut down").click()
    expect(mine.get_by_role("button", name=re.compile("^Shut down"))).to_have_count(0)


def test_an_exercise_is_done_wrong_once_and_then_right_and_the_panel_knows(page: Page) -> None:
    page.get_by_role("tab", name="Lessons").click()
    lessons = page.get_by_role("region", name="Lessons", exact=True)
    expect(lessons).to_contain_text("0 of 3 exercises passed")
    lessons.get_by_role("button", name=f"Open: {LESSON}").click()
    expect(page.locator(".jp-NotebookPanel:visible h1").first).to_contain_text(LESSON)
    expect(page.locator(".jp-StatusBar-Widget >> text=/\\| Idle/")).to_be_visible()
    setup = lesson_cell(page, "use_house_style()")
    run(setup)
    expect(setup.locator(".jp-InputPrompt")).to_contain_text("[1]")
    starter, judge = lesson_cell(page, "def my_area_mean"), lesson_cell(page, 'check("D2-1"')
    run(starter)
    run(judge)
    expect(judge.locator(".jp-Cell-outputArea")).to_contain_text("◔")
    starter.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(AREA_MEAN)
    page.keyboard.press("Shift+Enter")
    run(judge)
    expect(judge.locator(".jp-Cell-outputArea")).to_contain_text("✔")
    page.get_by_role("tab", name="File Browser").first.click()
    page.get_by_role("tab", name="Lessons").click()
    expect(lessons).to_contain_text("1 of 3 exercises passed")
    screenshot(page, "lab-exercise")


def lesson_cell(page: Page, words: str) -> Locator:
    """A cell of the lesson, scrolled to: JupyterLab draws only those near what is seen."""
    notebook = page.locator(".jp-NotebookPanel:visible .jp-Notebook")
    cell = notebook.locator(".jp-CodeCell", has_text=words).first
    for _step in range(40):
        if cell.count():
            cell.scroll_into_view_if_needed()
            return cell
        notebook.locator(".jp-WindowedPanel-outer").first.hover()
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(100)
    raise AssertionError(f"no cell has {words}")


def run(cell: Locator) -> None:
    cell.locator(".cm-content").click()
    cell.page.keyboard.press("Shift+Enter")
