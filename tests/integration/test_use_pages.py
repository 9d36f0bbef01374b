"""Who gets to see whose use: every role at every route, on the real service and its databases."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from httpx import Client, Response
from ruamel.yaml import YAML
from sqlalchemy import insert

from hub.accounting import pages
from hub.db import connect, engine_of
from hub.leases import tables
from hub.runtime import Runtime
from hub.service.app import create_app
from hub.state import StateDirectory
from hub.web.auth import OAuthClient
from hub.web.hub_api import Person
from hub.workshops.model import Workshop
from hub.workshops.store import Workshops
from tests.support.serving import serving
from tests.support.workbench import ROOT, Workbench, text_of

PREFIX = "/services/werkbank/"
HOSTILE = "<img src=x onerror=alert(1)>"
BEGAN = 1_762_300_800.0  # 2025-11-05 00:00 UTC
MONTH = "2025-11"

PEOPLE = {
    "ada": Person("ada", ("ained",), False, "ada", ()),
    "lead": Person("lead", ("ained",), False, "lead", ()),
    "trainer": Person("trainer", ("trainers",), False, "trainer", ()),
    "admin": Person("admin", ("admins",), True, "admin", ()),
}


class HubThatKnowsPeopleByTheirToken:
    """Tells who somebody is; the service asks a hub nothing else here."""

    async def person(self, token: str, _scope: str) -> Person | None:
        return PEOPLE.get(token)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The service, with a month in which several people had GPUs, and a workshop in it."""
    folder = tmp_path_factory.mktemp("use")
    runtime = Runtime(settings(folder), StateDirectory.open(folder / "state"))
    engine = connect(runtime.state.database("werkbank"))
    fill(runtime.state.database("leases"))
    Workshops(engine).put(workshop(), "admin", 0)
    oauth = OAuthClient("werkbank", "secret", f"{PREFIX}oauth_callback", "/hub/api/oauth2/authorize", PREFIX, "access")
    app = create_app(runtime, engine, oauth, "http://127.0.0.1:9/hub/api")
    with serving(app) as made:
        app.state.hub = HubThatKnowsPeopleByTheirToken()
        yield made
    engine.dispose()


def settings(folder: Path) -> Path:
    yaml = YAML(typ="safe")
    tree: dict[str, Any] = yaml.load(ROOT / "werkbank.yaml")
    tree["programmes"][0]["leads"] = ["lead"]
    tree["site"]["simulate_gpus"] = 1
    tree["leases"]["keep_records"] = "10000d"  # the month is long ago
    tree["gpu_classes"]["h200"] = {"title": {"en": "H200", "nl": "H200"}, "memory": "141GB", "model": "H200"}
    with (folder / "werkbank.yaml").open("w") as file:
        yaml.dump(tree, file)
    return folder / "werkbank.yaml"


def fill(url: str) -> None:
    """Everybody held a GPU for an hour each day of ten, with a name that is no HTML among them."""
    engine = engine_of(url)
    tables.metadata.create_all(engine)
    rows, holdings = [], []
    for day in range(10):
        for number, user in enumerate(["ada", "lead", "trainer", HOSTILE, "=SUM(A1)"]):
            start, id = BEGAN + day * 86400 + 36000, f"lease-{day}-{number}"
            programme = "gone" if user == HOSTILE else "ained" if user in ("ada", "lead") else ""
            row = {"id": id, "user": user, "programme": programme, "gpu_class": "h200", "state": "released"}
            row |= {"requested": start - 30, "ended_at": start + 3600, "held_seconds": 3600, "busy_seconds": 1800}
            rows.append(row | {"record": {"holder": f"{user}.ipynb", "profile": "medium"}})
            held = {"device": f"GPU-{number}", "lease": id, "epoch": 1, "held_from": start, "held_to": start + 3600}
            holdings.append(held)
    with engine.begin() as connection:
        connection.execute(insert(tables.leases), rows)
        connection.execute(insert(tables.holdings), holdings)
    engine.dispose()


def workshop() -> Workshop:
    return Workshop.model_validate(
        {
            "id": "class",
            "title": {"en": "The class", "nl": "De les"},
            "starts": "2025-11-05 10:00+00:00",
            "ends": "2025-11-05 10:30+00:00",
            "trainers": ["trainer"],
            "learners": ["ada"],
            "seats": 3,
            "profile": "medium",
            "lessons": ["A1"],
        }
    )


