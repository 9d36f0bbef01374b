"""What must not go wrong with workshops when things go wrong around them: killed in the middle, and guessed at."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from tests.support.classroom import SERVICE, Learner, given
from tests.support.workbench import Workbench, eventually, text_of


def restart(facility: Workbench, meanwhile: Callable[[], None] = lambda: None) -> None:
    """The workbench goes away and comes back at the same address."""
    port = str(httpx.URL(facility.address).port)
    facility.down()
    meanwhile()
    assert facility.up("--simulate-gpus", "2", "--port", port).returncode == 0


def ended(facility: Workbench, id: str, ago: timedelta) -> None:
    """As if a workshop had ended so long ago."""
    end = datetime.now(UTC) - ago
    hours = ((end - timedelta(hours=1)).isoformat(" ", "minutes"), end.isoformat(" ", "minutes"))
    with sqlite3.connect(facility.state / "werkbank.sqlite", timeout=30) as records:
        change = "update workshops set record = json_set(record, '$.starts', ?, '$.ends', ?) where id = ?"
        records.execute(change, (*hours, id))


def test_a_workshop_that_ended_while_the_service_was_away_is_closed_and_its_guests_files_are_kept(
    facility: Workbench,
) -> None:
    with given(facility, "Ended away", temporary_accounts="on") as (trainer, id, code):
        learner = Learner(facility.browser(), code)
        kept = learner.join("temporary")
        link = text_of(kept.text).split("Whoever has it is you. ")[1].split()[0]
        (name,) = {word for word in text_of(kept.text).split() if word.startswith("guest-")}
        home = facility.state / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        (home / "notes.txt").write_text("mine")
        other = facility.state / "homes" / "scientist" / "keep.txt"
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text("not theirs")
        restart(facility, lambda: ended(facility, id, timedelta(hours=1)))
        eventually(lambda: trainer.state(id) == "Closed", what="it is closed")
        files = f"{link}/files"
        eventually(lambda: facility.browser().http.get(files).status_code == 200, 120, "the files can be downloaded")
        assert other.read_text() == "not theirs"
        assert not home.exists()


def test_records_of_a_workshop_are_removed_when_its_days_are_past_and_the_log_stays(facility: Workbench) -> None:
    with given(facility, "Forgotten", temporary_accounts="on", retention="0") as (trainer, id, code):
        Learner(facility.browser(), code).join("temporary", name="Ann", shares_name="yes")
        eventually(lambda: "Ann" in trainer.page(f"/{id}/room"), what="somebody is in the room")
        trainer.act(id, "close")
        ended(facility, id, timedelta(days=2))

        def members() -> int:
            with sqlite3.connect(facility.state / "werkbank.sqlite") as records:
                (count,) = records.execute("select count(*) from workshop_members where workshop = ?", (id,)).fetchone()
                return int(count)

        eventually(lambda: members() == 0, 120, "everybody is forgotten")
        log = facility.browser("admin").http.get(f"{SERVICE}/admin/log", params={"words": id}).text
        assert "workshop.forgotten" in log
        assert not (facility.state / "workshops" / id).exists()


def test_codes_cannot_be_guessed_and_who_has_the_right_one_waits_no_longer_than_a_minute(facility: Workbench) -> None:
    stranger = facility.browser().http
    answers = [stranger.get(f"{SERVICE}/join/guess{number:03}").status_code for number in range(25)]
    assert answers[:15] == [404] * 15
    assert answers[-1] == 429
    page = text_of(stranger.get(f"{SERVICE}/join/guess999").text)
    assert "Too many wrong codes came from here." in page
    assert "Wait a minute" in page


def test_a_temporary_account_gets_nowhere_beside_its_workshop(facility: Workbench) -> None:
    restart(facility)  # the guesses of the test before are forgotten
    with given(facility, "Narrow", temporary_accounts="on") as (trainer, id, code):
        guest = Learner(facility.browser(), code)
        guest.join("temporary")
        for path in ("workshops", f"workshops/{id}", f"workshops/{id}/room", "admin", "admin/log", "admin/settings"):
            assert guest.http.get(f"{SERVICE}/{path}").status_code == 403, path
        assert guest.http.get("/hub/admin").status_code in (403, 404)
        spawn = guest.http.get("/hub/spawn", params={"opt-profile": "large"})
        assert "/lab" not in spawn.url.path
        trainer.act(id, "close")
        eventually(lambda: guest.http.get(f"{SERVICE}/").url.path == "/hub/login", 120, "they are signed out")
