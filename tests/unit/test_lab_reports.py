"""In a workshop the seat tells how far its learner is, when it should, and nothing that it should not."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from werkbank_kernels.manager import SeatKernelManager
from werkbank_lab import follow, reports
from werkbank_lab.errors import NoAnswer, Refused
from werkbank_lab.reports import Front, Reports
from werkbank_lab.view import View
from werkbank_lessons.progress import Record

from hub.workshops.learning import ProgressReport

NOW = 1_800_000_000.0
LOG = logging.getLogger("test")
SECRET = "parel"


def workshop(id: str = "class", **more: Any) -> dict[str, Any]:
    return {"id": id, "starts": NOW, "lessons": ["D2", "S1"], "hand": None, "fresh": None} | more


class ScriptedBroker:
    """Remembers what it is told; each answer is the next of the script."""

    def __init__(self, *script: Exception | None) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.script = list(script)

    async def progress(self, id: str, report: dict[str, Any]) -> None:
        self.told.append((id, report))
        if self.script and (problem := self.script.pop(0)) is not None:
            raise problem


class Kernel:
    def __init__(self) -> None:
        self.execution_state = "idle"


class Kernels:
    """A seat's kernels; the notebook of one has a name that nobody outside should learn."""

    def __init__(self) -> None:
        self.cell_ran: float | None = None
        self.kernel = Kernel()

    def list_kernel_ids(self) -> list[str]:
        return [f"{SECRET}.ipynb"]

    def get_kernel(self, _kernel: str) -> Kernel:
        return self.kernel


class Seat:
    """A seat in a workshop, with a clock that stands still."""

    def __init__(self, home: Path, *script: Exception | None) -> None:
        self.now, self.broker, self.kernels, self.front = 1000.0, ScriptedBroker(*script), Kernels(), Front()
        self.path = home / "progress.jsonl"
        self.parts: list[tuple[str, Any]] = []
        self.view = View(lambda part, value: self.parts.append((part, value)))
        broker: Any = self.broker
        keeps = lambda: Record(self.path)  # noqa: E731
        self.reports = Reports(self.kernels, self.front, lambda: broker, LOG, keeps, lambda: self.now)
        self.on(workshop())

    def on(self, *workshops: dict[str, Any]) -> None:
        self.view.put("workshops", {"workshops": list(workshops)})

    def write(self, exercise: str, event: str, at: float = NOW, **more: Any) -> None:
        line = {"at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"), "exercise": exercise}
        with self.path.open("a") as record:
            record.write(json.dumps(line | {"event": event, "language": "en"} | more) + "\n")

    async def look(self, later: float = 0.0) -> list[dict[str, Any]]:
        """What is told, `later` seconds after the last look."""
        self.now += later
        before = len(self.broker.told)
        self.reports.gather(self.view)
        for _turn in range(3):
            await asyncio.sleep(0)
        return [report for _, report in self.broker.told[before:]]


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    return Seat(tmp_path)


async def test_nothing_is_told_or_shown_outside_a_workshop(seat: Seat) -> None:
    seat.on()
    seat.write("D2-1", "passed")
    assert await seat.look() == []
    assert [part for part, _ in seat.parts] == ["workshops", "workshops"]


async def test_tries_and_the_first_pass_of_the_workshops_lessons_are_told(seat: Seat) -> None:
    seat.write("D2-1", "tried", NOW + 5)
    seat.write("D2-1", "tried", NOW + 9)
    seat.write("D2-1", "passed", NOW + 20)
    seat.write("D2-1", "passed", NOW + 90)
    seat.write("D2-2", "tried", NOW + 99)
    seat.write("R1-1", "tried", NOW + 99)
    seat.front.lesson = "D2"
    (report,) = await seat.look()
    assert report["exercises"] == {
        "D2-1": {"tries": 3, "last": NOW + 90, "passed": NOW + 20},
        "D2-2": {"tries": 1, "last": NOW + 99, "passed": None},
    }
    assert report["lesson"] == "D2"
    assert seat.view.get("exercises") == report["exercises"], "the browser is told the same"


