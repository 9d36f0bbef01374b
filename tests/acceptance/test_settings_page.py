"""An admin at the settings page: add a profile, be told what is wrong, mend it, see what follows, save."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import open_browser, screenshot
from tests.support.workbench import ROOT, Workbench

SETTINGS = "/services/werkbank/admin/settings"
LOOKS = [("en", "light", 1280), ("nl", "dark", 390)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "werkbank.yaml").write_text((ROOT / "werkbank.yaml").read_text())
    bench = Workbench(folder / "state", folder / "werkbank.yaml")
    started = bench.up("--simulate-gpus", "2")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def signed_in(chromium: Browser, bench: Workbench, user: str, **more: object) -> Page:
    page = chromium.new_context(**{"locale": "en", **more}).new_page()  # type: ignore[arg-type]
    page.goto(f"{bench.address}/hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", bench.password)
    page.click("#login_submit")
    page.wait_for_url(lambda url: "/hub/login" not in url)
    return page


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_an_admin_adds_a_profile_and_somebody_else_can_pick_it(
    chromium: Browser, bench: Workbench, scripts: bool
) -> None:
    name = "night" if scripts else "dawn"
    other = signed_in(chromium, bench, "scientist")
    page = signed_in(chromium, bench, "admin", java_script_enabled=scripts)
    page.goto(f"{bench.address}/services/werkbank/admin")
    page.locator("main").get_by_role("link", name="Settings").last.click()
    page.get_by_role("link", name="Copy small").click()
    page.get_by_label("Short name").fill(name.title())
    page.get_by_role("group", name="Title").get_by_label("English").fill(f"{name.title()} shift")
    page.get_by_role("group", name="Title").get_by_label("Dutch").fill("Nachtdienst")
    page.get_by_label("Stops when idle for").fill("soon")
    page.get_by_role("button", name="See what follows").click()

    expect(page.get_by_text("Use lower-case letters, digits and hyphens")).to_be_visible()
    expect(page.get_by_text('Write a whole number with its unit: "30s"')).to_be_visible()
    expect(page.get_by_label("Short name")).to_have_value(name.title())
    screenshot(page, "settings-wrong")
    page.get_by_label("Short name").fill(name)
    page.get_by_label("Stops when idle for").fill("8h")
    page.get_by_role("button", name="See what follows").click()

    expect(page.get_by_role("heading", name="What would follow")).to_be_visible()
    expect(page.get_by_text(f"would also see {name.title()} shift")).to_be_visible()
    expect(page.get_by_text(f"+  - name: {name}")).to_be_visible()
    expect(page.get_by_text("No running seat is touched.")).to_be_visible()
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Stops when idle for")).to_have_value("8h")
    page.get_by_role("button", name="See what follows").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. What needs no restart is in effect.")).to_be_visible()

    expect(other.locator("body")).to_be_attached()
    for _attempt in range(20):
        other.goto(f"{bench.address}/hub/spawn")
        if other.get_by_label(f"{name.title()} shift").count():
            break
    expect(other.get_by_label(f"{name.title()} shift")).to_be_visible()
    for one in (page, other):
        one.context.close()


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
def test_settings_keep_nobody_out_and_fit_every_screen(
    chromium: Browser, bench: Workbench, language: str, scheme: str, width: int
) -> None:
    look = {"locale": language, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    page = signed_in(chromium, bench, "admin", **look)
    for path in ("", "/entry/profiles?name=medium", "/section/site", "/section/leases", "/text", "/backups"):
        page.goto(f"{bench.address}{SETTINGS}{path}")
        require_open(page, path)
    page.goto(f"{bench.address}{SETTINGS}/entry/profiles?name=medium")
    page.fill('[name="f.idle_timeout"]', "-5m")
    page.click("button[value=review]")
    expect(page.locator('[aria-invalid="true"]')).to_have_count(1)
    require_open(page, "wrong")
    page.fill('[name="f.idle_timeout"]', "5m")
    page.fill('[name="f.groups"]', "health-ri")
    page.click("button[value=review]")
    expect(page.locator(".diff")).to_be_visible()
    require_open(page, "review")
    page.context.close()


def require_open(page: Page, name: str) -> None:
    found = Axe().run(page).response["violations"]
    barriers = [
        f"{one['id']}: {[node['html'][:150] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert barriers == [], name
    sideways = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not sideways, name
    screenshot(page, f"settings-{re.sub('[^a-z]+', '-', name)}")


def test_the_form_of_a_profile_fits_one_screen(chromium: Browser, bench: Workbench) -> None:
    page = signed_in(chromium, bench, "admin", viewport={"width": 1280, "height": 1100})
    page.goto(f"{bench.address}{SETTINGS}/entry/profiles?name=medium")
    box = page.locator("form.settings-form").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 1200, box
    page.context.close()


def test_on_a_phone_a_text_in_two_languages_has_the_width_of_the_page(chromium: Browser, bench: Workbench) -> None:
    page = signed_in(chromium, bench, "admin", viewport={"width": 390, "height": 844})
    page.goto(f"{bench.address}{SETTINGS}/entry/profiles?name=medium")

    for name in ("f.title.en", "f.title.nl", "f.description.nl"):
        box = page.locator(f'[name="{name}"]').bounding_box()
        assert box is not None
        assert box["width"] > 240, (name, box)
    page.context.close()
