"""Why may somebody start a seat where seats are jobs: there is always room in a line."""

import pytest

from hub.admin.explain_seat import Situation, seat_answer
from hub.running.slurm_demo import SETTINGS
from hub.settings import load


@pytest.mark.parametrize(("user", "code"), [("daemon", ""), ("nobody-here-has-this-name", "no-account")])
def test_a_start_on_slurm_needs_an_account_and_no_memory_of_this_machine(user: str, code: str) -> None:
    answer = seat_answer("node", Situation(user, ("ained",), (), ()), load(SETTINGS), "en")
    assert (answer.verdict, answer.code) == ("no" if code else "yes", code)
    assert not [fact for fact in answer.facts if fact.label == "Memory"]
    assert [fact.text for fact in answer.facts if fact.label == "Place"] == [
        "A job of the cluster; who comes when it is full waits in line."
    ]
