"""The settings page on a running workbench: changed without a restart, by admins alone, and never half."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hub.settings.document import read, with_value
from tests.support.workbench import ROOT, Visitor, Workbench, eventually, run_werkbank, text_of

SETTINGS = "/services/werkbank/admin/settings"
TEXT = (ROOT / "werkbank.yaml").read_text()
PATHS = ["", "/section/leases", "/entry/profiles", "/entry/profiles?name=small", "/text", "/backups"]
NIGHT = {
    "name": "night",
    "title.en": "Night <b>& day",
    "title.nl": "Nacht",
    "description.en": "Long runs.",
    "description.nl": "Lange runs.",
    "cpu": "1",
    "memory": "1GiB",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with a settings file of its own."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "werkbank.yaml").write_text(TEXT)
    bench = Workbench(folder / "state", folder / "werkbank.yaml")
    started = bench.up("--simulate-gpus", "2")
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.end()


@pytest.fixture
def admin(bench: Workbench) -> Iterator["Admin"]:
    """An admin, with the file as it came; afterwards it is again."""
    bench.settings.write_text(TEXT)
    yield Admin(bench.browser("admin"))
    bench.settings.write_text(TEXT)


class Admin:
    """Somebody who fills in forms of the settings page."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.http = visitor, visitor.http

    def form(self, path: str) -> dict[str, Any]:
        """The hidden fields and values of a page's form."""
        page = self.http.get(f"{SETTINGS}{path}").text
        hidden = dict(re.findall(r'<input type="hidden" name="(csrf|base)" value="([^"]*)"', page))
        assert set(hidden) == {"csrf", "base"}, text_of(page)
        return hidden

    def send(self, do: str = "review", **fields: Any) -> httpx.Response:
        return self.http.post(f"{SETTINGS}/change", data={**self.form("/text"), **fields, "do": do})

    def entry(self, do: str, section: str, name: str, filled: dict[str, str], **more: Any) -> httpx.Response:
        fields = {f"f.{key}": value for key, value in filled.items()}
        return self.send(do, act="entry", section=section, name=name, **fields, **more)


@pytest.mark.parametrize("user", ["scientist", "trainer"])
@pytest.mark.parametrize("path", PATHS)
def test_only_admins_see_settings(bench: Workbench, user: str, path: str) -> None:
    assert bench.browser(user).http.get(f"{SETTINGS}{path}").status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_sent_to_sign_in(bench: Workbench, path: str) -> None:
    assert bench.browser().http.get(f"{SETTINGS}{path}").url.path == "/hub/login"


def test_nobody_else_changes_settings_and_no_form_from_elsewhere(bench: Workbench, admin: Admin) -> None:
    fields = {"act": "remove", "section": "profiles", "name": "small", "do": "save", **admin.form("/text")}
    for user in ("scientist", "trainer"):
        other = bench.browser(user).http
        other.get("/services/werkbank/")  # signed in there too
        assert other.post(f"{SETTINGS}/change", data=fields).status_code == 403
    assert bench.browser().http.post(f"{SETTINGS}/change", data=fields).url.path == "/hub/login"
    assert admin.http.post(f"{SETTINGS}/change", data={**fields, "csrf": "x"}).status_code == 403
    assert admin.http.post(f"{SETTINGS}/change", data={**fields, "csrf": ""}).status_code == 403
    assert bench.settings.read_text() == TEXT


def test_every_value_is_shown_with_its_source(admin: Admin) -> None:
    page = text_of(admin.http.get(SETTINGS).text)
    line = 1 + TEXT.splitlines().index("  keeps: 2                        # how many times one seat can be kept")
    assert f"culling.keeps How many times a user may keep one seat. 2 line {line} at once" in page
    assert re.search(r"server\.port .*? \d+ --port instead of line \d+ after a restart", page)
    assert "site.simulate_gpus How many simulated devices to show on a machine without GPUs. 2 --simulate-gpus" in page


def test_a_new_profile_is_on_the_spawn_page_within_seconds(bench: Workbench, admin: Admin) -> None:
    scientist = bench.browser("scientist").http
    assert "Night" not in scientist.get("/hub/spawn").text
    review = admin.entry("review", "profiles", "", NIGHT)
    assert review.status_code == 200
    assert "Everybody else would also see Night <b>& day" in text_of(review.text)
    assert "<b>&" not in review.text
    assert bench.settings.read_text() == TEXT
    assert "Saved." in text_of(admin.entry("save", "profiles", "", NIGHT).text)
    eventually(lambda: "Night &lt;b&gt;&amp; day" in scientist.get("/hub/spawn").text, 5, "the new profile is there")
    assert [line for line in TEXT.splitlines() if line not in bench.settings.read_text().splitlines()] == []
    entries = admin.http.get("/services/werkbank/admin/log").text
    assert "settings.saved" in entries
    assert "profiles.night" in entries