def get(client: Client, who: str | None, path: str, **query: str) -> Response:
    headers = {"Accept": "text/html" if "/api/" not in f"/{path}" else "application/json"}
    headers |= {"Authorization": f"token {who}"} if who else {}
    return client.get(f"{PREFIX}{path}", params=query or None, headers=headers)


# Who may read what; everybody else is refused.
ROUTES = {
    "use": {"ada", "lead", "trainer", "admin"},
    "use?file=csv": {"ada", "lead", "trainer", "admin"},
    "use/programmes/ained": {"lead", "admin"},
    "use/programmes/ained?file=csv": {"lead", "admin"},
    "use/programmes/ained?file=parquet&by=device": {"lead", "admin"},
    "use/programmes/health-ri": {"admin"},
    "use/programmes/gone": {"admin"},
    "use/workshops/class": {"trainer", "admin"},
    "use/workshops/class?file=csv": {"trainer", "admin"},
    "use/workshops/none": set(),
    "admin/use": {"admin"},
    "admin/use?by=workshop": {"admin"},
    "admin/use?file=csv": {"admin"},
    "admin/use?file=parquet": {"admin"},
    "admin/use/report": {"admin"},
    "api/v1/use": {"ada", "lead", "trainer", "admin"},
    "api/v1/use?programme=ained&by=user": {"lead", "admin"},
    "api/v1/use?programme=gone&by=user": {"admin"},
    "api/v1/use?workshop=class&by=user": {"trainer", "admin"},
    "api/v1/admin/use": {"admin"},
}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("who", PEOPLE)
def test_each_role_reads_what_it_may_and_nothing_else(client: Client, who: str, path: str) -> None:
    reply = get(client, who, path)
    assert reply.status_code == 200 if who in ROUTES[path] else reply.status_code in (403, 404)
    if who not in ROUTES[path]:
        assert "ada.ipynb" not in reply.text
        assert "GPU-hours" not in text_of(reply.text)


@pytest.mark.parametrize("path", ROUTES)
def test_a_stranger_reads_nothing(client: Client, path: str) -> None:
    reply = get(client, None, path)
    assert reply.status_code == (401 if path.startswith("api/") else 303)


@pytest.mark.parametrize("by", ["gpu_class", "programme", "profile", "notebook", "lesson", "device", "day", "month"])
def test_my_use_is_mine_alone_however_it_is_told(client: Client, by: str) -> None:
    told = get(client, "ada", "api/v1/use", by=by, period=MONTH).json()
    assert sum(line["gpu_hours_held"] for line in told["lines"]) == pytest.approx(10)
    assert told["total"][0]["gpu_hours_busy"] == pytest.approx(5)
    assert "lead" not in str(told["lines"])


def test_a_programme_is_its_members_use(client: Client) -> None:
    told = get(client, "lead", "api/v1/use", programme="ained", by="user", period=MONTH).json()
    assert {line["name"] for line in told["lines"]} == {"ada", "lead"}
    assert told["total"][0]["waited_at_most_1min"] == 20


def test_a_workshop_is_its_peoples_use_in_its_hours(client: Client) -> None:
    told = get(client, "trainer", "api/v1/use", workshop="class", by="user", period=MONTH).json()
    assert {line["name"]: round(line["gpu_hours_held"], 3) for line in told["lines"]} == {"ada": 0.5, "trainer": 0.5}
    shown = text_of(get(client, "trainer", "use/workshops/class").text)
    assert "Use of The class" in shown
    told = get(client, "admin", "api/v1/admin/use", by="workshop", period=MONTH).json()
    assert [(line["title"], round(line["gpu_hours_held"], 3)) for line in told["lines"]] == [("The class", 1.0)]


def test_names_are_text_on_every_page(client: Client) -> None:
    for path in ("admin/use?by=user", "admin/use?by=programme", "use/programmes/gone"):
        page = get(client, "admin", f"{path}{'&' if '?' in path else '?'}period={MONTH}").text
        assert "<img src=x" not in page
    assert HOSTILE in text_of(get(client, "admin", "admin/use", by="user", period=MONTH).text)


