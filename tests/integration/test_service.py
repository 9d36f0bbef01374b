"""The web service: health, metrics, who am I, and refusals as sentences."""

import os
import signal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.workbench import Workbench, eventually

PREFIX = "/services/werkbank"
PROMETHEUS_WAITS = 10
"""Seconds, unless it is told otherwise."""


def test_health_names_each_dependency(workbench: Workbench) -> None:
    report = workbench.browser().http.get(f"{PREFIX}/health").json()
    assert report["ok"]
    names = [dependency["name"] for dependency in report["dependencies"]]
    assert names == ["hub", "proxy", "database", "leases", "broker", "devices", "dask-gateway"]


def test_health_says_which_dependency_is_missing(own_workbench: Workbench) -> None:
    assert own_workbench.up().returncode == 0
    visitor = own_workbench.browser()
    # Stopped, not killed: JupyterHub restarts a service that ended.
    gateway = own_workbench.status()["pids"]["dask-gateway"]
    os.kill(gateway, signal.SIGSTOP)
    try:
        reply = eventually(lambda: (r := visitor.http.get(f"{PREFIX}/health")).status_code == 503 and r)
        down = [dependency for dependency in reply.json()["dependencies"] if not dependency["ok"]]
        assert [dependency["name"] for dependency in down] == ["dask-gateway"]
        assert down[0]["detail"]
        told = visitor.http.get(f"{PREFIX}/metrics", timeout=PROMETHEUS_WAITS).text
        assert '\nwerkbank_dependency_up{name="dask-gateway"} 0.0\n' in told
        assert "\nwerkbank_dask_clusters" not in told, "nobody knows"
    finally:
        os.kill(gateway, signal.SIGCONT)
    eventually(lambda: visitor.http.get(f"{PREFIX}/health").status_code == 200)


def test_metrics_count_seats_by_profile_and_name_nobody(workbench: Workbench) -> None:
    scientist = workbench.browser("scientist")
    scientist.start_seat("small")
    text = scientist.http.get(f"{PREFIX}/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {s.labels["profile"]: s.value for s in families["werkbank_seats"].samples}["small"] >= 1
    assert {s.labels["name"]: s.value for s in families["werkbank_dependency_up"].samples}["hub"] == 1
    assert "scientist" not in text
    scientist.stop_seat()


def test_me_tells_who_i_am_and_what_i_have(workbench: Workbench) -> None:
    trainer = workbench.browser("trainer")
    headers = {"Authorization": f"token {trainer.token()}"}
    me = trainer.http.get(f"{PREFIX}/api/v1/me", headers=headers).json()
    who = {name: me[name] for name in ("name", "groups", "admin", "seats")}
    assert who == {"name": "trainer", "groups": ["health-ri", "trainers"], "admin": False, "seats": []}
    assert (me["user"], me["leases"], me["reservations"]) == ("trainer", [], [])


def test_the_home_page_signs_in_through_the_hub_and_knows_the_reader(workbench: Workbench) -> None:
    assert "/hub/login" in str(workbench.browser().http.get(f"{PREFIX}/").url)
    page = workbench.browser("scientist").http.get(f"{PREFIX}/")
    assert page.url.path == f"{PREFIX}/"
    assert "scientist" in page.text


@pytest.mark.parametrize("token", ["0" * 32, "x" * 8_000, "é"], ids=["forged", "long", "not ascii"])
def test_a_token_that_is_no_token_gets_401_and_a_hint(workbench: Workbench, token: str) -> None:
    headers = {b"Authorization": f"token {token}".encode(), b"Accept": b"application/json"}
    reply = workbench.browser().http.get(f"{PREFIX}/api/v1/me", headers=headers)
    assert reply.status_code == 401, reply.text
    assert reply.json()["error"]["code"] == "not-signed-in"
    assert reply.json()["error"]["hint"]


def test_an_expired_token_gets_401(workbench: Workbench) -> None:
    trainer = workbench.browser("trainer")
    headers = {"Authorization": f"token {trainer.token(expires_in=1)}", "Accept": "application/json"}
    stranger = workbench.browser()
    eventually(lambda: stranger.http.get(f"{PREFIX}/api/v1/me", headers=headers).status_code == 401)


def test_what_is_not_there_is_refused_in_the_apis_one_shape(workbench: Workbench) -> None:
    trainer = workbench.browser("trainer")
    headers = {"Authorization": f"token {trainer.token()}", "Accept": "application/json"}
    missing = trainer.http.get(f"{PREFIX}/api/v1/nothing", headers=headers)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "http")
    seat = trainer.http.post(f"{PREFIX}/api/v1/seats/nobody/keep", headers=headers)
    assert (seat.status_code, seat.json()["error"]["code"]) == (404, "no-such-seat")
    long = trainer.http.post(f"{PREFIX}/api/v1/seats/{'x' * 300}/keep", headers=headers)
    assert (long.status_code, long.json()["error"]["code"]) == (422, "invalid")


def test_openapi_is_published_but_not_the_stock_page_for_it_that_asks_a_foreign_host(
    workbench: Workbench,
) -> None:
    visitor = workbench.browser()
    document = visitor.http.get(f"{PREFIX}/openapi.json").json()
    assert f"{PREFIX}/api/v1/me" in document["paths"]
    assert visitor.http.get(f"{PREFIX}/docs").status_code == 404


def test_changing_the_language_leads_back_and_never_to_another_host(workbench: Workbench) -> None:
    visitor = workbench.browser()
    reply = visitor.http.get(
        f"{PREFIX}/language/nl", headers={"Referer": "https://evil.example/x"}, follow_redirects=False
    )
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/")
    assert not reply.headers["location"].startswith("//")
    assert reply.cookies["werkbank-language"] == "nl"
    double = {"Referer": f"{workbench.address}//evil.example/x"}
    reply = visitor.http.get(f"{PREFIX}/language/nl", headers=double, follow_redirects=False)
    assert not reply.headers["location"].startswith("//")