def test_a_changed_quota_is_the_brokers(bench: Workbench, admin: Admin) -> None:
    token = bench.browser("scientist")
    headers = {"Authorization": f"token {token.token()}"}

    def quota() -> Any:
        reply = token.http.get("/services/werkbank/api/v1/me", headers=headers | {"Accept": "application/json"})
        assert reply.status_code == 200, reply.text
        return reply.text

    assert "7.5" not in quota()
    saved = admin.entry("save", "programmes", "ained", {"quota.gpu_hours_per_week": "7,5"})
    assert "Saved." in text_of(saved.text)
    eventually(lambda: "7.5" in quota(), 5, "the broker goes by the new quota")


def test_a_seat_of_a_removed_profile_goes_on_and_nobody_starts_another(bench: Workbench, admin: Admin) -> None:
    trainer = bench.browser("trainer")
    trainer.start_seat("large")
    review = text_of(admin.send(act="remove", section="profiles", name="large").text)
    assert "trainer , Large: goes on until its end; the profile cannot be started again" in review
    assert "health-ri would no longer see Large" in review
    assert "people would lose a profile:" in review
    admin.send("save", act="remove", section="profiles", name="large")
    eventually(lambda: "Large" not in admin.http.get("/hub/spawn").text, 5, "the profile is gone")
    assert trainer.hub_user()["servers"][""]["ready"]
    assert trainer.http.get("/user/trainer/api/kernels").status_code == 200
    assert "Large" in text_of(trainer.http.get("/services/werkbank/").text)
    assert "There is no such profile" in text_of(admin.visitor.post_spawn({"profile": "large"}).text)
    trainer.stop_seat()


def test_what_waits_for_a_restart_is_named_until_then(bench: Workbench, admin: Admin) -> None:
    change = {"act": "section", "section": "leases", "f.isolation": "none", "f.notice": "20s"}
    review = text_of(admin.send(**change).text)
    assert "Only after a restart" in review
    assert "Without a restart" in review
    page = text_of(admin.send("save", **change).text)
    assert "The file has changes that wait for a restart: GPU leases › Isolation." in page
    told = run_werkbank("settings", "diff", "--state", str(bench.state))
    assert told.stdout == "leases.isolation takes effect after a restart\n"
    bench.settings.write_text(TEXT)
    assert "wait for a restart" not in text_of(admin.http.get(SETTINGS).text)
    assert "is in effect" in run_werkbank("settings", "diff", "--state", str(bench.state)).stdout


def test_the_command_line_shows_values_with_their_source(bench: Workbench, admin: Admin) -> None:
    shown = run_werkbank("settings", "show", "server.port", "--state", str(bench.state))
    assert "up --port" in shown.stdout
    assert run_werkbank("settings", "show", "nothing", "--state", str(bench.state)).returncode == 2


def test_of_two_admins_the_second_sees_what_the_first_did_and_loses_nothing(bench: Workbench, admin: Admin) -> None:
    second = {**admin.form("/text"), "act": "entry", "section": "profiles", "name": "small", "f.cpu": "3"}
    admin.entry("save", "profiles", "small", {"memory": "3GiB"})
    late = admin.http.post(f"{SETTINGS}/change", data={**second, "do": "save"})
    assert late.status_code == 409
    assert "Somebody else changed the file meanwhile; nothing was written." in text_of(late.text)
    assert "+ memory: 3GiB" in text_of(late.text)
    assert re.search(r'name="f\.cpu"[^>]*value="3"', late.text)
    fresh = re.search(r'name="base" value="([^"]+)"', late.text)
    assert fresh
    again = admin.http.post(f"{SETTINGS}/change", data={**second, "base": fresh[1], "do": "save"})
    assert "Saved." in text_of(again.text)
    small = read(bench.settings.read_text())["profiles"][0]
    assert (small["cpu"], small["memory"]) == (3, "3GiB")


def test_a_change_by_hand_meanwhile_is_noticed_and_one_by_hand_alone_takes_effect(
    bench: Workbench, admin: Admin
) -> None:
    form = {**admin.form("/text"), "act": "section", "section": "site", "f.title.en": "Lab", "f.title.nl": "Lab"}
    bench.settings.write_text(with_value(TEXT, ("site", "title"), {"en": "By hand", "nl": "Met de hand"}))
    assert admin.http.post(f"{SETTINGS}/change", data={**form, "do": "save"}).status_code == 409
    assert "By hand" in admin.http.get(SETTINGS).text
    eventually(lambda: "By hand" in admin.http.get("/hub/home").text, 5, "the hub follows too")


