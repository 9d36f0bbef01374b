"""How the command line tells whether a class fits."""

import pytest

from hub.cli.fits import show_answer

SPAN = {"start": "2027-01-14T13:00:00Z", "end": "2027-01-14T15:00:00Z"}


@pytest.mark.parametrize("title", ["[/oops]", "[bold red]loud[/]", "plain"])
def test_a_title_is_shown_as_it_was_written(title: str, capsys: pytest.CaptureFixture[str]) -> None:
    taken = [{"title": title, "amount": 2} | SPAN]
    need = {"what": "h200", "wanted": 3, "free": 1, "total": 3, "fits": False, "taken": taken}
    answer = {
        "fits": False,
        "is_tight": False,
        "profile": "small",
        "needs": [need],
        "placement": None,
        "alternatives": [],
    } | SPAN
    show_answer(answer, 5)
    assert title in capsys.readouterr().out
