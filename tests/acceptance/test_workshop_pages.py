"""The pages of workshops in a real browser: they keep nobody out, fit every screen, and work as one expects."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import open_browser, screenshot
from tests.support.classroom import SERVICE, Learner, Trainer, given
from tests.support.workbench import Workbench

LOOKS = [("en", "light", 1280), ("nl", "dark", 390), ("en", "dark", 1280), ("nl", "light", 1920)]
SOLVED = {"tries": 2, "last": 1e9, "passed": 1e9}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def lesson(workbench: Workbench) -> Iterator[tuple[Trainer, str, str]]:
    """A workshop that is on, with a class in every state."""
    fields = {
        "temporary_accounts": "on",
        "seats": "9",
        "place": "Room 3.12",
        "lessons": "S1, R2",
        "timetable": "taster",
    }
    with given(workbench, "Watts and water", **fields) as (trainer, id, code):
        learners = []
        for name in ("Ann Bos", "", "Noor <3>", ""):
            learner = Learner(workbench.browser(), code)
            learner.join("temporary", name=name, **({"shares_name": "yes"} if name else {}))
            learners.append(learner)
        learners[0].report(id, exercises={"S1-1": SOLVED, "S1-2": {"tries": 1, "last": 2e9}}, lesson="S1")
        learners[1].report(id, exercises={"S1-1": {"tries": 4, "last": 2e9}}, lesson="S1")
        learners[2].report(id, exercises={f"{one}-{n}": SOLVED for one in ("S1", "R2") for n in (1, 2, 3)})
        learners[1].api("POST", f"/{id}/hand", json={"raised": True, "exercise": "S1-1"})
        trainer.in_room(id, "say", text="Ten minutes for a break")
        yield trainer, id, code


def reader(chromium: Browser, workbench: Workbench, user: str | None, look: tuple[str, str, int]) -> Page:
    language, scheme, width = look
    context = chromium.new_context(
        locale=language,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",  # type: ignore[arg-type]
    )
    page = context.new_page()
    if user:
        page.goto(f"{workbench.address}/hub/login")
        page.fill("#username_input", user)
        page.fill("#password_input", workbench.password)
        page.click("#login_submit")
        page.wait_for_url(lambda url: "/hub/login" not in url)
    return page


def barriers(page: Page) -> list[str]:
    """What axe finds that keeps people out."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look)))
def test_no_page_keeps_anybody_out_or_scrolls_sideways(
    chromium: Browser, workbench: Workbench, lesson: tuple[Trainer, str, str], look: tuple[str, str, int]
) -> None:
    _, id, code = lesson
    pages: dict[str | None, list[tuple[str, str]]] = {
        "trainer": [
            ("workshops", "list"),
            ("workshops/new", "form"),
            (f"workshops/{id}", "workshop"),
            (f"workshops/{id}/room", "room"),
            (f"workshops/{id}/report", "report"),
        ],
        "scientist": [(f"join/{code}/sign-in", "door"), ("record", "record"), ("", "home")],
        None: [("join", "code"), (f"join/{code}", "door-guest"), ("join/nothing", "wrong-code")],
        "admin": [("admin", "admin"), ("admin/log", "log")],
    }
    for user, paths in pages.items():
        page = reader(chromium, workbench, user, look)
        for path, name in paths:
            page.goto(f"{workbench.address}{SERVICE}/{path}")
            screenshot(page, f"workshop-{name}-{'-'.join(map(str, look))}")
            assert barriers(page) == [], path
            wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not wide, f"{path} scrolls sideways"
        page.context.close()


