"""Seats: starting, refusing, stopping, surviving."""

import signal
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest

from hub.cgroups.groups import ROOT as ROOT_CGROUP
from hub.cgroups.groups import group_name
from hub.cgroups.limits import controller
from tests.support.notebook import Notebook
from tests.support.workbench import (
    ROOT,
    Workbench,
    eventually,
    find_seat,
    held_start,
    own_seat_settings,
    run_in_seat,
    seat_environment,
    text_of,
)


def test_a_scientist_starts_a_seat_and_stops_it(workbench: Workbench) -> None:
    scientist = workbench.browser("scientist")
    path = scientist.start_seat("small")
    assert scientist.http.get(f"{path}lab").status_code == 200
    scientist.stop_seat()


def test_a_profile_of_another_group_is_refused_with_a_sentence_and_nothing_starts(workbench: Workbench) -> None:
    scientist = workbench.browser("scientist")
    reply = scientist.post_spawn({"profile": "large"})
    assert reply.status_code == 403
    assert "The profile Large is for members of Health-RI, admins." in text_of(reply.text)
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


def test_a_failed_start_of_one_profile_never_leaks_into_the_next(own_workbench: Workbench, tmp_path: Path) -> None:
    # jupyterhub#3095: after a failed GPU start, a plain start still asked for the GPU.
    settings = (ROOT / "werkbank.yaml").read_text()
    broken = settings.replace(
        "environments:                     #", "environments:\n  broken: {prefix: /nonexistent}\n  #"
    ).replace("    cpu: 2\n", "    environment: broken\n    cpu: 2\n")
    own_workbench.settings = tmp_path / "werkbank.yaml"
    own_workbench.settings.write_text(broken)
    started = own_workbench.up()
    assert started.returncode == 0, started.stderr
    scientist = own_workbench.browser("scientist")

    failed = scientist.post_spawn({"profile": "medium"})
    assert failed.status_code == 500
    assert "could not be started on this machine" in text_of(failed.text)
    assert scientist.hub_user()["servers"] == {}

    # A start without options would repeat the last request: it must not be the failed one.
    scientist.http.post("/hub/api/users/scientist/server", headers=scientist.api_headers())
    eventually(lambda: scientist.hub_user()["servers"].get("", {}).get("ready"), what="a plain start works")
    assert scientist.hub_user()["servers"][""]["user_options"] == {"profile": "small", "language": "en"}
    limits = seat_environment("scientist", own_workbench)
    assert (limits["CPU_LIMIT"], limits["MEM_LIMIT"], limits["WERKBANK_PROFILE"]) == ("1", str(2 * 2**30), "small")
    scientist.stop_seat()


def test_a_seat_that_dies_while_it_starts_is_told_at_once(workbench: Workbench) -> None:
    trainer = workbench.browser("trainer")
    with own_seat_settings(workbench, "trainer", "import sys; sys.exit('spoiled')\n"):
        failed = trainer.post_spawn({"profile": "small"})
        if failed.status_code == 200:  # it lived for so long that the hub showed its progress meanwhile
            failed = eventually(lambda: (r := trainer.http.get(failed.url)).status_code >= 500 and r, timeout=30)
        assert failed.status_code == 500
        assert "Your seat ended while it started" in text_of(failed.text)
        assert trainer.hub_user()["servers"] == {}
    trainer.start_seat("small")
    trainer.stop_seat()


def test_the_api_passes_the_same_door_as_the_form(workbench: Workbench) -> None:
    scientist = workbench.browser("scientist")
    for options, status in (
        ({"profile": "large"}, 403),
        ({"profile": "small", "cmd": ["sh"]}, 400),
        ({"profile": {"$gt": ""}}, 400),
        ({"image": "x"}, 400),
        ({"profile": "small", "language": "../../etc"}, 400),
    ):
        reply = scientist.http.post("/hub/api/users/scientist/server", json=options, headers=scientist.api_headers())
        assert reply.status_code == status, reply.text
        assert "Traceback" not in reply.text
        assert scientist.hub_user()["servers"] == {}


def test_named_seats_run_beside_each_other_and_bad_names_are_refused(workbench: Workbench) -> None:
    scientist = workbench.browser("scientist")
    scientist.start_seat("small")
    path = scientist.start_seat("small", "second")
    assert path == "/user/scientist/second/"
    assert set(scientist.hub_user()["servers"]) == {"", "second"}
    for name in ("../x", "a b", "<b>", "x" * 300):
        url = f"/hub/api/users/scientist/servers/{quote(name, safe='')}"
        reply = scientist.http.post(url, json={"profile": "small"}, headers=scientist.api_headers())
        assert reply.status_code in (400, 404), (name, reply.status_code)
    assert set(scientist.hub_user()["servers"]) == {"", "second"}
    scientist.stop_seat("second")
    scientist.stop_seat()


