"""Two people in JupyterLab share one simulated GPU: each affects the other's place, and nobody loses a variable."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.test_gpu_kernels import quick_settings
from tests.support.browser import open_browser, screenshot
from tests.support.lab import notebook_of
from tests.support.workbench import Workbench

LOSS = """import os, time
for epoch in range(1, 6):
    time.sleep(1)
    loss = 2.31 / epoch
    print(f"epoch {epoch}   loss {loss:.3f}")"""


@pytest.fixture(scope="module")
def one_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with one simulated GPU and impatient timers."""
    folder = tmp_path_factory.mktemp("one-gpu")
    bench = Workbench(folder / "state", quick_settings(folder))
    started = bench.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def open_notebook(browser: Browser, workbench: Workbench, user: str, language: str, *sources: str) -> Page:
    visitor = workbench.browser(user, language)
    visitor.start_seat("medium")
    address = notebook_of(visitor, "training.ipynb", *sources)
    page = browser.new_context(viewport={"width": 1180, "height": 620}, locale=f"{language}-NL").new_page()
    page.goto(f"{workbench.address}/hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", workbench.password)
    page.click("#login_submit")
    page.goto(address)
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)
    page.locator(".jp-NotebookPanel:visible").wait_for(timeout=60_000)
    # Up means that the kernel answers, also one that waits for its GPU.
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(timeout=60_000)
    return page


def run_cell(page: Page, number: int) -> None:
    page.locator(".jp-CodeCell").nth(number).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")


def output(page: Page, number: int):  # type: ignore[no-untyped-def]
    return page.locator(".jp-CodeCell").nth(number).locator(".jp-OutputArea")


def test_two_people_share_one_gpu_in_jupyterlab(one_gpu: Workbench, browser: Browser) -> None:
    first = open_notebook(browser, one_gpu, "scientist", "en", LOSS, "loss * 1000")
    second = open_notebook(browser, one_gpu, "trainer", "nl", LOSS, "%werkbank")
    run_cell(first, 0)
    expect(output(first, 0)).to_contain_text("epoch 1", timeout=60_000)
    run_cell(second, 0)
    # The second sees place and reason in the notebook, in Dutch, while JupyterLab stays responsive.
    expect(output(second, 0)).to_contain_text(re.compile(r"1 van de 1|nummer 1 van 1|1 van 1"), timeout=60_000)
    screenshot(second, "waiting-nl")
    expect(output(first, 0)).to_contain_text("epoch 5", timeout=60_000)
    # The first idles, and makes room.
    expect(output(second, 0)).to_contain_text("epoch 5", timeout=60_000)
    screenshot(second, "served-nl")
    run_cell(second, 1)
    run_cell(first, 1)
    expect(output(first, 1)).to_contain_text("462", timeout=60_000)
    screenshot(first, "back")
    for page in (first, second):
        page.context.close()
