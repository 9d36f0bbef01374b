"""`werkbank fits` and its API: would a class fit on the running workbench, and what would where it does not?"""

import json
from typing import Any

import psutil
import pytest

from tests.support.workbench import Visitor, Workbench, run_werkbank


def fits(bench: Workbench, *arguments: str) -> tuple[int, str]:
    done = run_werkbank("fits", *arguments, "--state", str(bench.state))
    return done.returncode, done.stdout + done.stderr


def told(bench: Workbench, *arguments: str) -> tuple[int, dict[str, Any]]:
    status, said = fits(bench, *arguments, "--json")
    return status, json.loads(said)


def seats_left(bench: Workbench) -> int:
    """How many seats of 2 GiB are left for a class of tomorrow morning."""
    _, answer = told(bench, "--seats", "10000", "--profile", "small", "--for", "1h")
    (need,) = answer["needs"]
    return int(need["free"] // (need["wanted"] // 10_000))


def test_a_class_that_fits_is_told_so(facility: Workbench) -> None:
    status, said = fits(facility, "--seats", "2", "--gpu", "simulated:2", "--at", "2099-01-14 14:00", "--for", "90m")
    assert status == 0
    assert "It fits. 2 seats of profile medium, 2099-01-14 14:00 to 15:30." in said
    assert "✔ seat memory" in said
    assert "✔ simulated" in said


def test_a_class_that_does_not_fit_is_told_why_and_what_would(facility: Workbench) -> None:
    status, said = fits(facility, "--seats", "9999", "--gpu", "simulated:5", "--profile", "medium")
    assert status == 1
    assert "It does not fit." in said
    assert "✖ seat memory" in said
    assert "✖ simulated" in said
    assert "Nothing near it fits" in said
    status, answer = told(facility, "--seats", "2", "--gpu", "simulated:5", "--profile", "medium")
    assert status == 1
    assert [(one["changed"], one["devices"]) for one in answer["alternatives"]] == [("devices", 2)]


def test_enough_gpus_are_worked_out_where_no_number_is_given(facility: Workbench) -> None:
    _, answer = told(facility, "--seats", "10", "--gpu", "simulated", "--profile", "medium")
    assert answer["needs"][1]["wanted"] == 2


def test_running_seats_are_counted_until_their_life_ends(facility: Workbench) -> None:
    before = seats_left(facility)
    assert before == int(psutil.virtual_memory().total * 2.0 // (2 * 2**30))
    visitor = facility.browser("scientist")
    visitor.start_seat("small")
    assert seats_left(facility) == before - 1
    _, answer = told(facility, "--seats", "10000", "--profile", "small", "--at", "2099-01-14 14:00")
    assert answer["needs"][0]["taken"] == []
    visitor.stop_seat()
    assert seats_left(facility) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seats", "0"], "greater than or equal to 1"),
        (["--seats", "2", "--at", "yesterday"], "no date and time; write it as 2027-01-14 14:00"),
        (["--seats", "2", "--at", "2020-01-14 14:00"], "2020-01-14 14:00"),
        (["--seats", "2", "--for", "2"], '--for: "2": a whole number with its unit'),
        (["--seats", "2", "--for", "900d"], "for"),
        (["--seats", "2", "--gpu", "h200:many"], "write it as h200:8"),
        (["--seats", "2", "--gpu", "simulated", "--profile", "small"], "cannot lease simulated. Known here: -."),
        (["--seats", "2", "--gpu", "h900:1"], "There is no GPU class called h900."),
        (["--seats", "2", "--profile", "huge"], "There is no profile huge. Known here: small, medium, large."),
    ],
)
def test_what_cannot_be_asked_is_told_with_what_is_allowed(
    facility: Workbench, arguments: list[str], said: str
) -> None:
    status, told = fits(facility, *arguments)
    assert status == 2
    assert said in " ".join(told.split())


def ask(visitor: Visitor, **question: str) -> Any:
    headers = {"Authorization": f"token {visitor.token()}", "Accept": "application/json"}
    return visitor.http.get("/services/werkbank/api/v1/fits", params=question, headers=headers)


def test_only_admins_may_ask_for_now(facility: Workbench) -> None:
    assert ask(facility.browser("admin"), seats="2").json()["fits"] is True
    assert ask(facility.browser("scientist"), seats="2").status_code == 403


@pytest.mark.parametrize(
    "question",
    [
        {"seats": "-1"},
        {"seats": "1000000"},
        {"seats": "nan"},
        {"seats": "2", "at": "2099-01-14T14:00"},
        {"seats": "2", "devices": "3"},
        {"seats": "2", "for": "1"},
        {"seats": "2", "profile": "x" * 33},
    ],
)
def test_the_api_refuses_what_makes_no_sense_with_a_sentence(facility: Workbench, question: dict[str, str]) -> None:
    answer = ask(facility.browser("admin"), **question)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