def test_a_seat_can_be_stopped_while_it_starts(workbench: Workbench) -> None:
    scientist = workbench.browser("scientist")
    with held_start(workbench, "scientist"):
        with pytest.raises(httpx.ReadTimeout):  # the hub answers when the seat is ready; we do not wait for it
            scientist.http.post(
                "/hub/api/users/scientist/server",
                json={"profile": "small"},
                headers=scientist.api_headers(),
                timeout=0.3,
            )
        assert scientist.hub_user()["servers"][""]["pending"] == "spawn"
        eventually(lambda: find_seat("scientist", workbench), what="the seat's process is there")
        scientist.stop_seat()
        assert find_seat("scientist", workbench) is None
    scientist.start_seat("small")
    scientist.stop_seat()


def test_the_progress_of_a_start_is_told_in_plain_words_of_the_readers_language(workbench: Workbench) -> None:
    for language, sentence in (("en", "Setting aside your share"), ("nl", "Je deel wordt vrijgehouden")):
        trainer = workbench.browser("trainer", language)
        with held_start(workbench, "trainer") as let_go:
            trainer.post_spawn({"profile": "small"})
            address = "/hub/api/users/trainer/server/progress"
            with trainer.http.stream("GET", address, headers=trainer.api_headers()) as events:
                lines = events.iter_lines()
                assert any(sentence in line for line in lines)
                let_go()
                assert any('"ready": true' in line for line in lines)
        trainer.stop_seat()


def test_memory_beyond_the_profile_ends_the_offender_where_limits_are_enforced(workbench: Workbench) -> None:
    if not controller()[1].enforced:
        pytest.skip(f"limits are not enforced here: {controller()[1].reason}")
    trainer = workbench.browser("trainer")
    trainer.start_seat("small")
    environment = seat_environment("trainer", workbench)
    name = group_name(workbench.state, "trainer", "")
    groups = list(ROOT_CGROUP.glob(f"*/werkbank/{name}")) or [ROOT_CGROUP / "werkbank" / name]
    enter = "\n".join(f"open('{group}/cgroup.procs','w').write('0')" for group in groups)
    greedy = run_in_seat(f"{enter}\nx = bytearray({3 * 2**30})\nprint('got it')", environment)
    assert greedy.returncode == -signal.SIGKILL
    assert "got it" not in greedy.stdout
    assert trainer.hub_user()["servers"][""]["ready"]
    trainer.stop_seat()
    eventually(lambda: not any(group.exists() for group in groups), what="the seat's cgroups are gone")


def test_a_kernel_that_needs_more_memory_than_its_seat_has_says_so_below_its_cell(workbench: Workbench) -> None:
    if not controller()[1].enforced:
        pytest.skip(f"limits are not enforced here: {controller()[1].reason}")
    trainer = workbench.browser("trainer")
    trainer.start_seat("small")
    notebook = Notebook(trainer, "python3")
    cell = notebook.run("kept = [bytearray(64 * 2**20) for _ in range(64)]")
    assert "Work on less data at a time" in notebook.shows(cell, "more memory than this seat has (2 GiB)")
    notebook.close()
    trainer.stop_seat()


def test_seats_are_refused_when_their_memory_cannot_be_promised(own_workbench: Workbench, tmp_path: Path) -> None:
    memory = psutil.virtual_memory().total // 2**20
    settings = (ROOT / "werkbank.yaml").read_text().replace("memory_overcommit: 2.0", "memory_overcommit: 1.0")
    own_workbench.settings = tmp_path / "werkbank.yaml"
    own_workbench.settings.write_text(settings.replace("memory: 2GiB", f"memory: {memory * 2 // 3}MiB"))
    assert own_workbench.up().returncode == 0
    scientist, trainer = own_workbench.browser("scientist"), own_workbench.browser("trainer")
    scientist.start_seat("small")
    refused = trainer.post_spawn({"profile": "small"})
    assert refused.status_code == 503
    assert "All seats of Small are taken" in text_of(refused.text)
    assert trainer.hub_user()["servers"] == {}
    scientist.stop_seat()
    trainer.start_seat("small")


def test_every_new_seat_has_the_lessons_in_its_home(workbench: Workbench) -> None:
    trainer = workbench.browser("trainer")
    trainer.start_seat("small")
    lessons = workbench.state / "homes" / "trainer" / "tutorials"
    eventually(
        lambda: list(lessons.glob("*/*.en.ipynb")) and list(lessons.glob("*/*.nl.ipynb")), what="lessons are there"
    )
    trainer.stop_seat()


def test_a_seat_knows_nothing_of_the_workbenchs_own_secrets(workbench: Workbench) -> None:
    trainer = workbench.browser("trainer")
    trainer.start_seat("small")
    environment = seat_environment("trainer", workbench)
    secrets = [path.read_text().strip() for path in (workbench.state / "secrets").iterdir()]
    assert not any(secret in value for secret in secrets for value in environment.values())
    assert not [name for name in environment if name.startswith("WERKBANK_ST") or name == "WERKBANK_OVERRIDES"]
    trainer.stop_seat()
