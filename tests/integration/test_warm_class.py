"""`werkbank warm`: a class finds its seats running."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.workbench import ROOT, Visitor, Workbench, eventually, run_werkbank


@pytest.fixture(scope="module")
def facility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench for these tests alone: they count seats."""
    bench = Workbench(tmp_path_factory.mktemp("class") / "state", ROOT / "werkbank.yaml")
    started = bench.up()
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.close()
    bench.down("--seats")


def warm(bench: Workbench, roster: Path, *more: str) -> tuple[int, list[dict[str, Any]]]:
    arguments = ["--users", str(roster), "--state", str(bench.state), "--json", *more]
    done = run_werkbank("warm", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_seats_of_a_class_are_ready_before_anybody_signs_in_and_a_second_time_changes_nothing(
    facility: Workbench, tmp_path: Path
) -> None:
    roster = tmp_path / "class.csv"
    roster.write_text("user\nscientist\nnewcomer\n")
    status, outcomes = warm(facility, roster, "--profile", "small")
    assert (status, [(o["user"], o["state"]) for o in outcomes]) == (0, [("scientist", "ready"), ("newcomer", "ready")])
    scientist = facility.browser("scientist")
    assert scientist.hub_user()["servers"][""]["ready"]
    assert scientist.http.get("/user/scientist/lab").status_code == 200
    status, outcomes = warm(facility, roster, "--profile", "small")
    assert (status, [o["state"] for o in outcomes]) == (0, ["was running", "was running"])


def test_who_may_not_have_the_profile_is_told_why_and_the_others_are_ready(facility: Workbench, tmp_path: Path) -> None:
    facility.browser("trainer")  # has signed in once, so that groups are known
    roster = tmp_path / "class.csv"
    roster.write_text("trainer\nstranger\n")
    status, (trainer, stranger) = warm(facility, roster, "--profile", "large")
    assert status == 1
    assert trainer["state"] == "ready"
    assert stranger["state"] == "refused"
    assert "is for members of" in stranger["why"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "huge"], 'there is no "huge"; known here: small, medium, large'),
        (["--profile", "small", "--at", "noon"], "no time of day"),
    ],
)
def test_what_makes_no_sense_starts_nothing_and_is_told(
    facility: Workbench, tmp_path: Path, arguments: list[str], said: str
) -> None:
    roster = tmp_path / "class.csv"
    roster.write_text("nobody-yet\n")
    done = run_werkbank("warm", "--users", str(roster), "--state", str(facility.state), *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "No seat was started" in done.stderr


# --- the same by the API --------------------------------------------------------------------------


def ask(visitor: Visitor, wish: dict[str, Any]) -> Any:
    headers = {"Authorization": f"token {visitor.token()}", "Accept": "application/json"}
    return visitor.http.post("/services/werkbank/api/v1/admin/warmings", json=wish, headers=headers)


def test_an_admin_starts_a_class_and_sees_who_is_ready(facility: Workbench) -> None:
    facility.browser("trainer")
    admin = facility.browser("admin")
    begun = ask(admin, {"profile": "large", "users": ["trainer", "unknown", "trainer"]})
    assert begun.status_code == 202, begun.text
    address = f"/services/werkbank/api/v1/admin/warmings/{begun.json()['id']}"
    headers = {"Authorization": f"token {admin.token()}"}

    def done() -> Any:
        view = admin.http.get(address, headers=headers).json()
        return view if view["state"] == "done" else None

    view = eventually(done, what="all are decided")
    assert (view["total"], view["ready"], view["profile"]) == (2, 1, "large")
    found = {seat["user"]: seat for seat in view["seats"]}
    assert found["trainer"]["state"] in ("ready", "was running")
    assert found["unknown"]["state"] == "refused"
    assert "is for members of" in found["unknown"]["why"]


BAD_WISHES: dict[str, tuple[Any, int, str]] = {
    "no such profile": ({"profile": "huge", "users": ["ada"]}, 422, "small, medium, large"),
    "no names": ({"profile": "small", "users": ["../etc", "ada", "a b"]}, 422, "../etc, a b"),
    "nobody": ({"profile": "small", "users": []}, 422, "users"),
    "half of the country": ({"profile": "small", "users": ["a"] * 5001}, 422, "users"),
    "no object": ([], 422, "body"),
}


@pytest.mark.parametrize(("wish", "status", "said"), BAD_WISHES.values(), ids=BAD_WISHES.keys())
def test_a_wish_that_makes_no_sense_starts_nothing(facility: Workbench, wish: Any, status: int, said: str) -> None:
    before = len(facility.hub_log)
    refused = ask(facility.browser("admin"), wish)
    assert refused.status_code == status
    assert said in refused.json()["error"]["message"]
    assert "class.asked" not in facility.hub_log[before:]


def test_only_admins_start_classes(facility: Workbench) -> None:
    trainer = facility.browser("trainer")
    assert ask(trainer, {"profile": "small", "users": ["trainer"]}).status_code == 403
    headers = {"Authorization": f"token {facility.browser('admin').token()}"}
    lost = trainer.http.get("/services/werkbank/api/v1/admin/warmings/0", headers=headers)
    assert lost.status_code == 404