def test_what_was_removed_is_shown_under_its_old_name(client: Client) -> None:
    assert "gone" in text_of(get(client, "admin", "admin/use", period=MONTH).text)


def test_lists_can_be_searched_and_have_pages(client: Client) -> None:
    page = get(client, "admin", "admin/use", by="user", period=MONTH, words="AD").text
    assert re.findall(r"<bdi>(.*?)</bdi>", page) == ["ada", "lead"]
    nothing = get(client, "admin", "admin/use", by="user", period=MONTH, words="nobody at all")
    assert "No line has all of these words." in text_of(nothing.text)
    assert get(client, "admin", "admin/use", period=MONTH, page="2").status_code == 404
    some = get(client, "admin", "api/v1/admin/use", by="user", period=MONTH, limit="2", offset="1").json()
    assert (len(some["lines"]), some["count"]) == (2, 5)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"period": "november"}, '"november" is no month, quarter or year; write 2026-11, 2026-Q4 or 2026.'),
        ({"from": "2025-11-05", "to": "2025-11-01"}, "2025-11-01 is before 2025-11-05."),
        ({"from": "1999-01-01", "to": "1999-02-01"}, "Ask for at most 10 years, between 2000 and 2199."),
        ({"by": "colour"}, 'This use is not told by "colour", only by programme, user, workshop'),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_can(client: Client, query: dict[str, str], sentence: str) -> None:
    reply = get(client, "admin", "admin/use", **query)
    assert reply.status_code == 422
    assert sentence in text_of(reply.text)


def test_files_are_whole_and_hold_no_formulas(client: Client) -> None:
    reply = get(client, "admin", "admin/use", by="user", period=MONTH, file="csv")
    assert "attachment" in reply.headers["Content-Disposition"]
    names = {row["name"] for row in csv.DictReader(io.StringIO(reply.text))}
    assert names == {"ada", "lead", "trainer", HOSTILE, "'=SUM(A1)"}
    reply = get(client, "admin", "admin/use", by="user", period=MONTH, file="parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(reply.content))
    assert sum(table["gpu_hours_held"].to_pylist()) == pytest.approx(50)


def test_a_workbench_without_the_library_offers_no_parquet_and_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = get(client, "admin", "admin/use", by="user", period=MONTH).text
    assert "Download as Parquet" in shown
    monkeypatch.setattr(pages, "writes_parquet", lambda: False)
    shown = get(client, "admin", "admin/use", by="user", period=MONTH).text
    assert "Download as Parquet" not in shown
    assert "Download as CSV" in shown
    reply = get(client, "admin", "admin/use", by="user", period=MONTH, file="parquet")
    assert reply.status_code == 501
    assert "Ask for CSV; it is the same table." in text_of(reply.text)


def test_the_report_says_what_was_not_measured_and_not_reported(client: Client) -> None:
    shown = text_of(get(client, "admin", "admin/use/report", month=MONTH).text)
    assert "Werkbank: November 2025" in shown
    assert "nothing the month before" in shown
    assert "The energy of no GPU was measured this month." in shown
    assert "PUE: not reported by this site" in shown
    assert get(client, "admin", "admin/use/report", month="2025").status_code == 422


def test_in_dutch_the_pages_are_dutch(client: Client) -> None:
    headers = {"Authorization": "token admin", "Accept": "text/html", "Accept-Language": "nl"}
    shown = text_of(client.get(f"{PREFIX}admin/use/report", params={"month": MONTH}, headers=headers).text)
    assert "Werkbank: november 2025" in shown
    assert "niets de maand ervoor" in shown


# --- on a running workbench ------------------------------------------------------------------------------


def test_everybody_finds_their_use_in_the_head_of_every_page(workbench: Workbench) -> None:
    visitor = workbench.browser("scientist").http
    for page in ("/hub/home", "/services/werkbank/"):
        assert 'href="/services/werkbank/use"' in visitor.get(page).text
    assert "My use" in text_of(visitor.get("/services/werkbank/use").text)
    assert visitor.get("/services/werkbank/admin/use").status_code == 403
    assert workbench.browser().http.get("/services/werkbank/use").url.path == "/hub/login"
