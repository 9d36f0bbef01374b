"""What the actuator accepts as a request, and how its journal keeps what it is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from werkbank_kernels.parking.journal import INTENT, RESULT, Entry, Journal, LeaseBusy
from werkbank_kernels.parking.processes import boot_id
from werkbank_kernels.parking.requests import BadRequest, id_of, parse

PARK: dict[str, Any] = {
    "id": 1,
    "act": "park",
    "lease": "l-1",
    "epoch": 3,
    "pid": 4242,
    "pid_started": "123456",
    "devices": ["GPU-a0000000-0000-4000-8000-000000000000"],
}


def line(**changes: Any) -> bytes:
    return json.dumps(PARK | changes).encode()


def test_a_proper_request_is_understood() -> None:
    request = parse(line(modules=["torch"], lock_timeout_s=0.5, host_budget=0))
    assert (request.act, request.pid, request.modules, request.host_budget) == ("park", 4242, ("torch",), 0)


HOSTILE: list[dict[str, Any]] = [
    {"act": "kill"},
    {"act": ["park"]},
    {"act": None},
    {"id": None},
    {"id": {"a": 1}},
    {"id": True},
    {"lease": ""},
    {"lease": "../../etc/passwd"},
    {"lease": "a/b"},
    {"lease": "a" * 65},
    {"lease": "l\n"},
    {"lease": 7},
    {"epoch": -1},
    {"epoch": "3"},
    {"epoch": 1.5},
    {"epoch": True},
    {"pid": 0},
    {"pid": -1},
    {"pid": 1},
    {"pid": 2**40},
    {"pid": "4242"},
    {"pid": True},
    {"pid": None},
    {"pid_started": 123456},
    {"pid_started": ""},
    {"pid_started": "12x"},
    {"pid_started": "١٢"},
    {"devices": []},
    {"devices": "GPU-a0000000"},
    {"devices": {"GPU-a0000000": 1}},
    {"devices": ["all"]},
    {"devices": [["GPU-a0000000"]]},
    {"devices": ["GPU-a0000000,GPU-b0000000"]},
    {"modules": "cudf"},
    {"modules": [1]},
    {"modules": ["x" * 201]},
    {"lock_timeout_s": 0},
    {"lock_timeout_s": -1},
    {"lock_timeout_s": 601},
    {"lock_timeout_s": float("nan")},
    {"lock_timeout_s": float("inf")},
    {"lock_timeout_s": "10"},
    {"host_reserve": -1},
    {"host_reserve": 2**70},
    {"host_budget": "lots"},
    {"driver": "none"},
    {"of": "kill"},
    {"migration": "yes"},
    {"migration": 1},
    {"migration": None},
    {"surprise": 1},
]


@pytest.mark.parametrize("changes", HOSTILE, ids=json.dumps)
def test_a_request_that_is_not_exactly_right_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        parse(line(**changes))


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'"park"', b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b"{}", b"NaN"]
)
def test_a_line_that_is_no_object_is_refused_and_has_no_id(text: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(text)
    assert id_of(text) is None


def test_a_refusal_can_find_its_asker() -> None:
    assert id_of(line(act="kill")) == 1


def entry(**changes: Any) -> Entry:
    known: dict[str, Any] = {"lease": "l-1", "epoch": 1, "act": "park", "step": "lock", "stage": INTENT}
    return Entry(**known | {"pid": 5, "pid_started": "9", "boot_id": boot_id()} | changes)


def test_an_entry_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = Journal(tmp_path).write(entry(devices={"GPU-a": 5, "GPU-b": 7}))
    assert Journal(tmp_path).read("l-1") == written
    assert written.bytes == 12
    assert written.time > 0


def test_an_entry_names_the_new_devices_once_its_restore_worked() -> None:
    moves = {"GPU-a": "GPU-b", "GPU-b": "GPU-a", "GPU-c": "GPU-c"}
    before = entry(devices={"GPU-a": 5, "GPU-c": 7}, leased=["GPU-c", "GPU-a"], moves=moves)
    after = before.moved()
    assert (after.devices, after.leased, after.moves) == ({"GPU-b": 5, "GPU-c": 7}, ["GPU-c", "GPU-b"], {})
    assert after.moved() == after


def test_an_entry_of_before_there_were_moves_can_be_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(entry())
    path = journal.folder / "l-1.json"
    old = {name: value for name, value in json.loads(path.read_text()).items() if name not in ("leased", "moves")}
    path.write_text(json.dumps(old))
    found = journal.read("l-1")
    assert found
    assert (found.leased, found.moves) == ([], {})


def test_a_request_moves_nobody_unless_it_says_so() -> None:
    assert not parse(line()).migration
    assert parse(line(migration=True)).migration


def test_only_intents_are_unfinished(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(entry())
    journal.write(entry(lease="l-2", stage=RESULT))
    assert journal.unfinished() == ["l-1"]


def test_entries_of_another_boot_are_not_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(entry())
    journal.folder.rename(tmp_path / "11111111-2222-3333-4444-555555555555")
    assert Journal(tmp_path).read("l-1") is None


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"lease": "l-1"}', '{"what": 1}', "\x00" * 64])
def test_a_damaged_entry_says_nothing(tmp_path: Path, damage: str) -> None:
    journal = Journal(tmp_path)
    (journal.folder / "l-1.json").write_text(damage)
    assert journal.read("l-1") is None
    assert journal.unfinished() == []


def test_a_lease_is_in_one_pair_of_hands(tmp_path: Path) -> None:
    with Journal(tmp_path).hold("l-1"):
        with pytest.raises(LeaseBusy), Journal(tmp_path).hold("l-1"):
            pass
        with Journal(tmp_path).hold("l-2"):
            pass
    with Journal(tmp_path).hold("l-1"):
        pass