@pytest.mark.parametrize("damage", ["broken", "gone"])
def test_a_file_that_is_damaged_is_told_of_and_the_workbench_goes_on(
    bench: Workbench, admin: Admin, damage: str
) -> None:
    if damage == "broken":
        bench.settings.write_text("profiles: [\n")
    else:
        bench.settings.unlink()
    page = admin.http.get(SETTINGS)
    assert page.status_code == 200
    assert "the workbench goes on with what it last read" in text_of(page.text)
    assert "Small" in text_of(admin.http.get("/hub/spawn").text)
    mended = admin.send("save", act="text", section="", text=TEXT)
    if damage == "broken":
        assert bench.settings.read_text() == TEXT
    else:
        assert "This file cannot be changed from here." in text_of(mended.text)
        assert "Download the new file" in mended.text
        taken = admin.send("download", act="text", section="", text=TEXT)
        assert taken.headers["Content-Disposition"] == 'attachment; filename="werkbank.yaml"'
        assert taken.text == TEXT
        assert not bench.settings.exists()


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{n}: &{n} [{', '.join([f'*{m}'] * 9)}]\n" for m, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "aliases stand for more than"),
        ("profiles: !!python/object/apply:os.system ['true']\n", "profiles"),
        ("a: " + "[" * 3000, "nested too deeply"),
        ("profiles: \0", "not valid YAML"),
        ("", "is empty"),
        ("just words", "must be a list of"),
        (TEXT.replace("memory: 2GiB", "memroy: 2GiB"), "Did you mean memory ?"),
        (TEXT.replace("name: medium", "name: small"), '"small" is already the name of number 1'),
        (TEXT + "surprise: 1\n", "surprise is not a setting."),
    ],
)
def test_text_that_cannot_be_used_is_refused_with_its_line_and_kept_in_the_editor(
    bench: Workbench, admin: Admin, text: str, said: str
) -> None:
    reply = admin.send("save", act="text", section="", text=text)
    assert reply.status_code == 422, text_of(reply.text)[:500]
    assert said in text_of(reply.text)
    assert bench.settings.read_text() == TEXT


def test_a_form_that_is_too_large_is_refused(bench: Workbench, admin: Admin) -> None:
    assert admin.entry("save", "profiles", "small", {"title.en": "x" * 10**6}).status_code == 413
    assert bench.settings.read_text() == TEXT


def test_nonsense_in_place_of_a_form_is_refused(bench: Workbench, admin: Admin) -> None:
    assert admin.send(act="format").status_code == 422
    assert admin.send(act="entry", section="../../etc", name="x").status_code == 422
    assert admin.send("save", act="remove", section="profiles", name="../x").status_code == 422
    assert admin.send("save", act="restore", name="../../etc/passwd").status_code == 404
    assert admin.http.get(f"{SETTINGS}/entry/profiles", params={"name": "../x"}).status_code == 404
    assert admin.http.get(f"{SETTINGS}/section/secrets").status_code == 404
    assert bench.settings.read_text() == TEXT


def test_one_goes_back_to_an_earlier_version_through_the_same_look(bench: Workbench, admin: Admin) -> None:
    admin.entry("save", "profiles", "small", {"cpu": "7"})
    page = admin.http.get(f"{SETTINGS}/backups").text
    assert "then changed by admin" in text_of(page)
    found = re.search(r'name="name" value="(werkbank\.yaml\.backup-[^"]+)"', page)
    assert found
    back = {"act": "restore", "section": "", "name": found[1]}
    review = text_of(admin.send(**back).text)
    assert "Profiles › small › Cores 7 1 for new seats" in review
    assert "Saved." in text_of(admin.send("save", **back).text)
    assert bench.settings.read_text() == TEXT


def workshop(admin: Admin, profile: str) -> dict[str, Any]:
    starts = datetime.now(UTC) + timedelta(days=3)
    return {
        "id": "next-week",
        "title": {"en": "Next week", "nl": "Volgende week"},
        "starts": starts.isoformat(timespec="seconds"),
        "ends": (starts + timedelta(hours=2)).isoformat(timespec="seconds"),
        "trainers": ["trainer"],
        "learners": ["scientist"],
        "seats": 2,
        "profile": profile,
        "lessons": ["S1"],
    }


def test_a_workshop_whose_profile_would_go_is_named(bench: Workbench, admin: Admin) -> None:
    headers = {"Authorization": f"token {admin.visitor.token()}", "Accept": "application/json"}
    api = "/services/werkbank/api/v1/workshops"
    made = admin.http.put(
        f"{api}/next-week", json={"workshop": workshop(admin, "medium"), "version": 0}, headers=headers
    )
    assert made.is_success, made.text
    published = admin.http.post(f"{api}/next-week/publish", headers=headers)
    assert published.is_success, published.text
    assert "its profile medium would be gone" in text_of(
        admin.send(act="remove", section="profiles", name="medium").text
    )
    grown = text_of(admin.entry("review", "profiles", "medium", {"memory": "9000GiB"}).text)
    assert "Next week" in grown
    assert "would no longer fit: not enough seat memory" in grown
    assert "All that are published still fit." in text_of(
        admin.entry("review", "profiles", "medium", {"life": "3d"}).text
    )
    admin.http.post(f"{api}/next-week/withdraw", headers=headers)
