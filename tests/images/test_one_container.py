"""The whole workbench in one container, as somebody gets it who has Podman and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from hub.images.recipes import RECIPES, WHOLE
from tests.support.browser import open_browser, screenshot
from tests.support.containers import Engine
from tests.support.notebook import Notebook
from tests.support.workbench import Workbench, eventually

READY = "Werkbank is ready"


class Contained(Workbench):
    """A workbench in a container: what a person knows of it is its port and what it printed."""

    def __init__(self, engine: Engine, volume: str) -> None:
        super().__init__(Path("/var/lib/werkbank/state"), Path("/var/lib/werkbank/werkbank.yaml"))
        self.engine, self.volume = engine, volume
        words = ("--detach", "--publish=127.0.0.1::8000", f"--volume={volume}:/var/lib/werkbank", RECIPES[WHOLE].tag)
        self.name = engine.run("run", *words).stdout.strip()
        eventually(lambda: READY in self.said, 120, "it is ready")

    @property
    def said(self) -> str:
        done = self.engine.run("logs", self.name)
        return done.stdout + done.stderr

    @property
    def address(self) -> str:
        return "http://" + self.engine.run("port", self.name, "8000").stdout.strip()

    @property
    def password(self) -> str:
        found = re.search(r"Password +([0-9a-f-]+)", self.said)
        assert found, self.said
        return found[1]

    def inside(self, *words: str, user: str = "root") -> str:
        return self.engine.run("exec", f"--user={user}", self.name, *words).stdout

    def end(self) -> None:
        self.close()
        self.engine.run("rm", "--force", self.name)


@pytest.fixture(scope="module")
def volume(engine: Engine) -> Iterator[str]:
    name = engine.run("volume", "create").stdout.strip()
    yield name
    engine.run("volume", "rm", "--force", name)


@pytest.fixture(scope="module")
def contained(engine: Engine, built: dict[str, Any], volume: str) -> Iterator[Contained]:
    bench = Contained(engine, volume)
    yield bench
    bench.end()


def sign_in(page: Page, bench: Contained, user: str) -> None:
    page.goto(bench.address)
    page.fill("#username_input", user)
    page.fill("#password_input", bench.password)
    page.click("#login_submit")


def test_a_scientist_signs_in_and_runs_the_first_lesson_on_a_cluster_inside(contained: Contained) -> None:
    contained.browser("scientist").start_seat("medium")
    with open_browser() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB").new_page()
        page.set_default_timeout(60_000)
        sign_in(page, contained, "scientist")
        page.goto(f"{contained.address}/user/scientist/lab/tree/tutorials/D2-two-futures/two-futures.en.ipynb?reset")
        notebook = page.locator(".jp-NotebookPanel:visible")
        notebook.wait_for()
        page.locator(".jp-StatusBar-Widget >> text=/\\| Idle/").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        said = re.compile(r"A1B: \+4\.4[4-8] K")
        expect(notebook).to_contain_text(said, timeout=180_000, use_inner_text=False)
        screenshot(page, "one-container")
    log = contained.inside("cat", "/var/lib/werkbank/state/logs/hub.log")
    assert re.search(r"cluster.created .*user=scientist .*profile=medium", log)


def test_seats_are_accounts_and_nobody_reads_what_is_anothers(contained: Contained) -> None:
    scientist = contained.browser("scientist")
    if not scientist.hub_user()["servers"]:
        scientist.start_seat("medium")
    notebook = Notebook(scientist, "python3")
    try:
        who = "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name, os.path.expanduser('~'))"
        told = notebook.done(notebook.run(who))
        assert "scientist /var/lib/werkbank/homes/scientist" in told
        for path in ("/var/lib/werkbank/homes/trainer", "/var/lib/werkbank/state/secrets"):
            assert "Permission" in notebook.done(notebook.run(f"print(os.listdir({path!r}))"))
    finally:
        notebook.close()


def test_one_more_account_is_added_while_it_runs_and_another_container_has_it_too(
    contained: Contained, engine: Engine, volume: str
) -> None:
    contained.inside("with-accounts", "--add", "daan")
    assert contained.inside("id", "-un", user="daan").strip() == "daan"
    listed = contained.inside("cat", "/var/lib/werkbank/accounts").split()
    assert listed == ["scientist", "2000", "trainer", "2001", "admin", "2002", "daan", "2003"]


@pytest.mark.parametrize("name", ["root", "-x", "a b", "../x", "Ünal", ""])
def test_an_account_that_cannot_be_is_a_sentence(contained: Contained, engine: Engine, name: str) -> None:
    done = engine.run("exec", contained.name, "with-accounts", "--add", name, check=False)
    assert done.returncode == 2
    assert f'"{name}" is' in done.stderr
    assert contained.inside("wc", "-l", "/var/lib/werkbank/accounts").split()[0] in ("3", "4")


def test_it_ends_in_order_and_goes_on_with_the_same_accounts_and_files(
    contained: Contained, engine: Engine, volume: str
) -> None:
    contained.inside("sh", "-c", "echo kept > /var/lib/werkbank/homes/scientist/kept.txt", user="scientist")
    engine.run("stop", "--time=60", contained.name)
    assert "Werkbank is stopped." in contained.said
    assert engine.told("inspect", contained.name)[0]["State"]["ExitCode"] == 0
    after = Contained(engine, volume)
    try:
        assert after.inside("cat", "/var/lib/werkbank/homes/scientist/kept.txt") == "kept\n"
        assert "daan" in after.inside("getent", "passwd", "2003")
    finally:
        after.end()