async def test_what_was_tried_before_the_seats_opened_does_not_count_but_what_was_passed_does(seat: Seat) -> None:
    long_before = NOW - reports.OPENS_BEFORE_S - 10
    seat.write("D2-1", "tried", long_before)
    seat.write("D2-2", "tried", long_before)
    seat.write("D2-2", "passed", long_before)
    seat.write("D2-3", "tried", NOW - 60)
    (report,) = await seat.look()
    assert report["exercises"] == {
        "D2-2": {"tries": 0, "last": long_before, "passed": long_before},
        "D2-3": {"tries": 1, "last": NOW - 60, "passed": None},
    }


STRANGE = [
    "",
    "{",
    "null",
    "[" * 50_000,
    '{"at": "2027-01-15T08:00:00+00:00", "exercise": "D2-1"}',
    '{"at": "yesterday", "exercise": "D2-1", "event": "tried"}',
    '{"at": 7, "exercise": "D2-1", "event": "tried"}',
    '{"at": "9999-12-31T23:59:59+00:00", "exercise": "D2-1", "event": "tried"}',
    '{"at": "0001-01-01T00:00:00", "exercise": "D2-1", "event": "tried"}',
    '{"at": "2027-01-15T08:00:00+00:00", "exercise": "../../etc", "event": "tried"}',
    '{"at": "2027-01-15T08:00:00+00:00", "exercise": ["D2-1"], "event": "tried"}',
    '{"at": "2027-01-15T08:00:00+00:00", "exercise": "D2-1", "event": "dreamt"}',
    "\x00\ufffd",
]


@pytest.mark.parametrize("line", STRANGE)
async def test_lines_that_cannot_be_read_say_nothing_and_hide_no_others(seat: Seat, line: str) -> None:
    seat.write("S1-1", "tried")
    with seat.path.open("a") as record:
        record.write(line + "\n")
    seat.write("S1-2", "passed")
    (report,) = await seat.look()
    assert list(report["exercises"]) == ["S1-1", "S1-2"]


