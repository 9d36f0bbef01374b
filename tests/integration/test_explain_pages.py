"""Who gets which explanation, and what an exception does: every role at every route, on the real service."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Client, Response

from hub.db import connect
from hub.runtime import Runtime
from hub.service.app import create_app
from hub.state import StateDirectory
from hub.web.auth import OAuthClient
from hub.web.hub_api import Person
from tests.integration.test_use_pages import MONTH, PEOPLE, PREFIX, fill, get, settings
from tests.support.serving import serving
from tests.support.workbench import text_of


class HubThatKnowsFourPeople:
    """Tells who somebody is by their token or name; nobody has a seat."""

    async def person(self, token: str, _scope: str) -> Person | None:
        return PEOPLE.get(token)

    async def person_named(self, name: str) -> Person | None:
        return PEOPLE.get(name)

    async def people(self) -> list[Person]:
        return list(PEOPLE.values())

    async def active_people(self) -> list[Person]:
        return []


@pytest.fixture(scope="module")
def app_and_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Client]]:
    """The service, with a month in which the programme AiNed had GPUs."""
    folder = tmp_path_factory.mktemp("explain")
    runtime = Runtime(settings(folder), StateDirectory.open(folder / "state"))
    engine = connect(runtime.state.database("werkbank"))
    fill(runtime.state.database("leases"))
    oauth = OAuthClient("werkbank", "secret", f"{PREFIX}oauth_callback", "/hub/api/oauth2/authorize", PREFIX, "access")
    app = create_app(runtime, engine, oauth, "http://127.0.0.1:9/hub/api")
    with serving(app) as made:
        app.state.hub = HubThatKnowsFourPeople()
        yield app, made
    engine.dispose()


@pytest.fixture
def client(app_and_client: tuple[Any, Client]) -> Client:
    return app_and_client[1]


# Who may read what; everybody else is refused.
LEADS, ADMINS = {"lead", "admin"}, {"admin"}
ROUTES = {
    "admin/explain": LEADS,
    "admin/explain/start?user=ada&profile=large": ADMINS,
    "admin/explain/gpu?user=ada&gpu=simulated": LEADS,
    "admin/explain/gpu?user=trainer&gpu=simulated": ADMINS,
    f"admin/explain/quota?programme=ained&gpu_hours=5&period={MONTH}": LEADS,
    "admin/explain/quota?programme=health-ri&gpu_hours=5": ADMINS,
    "admin/programmes": ADMINS,
    "programmes/ained": LEADS,
    "programmes/health-ri": ADMINS,
    "api/v1/admin/explain/user?name=ada&gpu=simulated": ADMINS,
    f"api/v1/admin/explain/quota?programme=ained&gpu_hours=5&period={MONTH}": ADMINS,
}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("who", PEOPLE)
def test_each_role_reads_what_it_may_and_nothing_else(client: Client, who: str, path: str) -> None:
    assert get(client, who, path).status_code == (200 if who in ROUTES[path] else 403)


@pytest.mark.parametrize("path", ["programmes/none", "admin/explain/lease/none", "admin/explain/gpu?user=x&gpu=y"])
def test_to_a_lead_what_is_not_there_looks_like_what_is_not_theirs(client: Client, path: str) -> None:
    assert get(client, "lead", path).status_code == 403
    assert get(client, "admin", path).status_code == 404


def test_the_replay_says_whose_requests_would_have_waited(client: Client) -> None:
    path = f"api/v1/admin/explain/quota?programme=ained&gpu_hours=5&period={MONTH}"
    told = get(client, "admin", path).json()
    assert told["requests"] == 20
    assert told["hours"] == pytest.approx(20)
    assert 0 < told["held_back"] < 20
    assert {one["user"] for one in told["people"]} == {"ada", "lead"}
    first = told["weeks"][1]
    assert (first["as_it_was"], first["under_quota"]) == (pytest.approx(10), pytest.approx(6))
    shown = text_of(get(client, "lead", path.replace("api/v1/", "")).text)
    assert f"{told['held_back']} of 20 requests" in shown


def test_what_cannot_be_asked_is_said_beside_the_question(client: Client) -> None:
    for query in ("gpu_hours=many", "", "gpu_hours=-1", "gpu_hours=5&period=2026-13"):
        reply = get(client, "admin", f"admin/explain/quota?programme=ained&{query}")
        assert reply.status_code == 422
        assert 'role="alert"' in reply.text


def form(client: Client, who: str) -> dict[str, str]:
    """Of the page, with the token that it carries."""
    page = get(client, who, "programmes/ained").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    return {"csrf": token, "hours": "7,5", "until": until, "reason": "a <b>deadline</b>"}


def post(client: Client, who: str, path: str, data: dict[str, str]) -> Response:
    headers = {"Authorization": f"token {who}", "Accept": "text/html"}
    return client.post(f"{PREFIX}{path}", data=data, headers=headers)


def test_an_exception_counts_at_once_is_read_by_members_and_can_be_taken_back(
    app_and_client: tuple[Any, Client],
) -> None:
    app, client = app_and_client
    desk, sent = app.state.leases, form(client, "admin")
    assert post(client, "lead", "programmes/ained/exceptions", sent).status_code == 403
    wrong = post(client, "admin", "programmes/ained/exceptions", sent | {"until": "1999-01-01"})
    assert (wrong.status_code, "within a year" in wrong.text) == (422, True)
    stranger = post(
        client, "admin", "programmes/ained/exceptions", sent | {"user": "trainer", "hours": "", "gpus": "1"}
    )
    assert (stranger.status_code, desk.allowances) == (422, ())
    assert post(client, "admin", "programmes/ained/exceptions", sent).status_code == 303
    assert desk.broker.state.rules.programme_hours["ained"] == 207.5
    for path in ("gpus", "", "programmes/ained"):
        page = get(client, "lead", path).text
        assert "a <b>deadline</b>" in text_of(page)
        assert "<b>deadline" not in page
    me = get(client, "ada", "api/v1/me").json()["use"]
    assert me["allowances"][0]["hours"] == 7.5
    assert me["programmes"][0]["quota"] == 207.5
    taken = post(client, "admin", f"programmes/ained/exceptions/{desk.allowances[0].id}/end", {"csrf": sent["csrf"]})
    assert taken.status_code == 303
    assert desk.broker.state.rules.programme_hours["ained"] == 200
    log = text_of(get(client, "admin", "admin/log?words=exception").text)
    assert "exception.granted" in log
    assert "exception.taken-back" in log
