"""The dress rehearsal on a running workbench: made-up people come in as a class will, and nothing of them stays."""

import json
import sqlite3

import httpx
import psutil

from tests.support.classroom import Trainer
from tests.support.workbench import Workbench, eventually, find_seat, text_of


def rehearsed(trainer: Trainer, id: str, people: int) -> str:
    """What the workshop's page says of the rehearsal when it is over."""
    begun = trainer.post(f"/{id}/rehearse", {"people": str(people)}, f"/{id}")
    assert begun.status_code == 200, text_of(begun.text)
    eventually(lambda: "being given" not in trainer.page(f"/{id}"), timeout=180, what="the rehearsal is over")
    page = text_of(trainer.page(f"/{id}"))
    return page[page.index("Dress rehearsal") : page.index("Who takes part")]


def guests(facility: Workbench) -> set[str]:
    admin = facility.browser("admin")
    users = admin.http.get("/hub/api/users", headers=admin.api_headers()).json()
    return {user["name"] for user in users if user["name"].startswith("guest-")}


def test_a_rehearsal_passes_and_leaves_nobody_behind(facility: Workbench) -> None:
    trainer, before = Trainer(facility.browser("trainer")), guests(facility)
    trainer.plan(title="Dress", profile="medium", gpu_class="simulated", devices="1", lessons="S1, R2")
    trainer.act("dress", "publish")
    try:
        told = rehearsed(trainer, "dress", 2)
        assert "passed" in told
        for step in ("Signed in", "Seat started", "First lesson opened", "First cells run", "GPU leased", "Removed"):
            assert f"{step}" in told
        assert told.count("2 of 2") == 6, told
        assert trainer.state("dress") == "Rehearsed"
        assert guests(facility) == before
        assert "0 of 2 places are taken." in text_of(trainer.page("/dress"))
    finally:
        trainer.act("dress", "close")
        trainer.act("dress", "remove")


def test_a_rehearsal_says_which_step_failed_and_why(facility: Workbench) -> None:
    trainer, before = Trainer(facility.browser("trainer")), guests(facility)
    room = int(psutil.virtual_memory().total * 2 / 2**30)
    trainer.plan(title="Crowded", profile="medium", seats=str(room // 4))
    trainer.act("crowded", "publish")
    with sqlite3.connect(facility.state / "werkbank.sqlite") as records:
        # As if the settings had lost its profile since.
        (text,) = records.execute("select record from workshops where id = 'crowded'").fetchone()
        changed = json.dumps({**json.loads(text), "lessons": ["Q9"]})
        records.execute("update workshops set record = ? where id = 'crowded'", (changed,))
    try:
        told = rehearsed(trainer, "crowded", 1)
        assert "failed" in told
        assert "“First lesson opened”: The link to Q9 answered with status 404." in told
        assert trainer.state("crowded") == "Published"
        assert guests(facility) == before
    finally:
        trainer.act("crowded", "close")
        trainer.act("crowded", "remove")


def test_who_a_killed_service_left_behind_is_removed_when_it_is_back(facility: Workbench) -> None:
    trainer, before = Trainer(facility.browser("trainer")), guests(facility)
    trainer.plan(title="Broken off")
    trainer.act("broken-off", "publish")
    trainer.post("/broken-off/rehearse", {"people": "1"}, "/broken-off")
    (left,) = eventually(lambda: guests(facility) - before, what="somebody came in")
    port = str(httpx.URL(facility.address).port)
    facility.down()
    assert facility.up("--simulate-gpus", "2", "--port", port).returncode == 0
    eventually(lambda: left not in guests(facility), what="they are removed")
    assert find_seat(left, facility) is None
    eventually(lambda: not (facility.state / "homes" / left).exists(), what="their files too")
    trainer.act("broken-off", "close")
    trainer.act("broken-off", "remove")


def test_a_draft_is_not_rehearsed_and_neither_are_two_at_once(facility: Workbench) -> None:
    trainer = Trainer(facility.browser("trainer"))
    trainer.plan(title="Draft")
    refused = trainer.post("/draft/rehearse", {"people": "1"}, "/draft")
    assert refused.status_code == 409
    assert "Only a published workshop" in text_of(refused.text)
    trainer.act("draft", "remove")