async def test_the_record_is_read_on_also_from_the_middle_of_a_line_and_anew_where_it_was_replaced(seat: Seat) -> None:
    seat.write("D2-1", "tried")
    line = seat.path.read_text()
    seat.path.write_text(line + line[:20])
    assert (await seat.look())[0]["exercises"]["D2-1"]["tries"] == 1
    with seat.path.open("a") as record:
        record.write(line[20:])
    assert (await seat.look(5))[0]["exercises"]["D2-1"]["tries"] == 2
    seat.path.unlink()
    seat.write("D2-2", "tried")
    assert list((await seat.look(5))[0]["exercises"]) == ["D2-2"]


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every value of a body with its path, ids of exercises as `*`."""
    if not isinstance(value, dict):
        return [(path, value)]
    inside = [(f"{path}/{'*' if path == '/exercises' else key}", one) for key, one in value.items()]
    return [leaf for key, one in inside for leaf in leaves(one, key)]


ALLOWED: dict[str, Callable[[Any], bool]] = {
    "/exercises/*/tries": lambda value: type(value) is int,
    "/exercises/*/last": lambda value: type(value) is float,
    "/exercises/*/passed": lambda value: value is None or type(value) is float,
    "/lesson": lambda value: value is None or bool(re.fullmatch(r"[A-Z]\d{1,3}", value)),
    "/ran_ago": lambda value: value is None or type(value) is float,
    "/busy": lambda value: type(value) is bool,
}


async def test_no_code_no_output_and_no_name_of_a_file_ever_leaves_the_seat(seat: Seat) -> None:
    seat.write("D2-1", "tried", source=SECRET, output=SECRET, path=f"{SECRET}.ipynb")
    seat.write(f"D2-1{SECRET}", "tried")
    seat.write("D2-2", "passed", language=SECRET)
    seat.front.lesson = "S1"
    seat.kernels.kernel.execution_state = "busy"
    (report,) = await seat.look()
    seat.front.lesson = f"{SECRET}.ipynb"
    seat.kernels.kernel.execution_state = SECRET
    (again,) = await seat.look(60)
    for body in (report, again):
        assert {path for path, _ in leaves(body)} == ALLOWED.keys()
        assert [leaf for leaf in leaves(body) if not ALLOWED[leaf[0]](leaf[1])] == []
        assert set(body["exercises"]) == {"D2-1", "D2-2"}
        assert SECRET not in json.dumps(body)
        ProgressReport.model_validate(body)  # which has no place for anything else


async def test_a_change_is_told_at_once_and_silence_is_broken_every_half_minute(seat: Seat) -> None:
    assert len(await seat.look()) == 1
    assert await seat.look(29) == []
    assert len(await seat.look(1)) == 1
    seat.write("D2-1", "tried")
    assert await seat.look(1) == [], "not more often than every two seconds"
    assert len(await seat.look(1)) == 1
    seat.kernels.cell_ran = seat.now
    assert (await seat.look(2))[0]["ran_ago"] == 2.0


async def test_a_long_cell_counts_until_it_ends_and_an_idle_kernel_does_not(seat: Seat) -> None:
    assert (await seat.look())[0]["ran_ago"] is None
    seat.kernels.cell_ran, seat.kernels.kernel.execution_state = seat.now, "busy"
    (report,) = await seat.look(600)
    assert (report["busy"], report["ran_ago"]) == (True, 0.0)
    seat.kernels.kernel.execution_state = "idle"
    (report,) = await seat.look(30)
    assert (report["busy"], report["ran_ago"]) == (False, 30.0)


def test_only_a_cell_that_runs_is_one_that_ran() -> None:
    manager = SeatKernelManager()
    for heartbeat in ("status", "stream", "comm_msg", "kernel_info_reply", "execute_request"):
        manager.track_message_type(heartbeat)
    assert manager.cell_ran is None
    assert manager.track_message_type("execute_input") is False, "as stock"
    assert manager.cell_ran is not None


async def test_a_workshop_that_is_over_is_left_alone_until_the_broker_tells_of_it_again(tmp_path: Path) -> None:
    seat = Seat(tmp_path, Refused(404, "over"))
    assert len(await seat.look()) == 1
    assert await seat.look(600) == []
    seat.on(workshop(hand={"place": 1}))
    assert len(await seat.look(600)) == 1


async def test_a_silent_broker_is_asked_again_less_and_less_often_with_what_is_so_then(tmp_path: Path) -> None:
    gone = NoAnswer("gone")
    seat = Seat(tmp_path, gone, gone, gone)
    assert len(await seat.look()) == 1
    assert await seat.look(follow.FIRST_PAUSE_S / 2) == []
    seat.write("D2-1", "tried")
    (report,) = await seat.look(follow.FIRST_PAUSE_S / 2)
    assert "D2-1" in report["exercises"]
    assert await seat.look(follow.FIRST_PAUSE_S) == []
    assert len(await seat.look(follow.FIRST_PAUSE_S)) == 1
    assert len(await seat.look(follow.LONGEST_PAUSE_S)) == 1
    assert await seat.look(20) == [], "now that it was heard, the next comes when something changes"


async def test_one_report_at_a_time_is_under_way(seat: Seat) -> None:
    answer = asyncio.Event()

    async def slow(id: str, report: dict[str, Any]) -> None:
        seat.broker.told.append((id, report))
        await answer.wait()

    progress: Callable[[str, dict[str, Any]], Awaitable[None]] = slow
    seat.broker.progress = progress  # type: ignore[method-assign,assignment]
    assert len(await seat.look()) == 1
    assert await seat.look(100) == []
    await seat.reports.stop()


async def test_two_workshops_at_once_are_told_each_its_own(seat: Seat) -> None:
    seat.write("D2-1", "tried")
    seat.on(workshop("one", lessons=["D2"]), workshop("two", lessons=["S1"]))
    await seat.look()
    told = {id: list(report["exercises"]) for id, report in seat.broker.told}
    assert told == {"one": ["D2-1"], "two": []}
