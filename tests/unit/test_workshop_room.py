"""The room of a workshop: how somebody is doing, whose hand is first, and that nothing of it is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from hub.db import connect
from hub.workshops.progress import Announced, Learner, Progress, Rows, Tries
from hub.workshops.room import PRESENT_SECONDS, STUCK_SECONDS, WORKING_SECONDS, Report, Room, Rooms, Stage, stage_of

NOW = 1_000_000.0
EXERCISES = ("S1-1", "S1-2")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return connect(f"sqlite:///{tmp_path / 'service.sqlite'}")


def learner(**more: Any) -> Learner:
    return Learner("ann", **{"first": NOW - 600, "last": NOW, "ran": NOW - 600, **more})


def room() -> Room:
    return Room("one", {}, Announced(), lambda *_: None)


def told(ran_ago: float | None = None, is_busy: bool = False, **tries: Tries) -> Report:
    return Report({name.replace("_", "-"): one for name, one in tries.items()}, "S1", ran_ago, is_busy)


@pytest.mark.parametrize(
    ("known", "stage"),
    [
        (None, Stage.ABSENT),
        (Learner("ann"), Stage.ABSENT),
        (learner(), Stage.READING),
        (learner(ran=NOW - WORKING_SECONDS + 1), Stage.WORKING),
        (learner(is_busy=True), Stage.WORKING),
        (learner(last=NOW - PRESENT_SECONDS - 1, is_busy=True), Stage.AWAY),
        (learner(exercises={"S1-1": Tries(3, NOW - 10)}), Stage.STUCK),
        (learner(exercises={"S1-1": Tries(2, NOW - 10)}), Stage.READING),
        (learner(exercises={"S1-1": Tries(9, NOW - 10, NOW - 10)}), Stage.READING),
        (learner(exercises={"S1-1": Tries(9, NOW - STUCK_SECONDS - 1)}), Stage.READING),
        (learner(exercises={one: Tries(1, NOW, NOW) for one in EXERCISES}), Stage.DONE),
        (learner(last=NOW - 9999, exercises={one: Tries(1, NOW, NOW) for one in EXERCISES}), Stage.DONE),
    ],
)
def test_how_somebody_is_doing(known: Learner | None, stage: Stage) -> None:
    assert stage_of(known, EXERCISES, NOW) is stage


def test_nobody_is_done_with_a_workshop_that_has_no_exercises() -> None:
    assert stage_of(learner(), (), NOW) is Stage.READING


def test_a_report_never_takes_back_what_was_passed_or_tried() -> None:
    here = room()
    here.report("ann", told(S1_1=Tries(3, NOW, NOW)), NOW)
    here.report("ann", told(S1_1=Tries(1, NOW - 50)), NOW + 10)
    assert here.learners["ann"].exercises["S1-1"] == Tries(3, NOW, NOW)


def test_presence_counts_the_time_between_reports_and_no_absence() -> None:
    here = room()
    for moment in (0, 30, 60, 60 + PRESENT_SECONDS + 1, 60 + PRESENT_SECONDS + 31):
        here.report("ann", told(), NOW + moment)
    assert here.learners["ann"].present_seconds == 90


def test_hands_wait_in_the_order_in_which_they_went_up() -> None:
    here = room()
    here.raise_hand("bob", None, NOW)
    here.raise_hand("ann", "S1-1", NOW + 1)
    here.raise_hand("bob", "S1-2", NOW + 2)
    assert [(one.user, one.hand_exercise) for one in here.hands()] == [("bob", "S1-2"), ("ann", "S1-1")]
    here.lower_hand("bob")
    assert [one.user for one in here.hands()] == ["ann"]


def test_what_is_written_is_read_again_and_only_what_changed_is_written(engine: Engine) -> None:
    async def use() -> None:
        rooms = Rooms(Progress(engine))
        here = await rooms.of("one")
        here.report("ann", told(S1_1=Tries(2, NOW)), NOW)
        here.raise_hand("ann", "S1-1", NOW)
        here.say("Hello", "trainer", NOW)
        here.pause(True)
        rooms.keep_only(())
        assert await rooms.of("one") is here, "what is not written is kept"
        await rooms.write()
        assert here.unwritten() == ([], False)
        rooms.keep_only(())
        again = await rooms.of("one")
        assert again is not here
        assert again.learners["ann"].exercises == {"S1-1": Tries(2, NOW)}
        assert (again.hands()[0].hand_exercise, again.announced) == ("S1-1", here.announced)
        await rooms.forget("one")
        assert (await rooms.of("one")).learners == {}

    asyncio.run(use())


def test_what_happens_while_it_is_written_is_written_next_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use() -> None:
        progress = Progress(engine)
        rooms = Rooms(progress)
        here = await rooms.of("one")
        here.report("ann", told(S1_1=Tries(1, NOW)), NOW)
        save = progress.save

        def meanwhile(rows: Rows) -> None:
            here.report("ann", told(S1_1=Tries(2, NOW), S1_2=Tries(1, NOW)), NOW)
            save(rows)

        with monkeypatch.context() as patch:
            patch.setattr(progress, "save", meanwhile)
            await rooms.write()
        assert progress.load("one")[0]["ann"].exercises == {"S1-1": Tries(1, NOW)}
        await rooms.write()
        assert progress.load("one")[0]["ann"].exercises == {"S1-1": Tries(2, NOW), "S1-2": Tries(1, NOW)}

    asyncio.run(use())


def test_a_bell_rings_for_whoever_looks_and_tells_whom_it_concerns(engine: Engine) -> None:
    async def use() -> None:
        rooms, heard = Rooms(Progress(engine)), []
        rooms.listeners.append(lambda workshop, user: heard.append((workshop, user)))
        here = await rooms.of("one")
        with here.bell() as bell:
            here.report("ann", told(), NOW)
            assert bell.is_set()
            here.say("Hello", "trainer", NOW)
        assert heard == [("one", "ann"), ("one", "")]

    asyncio.run(use())


def test_what_cannot_be_written_now_is_written_later(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use() -> None:
        progress = Progress(engine)
        rooms = Rooms(progress)
        here = await rooms.of("one")
        here.report("ann", told(), NOW)

        def fails(*_: Any) -> None:
            raise OperationalError("locked", None, Exception("locked"))

        with monkeypatch.context() as patch:
            patch.setattr(progress, "save", fails)
            await rooms.write()
        await rooms.write()
        assert progress.load("one")[0]["ann"].first == NOW

    asyncio.run(use())
