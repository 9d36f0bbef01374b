"""Seats: starting, refusing, stopping, surviving."""

import pytest

from tests.support.workbench import Workbench, text_of


def test_a_scientist_starts_a_seat_and_stops_it(workbench: Workbench) -> None:
    scientist = workbench.browser("scientist")
    path = scientist.start_seat("small")
    assert scientist.http.get(f"{path}lab").status_code == 200
    scientist.stop_seat()


def test_a_profile_of_another_group_is_refused_with_a_sentence_and_nothing_starts(workbench: Workbench) -> None:
    scientist = workbench.browser("scientist")
    reply = scientist.post_spawn({"profile": "large"})
    assert reply.status_code == 403
    assert "The profile Large is for members of health-ri, admins." in text_of(reply.text)
    assert scientist.hub_user()["servers"] == {}


HOSTILE = {
    "nothing": {},
    "other field": {"profil": "small"},
    "extra field": {"profile": "small", "cmd": "rm -rf /"},
    "unknown": {"profile": "huge"},
    "html": {"profile": "<script>alert(1)</script>"},
    "shell": {"profile": "small; touch /tmp/owned"},
    "path": {"profile": "../../etc/passwd"},
    "long": {"profile": "x" * 10**6},
    "twice": {"profile": ["small", "medium"]},
}


@pytest.mark.parametrize("fields", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_spawn_form_that_makes_no_sense_starts_nothing_and_says_why(workbench: Workbench, fields: dict) -> None:
    scientist = workbench.browser("scientist")
    reply = scientist.post_spawn(fields)
    assert reply.status_code in (400, 403)
    text = text_of(reply.text)
    assert "nothing was started" in text
    assert "<script>alert" not in reply.text
    assert scientist.hub_user()["servers"] == {}