def test_a_trainer_alone_plans_learns_that_it_fits_publishes_and_calls_it_off(
    chromium: Browser, workbench: Workbench
) -> None:
    page = reader(chromium, workbench, "trainer", LOOKS[0])
    page.goto(f"{workbench.address}{SERVICE}/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Workshops").click()
    page.get_by_role("link", name="New workshop").click()
    page.get_by_label("Title", exact=True).fill("GPUs on a Thursday")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("It fits")
    page.get_by_label("Seats", exact=True).fill("9000")
    expect(answer).to_contain_text("It does not fit")
    fewer = answer.get_by_role("button", name=re.compile("^Take "))
    seats = re.findall(r"\d+", fewer.inner_text())[0]
    fewer.click()
    expect(page.get_by_label("Seats", exact=True)).to_have_value(seats)
    expect(answer).to_contain_text("It fits")
    page.get_by_label("Seats", exact=True).fill("4")
    page.get_by_label("Timetable").select_option(label="Ninety minutes: a first look")
    expect(page.get_by_label("Lessons in the order")).to_have_value("S1, R2")
    page.get_by_text("All lessons").click()
    page.get_by_role("button", name="N1", exact=True).click()
    expect(page.get_by_label("Lessons in the order")).to_have_value("S1, R2, N1")
    page.get_by_role("button", name="Write it down").click()
    page.get_by_role("button", name="Publish it").click()
    expect(page.get_by_role("heading", name="It will be given")).to_be_visible()
    expect(page.locator(".ticket svg")).to_be_visible()
    page.get_by_text("Call it off").first.click()
    page.get_by_role("button", name="Call it off").click()
    expect(page.get_by_role("heading", name="It is over")).to_be_visible()
    page.get_by_text("Remove it").first.click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("heading", name="Workshops")).to_be_visible()
    page.context.close()


def test_without_scripts_a_workshop_is_planned_all_the_same(chromium: Browser, workbench: Workbench) -> None:
    page = chromium.new_context(locale="en", java_script_enabled=False).new_page()
    page.goto(f"{workbench.address}/hub/login?next=/services/werkbank/workshops/new")
    page.fill("#username_input", "trainer")
    page.fill("#password_input", workbench.password)
    page.click("#login_submit")
    page.get_by_label("Title", exact=True).fill("By hand")
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_role("heading", name="By hand")).to_be_visible()
    page.get_by_text("Remove it").first.click()
    page.get_by_role("button", name="Remove it").click()
    page.context.close()


def test_the_room_changes_by_itself_and_what_is_open_stays_open(
    chromium: Browser, workbench: Workbench, lesson: tuple[Trainer, str, str]
) -> None:
    _, id, code = lesson
    page = reader(chromium, workbench, "trainer", LOOKS[0])
    page.goto(f"{workbench.address}{SERVICE}/workshops/{id}/room")
    page.locator("#tile-2 summary").first.click()
    expect(page.get_by_role("button", name="Helped: lower the hand")).to_be_visible()
    page.get_by_label("Message").fill("half a sent")
    newcomer = Learner(workbench.browser(), code)
    newcomer.join("temporary", name="Late Guest", shares_name="yes")
    expect(page.locator("#room")).to_contain_text("Late Guest")
    expect(page.get_by_role("button", name="Helped: lower the hand")).to_be_visible()
    expect(page.get_by_label("Message")).to_have_value("half a sent")
    page.get_by_role("button", name="Helped: lower the hand").click()
    expect(page.locator("#room")).to_contain_text("None is up.")
    page.get_by_label("Message").fill("half a sent")
    newcomer.report(id, exercises={"S1-1": {"tries": 2, "last": 2e9}})
    expect(page.locator(".tile", has_text="Late Guest")).to_contain_text("S1-1 ×2")
    expect(page.get_by_label("Message")).to_have_value("half a sent")
    page.context.close()


def test_a_class_list_is_sent_from_a_file(chromium: Browser, workbench: Workbench, tmp_path: Path) -> None:
    trainer = Trainer(workbench.browser("trainer"))
    trainer.plan(title="From a file", seats="5")
    page = reader(chromium, workbench, "trainer", LOOKS[0])
    page.goto(f"{workbench.address}{SERVICE}/workshops/from-a-file")
    page.get_by_text("Class list").first.click()
    file: Any = tmp_path / "class.csv"
    file.write_text("name;e-mail\nAnn Bos;ann@\n")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Send the list").click()
    expect(page.get_by_role("alert").first).to_contain_text("Line 2: “ann@” is no e-mail address.")
    file.write_text("name;e-mail\nAnn Bos;ann@example.nl\n")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Send the list").click()
    expect(page.get_by_text("Class list: 1 person")).to_be_visible()
    page.context.close()
    trainer.act("from-a-file", "remove")
