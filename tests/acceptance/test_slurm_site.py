"""A scientist at a workbench on Slurm, in a browser: picks, waits in line, reads why, works, loses the node."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from hub.slurm.demo.cluster import Cluster
from tests.support.browser import open_browser, screenshot
from tests.support.lab import SPEC, banner, notebook_of, output, run_cell
from tests.support.slurm import ANN, BEN, give, slurm_cluster, wait_until
from tests.support.slurm.site import SlurmWorkbench, slurm_workbench
from tests.support.workbench import eventually

START_MS = 60_000
LAB = re.compile(rf"/user/{ANN}/lab")


@pytest.fixture(scope="module")
def slurm() -> Iterator[Cluster]:
    with slurm_cluster() as made:
        yield made


@pytest.fixture(scope="module")
def bench(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmWorkbench]:
    with slurm_workbench(slurm, tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def read(page: Page, name: str) -> None:
    """Look at the page, as one who sees it and as one who does not."""
    screenshot(page, f"slurm-{name}")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found] == [], name


@pytest.mark.parametrize(
    ("language", "start", "full", "expects", "broke"),
    [
        ("en", "Start", "The cluster is full now", "Slurm expects that at about", "The node that it ran on broke down"),
        ("nl", "Starten", "Het cluster is nu vol", "Slurm verwacht dat rond", "De node waarop ze draaide, viel uit"),
    ],
)
def test_who_waits_reads_why_gets_the_seat_and_learns_what_became_of_it(
    chromium: Browser,
    bench: SlurmWorkbench,
    slurm: Cluster,
    language: str,
    start: str,
    full: str,
    expects: str,
    broke: str,
) -> None:
    others = [give(slurm, BEN, "--exclusive", "--mem=0", "--time=20") for _ in range(3)]
    for job in others:
        wait_until(slurm, job, "RUNNING")
    context = chromium.new_context(locale=language, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{bench.address}/hub/login")
    page.get_by_role("textbox").first.fill(ANN)
    page.locator("input[type=password]").fill(bench.password)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/hub/(home|spawn)"))
    page.goto(f"{bench.address}/hub/spawn")
    read(page, f"{language}-pick")
    page.get_by_role("button", name=start, exact=True).click()
    expect(page.get_by_text(full).first).to_be_visible(timeout=START_MS)
    expect(page.get_by_text(expects).first).to_be_visible(timeout=START_MS)
    read(page, f"{language}-waits")
    slurm.run("scancel", *map(str, others))
    page.wait_for_url(LAB, timeout=START_MS)
    node = slurm.run("squeue", "--noheader", f"--user={ANN}", "--format=%N").strip()
    slurm.end_node(node)
    try:
        ann = bench.browser(ANN, language)
        # Until the hub knows, its pages lead to a node that answers nobody.
        eventually(lambda: "" not in ann.hub_user()["servers"], 60, "the seat is gone")
        page.close()  # its questions to the lost node take all the connections that a browser makes to one address
        ended = context.new_page()
        ended.goto(f"{bench.address}/hub/spawn/{ANN}")
        expect(ended.get_by_text(broke)).to_be_visible()
        read(ended, f"{language}-node-lost")
    finally:
        slurm.begin_node(node)
        context.close()
    slurm.wait_until_idle()


@pytest.mark.parametrize(
    ("language", "full", "mine", "lost"),
    [
        ("en", "The cluster is full now", "after waiting", "The node that the kernel ran on broke down"),
        ("nl", "Het cluster is nu vol", "wachten", "De node waarop de kernel draaide is uitgevallen"),
    ],
)
def test_a_gpu_kernel_waits_in_a_live_notebook_comes_and_is_lost_with_its_node(
    chromium: Browser, bench: SlurmWorkbench, slurm: Cluster, language: str, full: str, mine: str, lost: str
) -> None:
    ann = bench.browser(ANN, language)
    ann.start_seat()
    seat = slurm.run("squeue", "--noheader", f"--user={ANN}", "--format=%N").strip()
    others = {
        name: give(slurm, BEN, f"--nodelist={name}", "--gres=gpu:h200:2", "--mem=100M", "--time=15")
        for name in slurm.shape.names
    }
    for job in others.values():
        wait_until(slurm, job, "RUNNING")
    cells = ("import socket; print('on', socket.gethostname())", "%werkbank")
    address = notebook_of(ann, f"{language}.ipynb", *cells, spec=SPEC | {"name": "python3-h200"})
    page = chromium.new_context(locale=language, viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(START_MS)
    page.goto(f"{bench.address}/hub/login")
    page.fill("#username_input", ANN)
    page.fill("#password_input", bench.password)
    page.click("#login_submit")
    page.goto(f"{address}?reset")
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    expect(banner(page)).to_contain_text(full, timeout=START_MS)
    run_cell(page, 0)
    expect(output(page, 0)).to_contain_text(full)
    expect(banner(page).get_by_role("button")).to_have_count(1)  # to stop waiting; there is no CPU to start on
    run_cell(page, 1)
    expect(output(page, 1)).to_contain_text(full)
    screenshot(page, f"slurm-{language}-kernel-waits")
    far = next(name for name in slurm.shape.names if name != seat)
    slurm.run("scancel", str(others[far]))
    expect(output(page, 0)).to_contain_text(f"on {far}", timeout=START_MS)
    expect(output(page, 0)).to_contain_text(mine)
    screenshot(page, f"slurm-{language}-kernel-runs")
    slurm.end_node(far)
    try:
        expect(banner(page)).to_contain_text(lost, timeout=START_MS)
        run_cell(page, 0)
        expect(output(page, 0)).to_contain_text(lost)
        screenshot(page, f"slurm-{language}-kernel-lost")
    finally:
        page.context.close()
        slurm.begin_node(far)
        slurm.run("scancel", *map(str, others.values()))
        ann.stop_seat()
    slurm.wait_until_idle()
