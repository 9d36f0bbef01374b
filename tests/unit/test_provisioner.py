"""Decisions, sentences and kernelspecs of leased kernels, without a kernel."""

from __future__ import annotations

import json
import socket
import string

import pytest
from jupyter_client.kernelspec import NoSuchKernel
from werkbank_kernels import acts, words
from werkbank_kernels.acts import (
    ASK,
    BIND,
    NOTHING,
    PARK,
    RESUME,
    Observed,
    next_act,
    position,
    round_of,
    wanted_binding,
)
from werkbank_kernels.errors import KernelNotStarted
from werkbank_kernels.gate import OPEN, OVER, SHUT, WAITING
from werkbank_kernels.lease import Lease, device_name, waiting_sentence
from werkbank_kernels.specs import CLASSES, SeatKernelSpecManager
from werkbank_kernels.wire import decode, encode, is_own, own_directory

PID = 7
DEVICES = [{"uuid": "GPU-1", "model": "NVIDIA H200"}]


def lease(state: str, epoch: int = 1, since: float = 1.0, **more: object) -> Lease:
    return Lease.from_json({"id": "l", "state": state, "epoch": epoch, "since": since, "title": "H200", **more})


def bound(to: Lease, **more: object) -> Observed:
    seen = {"connected": True, "pid": PID, "asked": True, "bound": wanted_binding(to, PID), "told": (PID, to.id)}
    return Observed(**(seen | more))


READY = Observed(connected=True, pid=PID, asked=True)


@pytest.mark.parametrize(
    ("told", "seen", "act"),
    [
        (None, Observed(), ASK),
        (None, Observed(asked=True), NOTHING),
        (None, Observed(asked=True, wants=True), ASK),
        (lease("queued"), READY, NOTHING),
        (lease("offered"), Observed(asked=True), NOTHING),
        (lease("offered"), READY, BIND),
        (lease("offered"), bound(lease("offered")), BIND),
        (lease("active"), bound(lease("active")), NOTHING),
        (lease("notice"), bound(lease("notice")), NOTHING),
        (lease("active"), bound(lease("active"), told=(6, "l")), BIND),
        (lease("active", environment={"A": "2"}), bound(lease("active")), BIND),
        (lease("parking"), bound(lease("active")), PARK),
        (lease("parking"), bound(lease("active"), done=round_of(lease("parking"))), NOTHING),
        (lease("parking", since=2.0), bound(lease("active"), done=round_of(lease("parking"))), PARK),
        (lease("parked"), bound(lease("active")), NOTHING),
        (lease("resuming"), bound(lease("active"), shut=True), RESUME),
        (lease("released"), bound(lease("active"), wants=True), NOTHING),
    ],
)
def test_one_act_follows_from_lease_and_kernel(told, seen, act):
    assert next_act(told, seen) == act


@pytest.mark.parametrize(
    ("told", "seen", "place"),
    [
        (None, READY, WAITING),
        (None, Observed(cpu=True), OPEN),
        (lease("queued"), READY, WAITING),
        (lease("queued"), Observed(cpu=True), OPEN),
        (lease("offered"), bound(lease("offered")), WAITING),
        (lease("active"), READY, WAITING),
        (lease("active"), bound(lease("active")), OPEN),
        (lease("notice"), bound(lease("notice")), OPEN),
        (lease("active"), bound(lease("active"), shut=True), SHUT),
        (lease("parking"), bound(lease("parking")), OPEN),
        (lease("parking"), bound(lease("parking"), shut=True), SHUT),
        (lease("parked"), bound(lease("parked"), cpu=True), SHUT),
        (lease("resuming"), bound(lease("resuming")), SHUT),
        (lease("a-state-of-tomorrow"), bound(lease("active")), SHUT),
        (lease("expired"), bound(lease("active")), OVER),
        (lease("released"), Observed(cpu=True), OPEN),
        (lease("released"), Observed(cpu=True, has_device=True), OVER),
        (lease("broken"), bound(lease("active")), OPEN),
    ],
)
def test_the_gate_stands_where_lease_and_kernel_put_it(told, seen, place):
    assert position(told, seen) == place


@pytest.mark.parametrize(
    ("late", "known", "older"),
    [
        (lease("active"), lease("parking", since=2.0), True),
        (lease("active", epoch=1, since=9.0), lease("parking", epoch=2), True),
        (lease("active", since=2.0), lease("notice"), False),
        (lease("active", since=9.0), lease("released"), True),
        (lease("queued", place=1), lease("queued", place=2), False),
    ],
)
def test_an_answer_that_was_overtaken_is_known_as_such(late, known, older):
    assert late.is_older_than(known) is older
    assert acts.round_of(late)[0] == "l"


@pytest.mark.parametrize(
    ("told", "silent", "parts"),
    [
        (None, False, ["Asking for a GPU"]),
        (lease("queued"), False, ["Waiting for a GPU (H200).", "not known yet"]),
        (lease("queued", place=2, of=5, estimate_s=7500), False, ["number 2 of 5", "About 2 h 5 min"]),
        (lease("queued", simulated=True), True, ["H200 (simulated)", "does not answer right now"]),
        (lease("offered"), False, ["is free"]),
        (lease("parked"), False, ["getting your GPU back"]),
        (lease("parked", place=1, of=3), False, ["number 1 of 3 in the queue to get your GPU back"]),
        (lease("resuming"), False, ["Getting your GPU back"]),
    ],
)
def test_a_waiting_cell_says_where_things_stand(monkeypatch, told, silent, parts):
    monkeypatch.setenv("WERKBANK_LANGUAGE", "en")
    sentence = waiting_sentence(told, silent)
    assert all(part in sentence for part in parts), sentence
    assert sentence.endswith("Stop the cell to stop waiting.")


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"devices": DEVICES}, "NVIDIA H200"),
        ({"devices": DEVICES, "simulated": True}, "NVIDIA H200 (simulated)"),
        ({"devices": DEVICES * 2}, "2 × NVIDIA H200"),
        ({"devices": [{"uuid": "S", "model": "Simulated GPU"}], "simulated": True}, "Simulated GPU"),
        ({}, "H200"),
    ],
)
def test_a_device_is_called_by_its_name_and_simulated_where_it_is(monkeypatch, more, name):
    monkeypatch.setenv("WERKBANK_LANGUAGE", "en")
    assert device_name(lease("active", **more)) == name


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys_and_placeholders():
    english, dutch = words._words("en"), words._words("nl")
    assert english.keys() == dutch.keys()
    assert {key: placeholders(text) for key, text in english.items()} == {
        key: placeholders(text) for key, text in dutch.items()
    }


def test_dutch_addresses_people_as_je():
    for key, sentence in words._words("nl").items():
        assert not {"u", "uw", "jij"} & set(sentence.lower().replace(",", " ").replace(".", " ").split()) - {"u"} or (
            key == "duration.hours"
        ), key


@pytest.mark.parametrize("wish", ["", "fr", "NL"])
def test_a_language_without_words_is_english(monkeypatch, wish):
    monkeypatch.setenv("WERKBANK_LANGUAGE", wish)
    assert words.language() == "en"


def test_without_gpu_classes_nothing_changes(monkeypatch):
    monkeypatch.delenv(CLASSES, raising=False)
    assert "python3" in SeatKernelSpecManager().get_all_specs()
    assert not [name for name in SeatKernelSpecManager().find_kernel_specs() if name.startswith("python3-")]


def test_each_gpu_class_has_a_python_of_its_own(monkeypatch):
    classes = [{"name": "h200", "title": "H200"}, {"name": "MIG.1g", "title": "Slice", "simulated": True}]
    monkeypatch.setenv(CLASSES, json.dumps(classes))
    monkeypatch.setenv("WERKBANK_LANGUAGE", "nl")
    specs = SeatKernelSpecManager().get_all_specs()
    assert specs["python3-h200"]["spec"]["display_name"] == "Python 3 · H200"
    assert specs["python3-mig.1g"]["spec"]["display_name"] == "Python 3 · Slice (gesimuleerd)"
    assert specs["python3-h200"]["spec"]["metadata"]["kernel_provisioner"] == {
        "provisioner_name": "werkbank",
        "config": {"gpu_class": "h200", "count": 1, "gated": True},
    }
    assert specs["python3-h200"]["resource_dir"] == specs["python3"]["resource_dir"]


@pytest.mark.parametrize(
    "text", ["{", "7", "[7]", '[{"title": "x"}]', '[{"name": "../x"}]', '[{"name": ""}]', '[{"name": 1}]', "null"]
)
def test_gpu_classes_that_cannot_be_read_leave_the_ordinary_kernels(monkeypatch, text):
    monkeypatch.setenv(CLASSES, text)
    manager = SeatKernelSpecManager()
    assert "python3" in manager.get_all_specs()
    assert not [name for name in manager.find_kernel_specs() if name.startswith("python3-")]
    with pytest.raises(NoSuchKernel):
        manager.get_kernel_spec("python3-h200")


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'"lease"', b"{}", b'{"type": 7}', b"\xff\n", b'{"type": null}'])
def test_a_line_that_is_no_message_is_none(line):
    assert decode(line) is None
    assert decode(encode({"type": "ping", "n": 1})) == {"type": "ping", "n": 1}


def test_the_socket_lies_in_a_directory_of_the_users_own(monkeypatch, tmp_path):
    for runtime in (tmp_path / "short", tmp_path / ("long" * 30)):
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
        directory = own_directory()
        assert directory.stat().st_mode & 0o777 == 0o700
        assert len(str(directory / "gate")) < 108
        directory.rmdir()


def test_the_other_end_of_a_socket_is_known_by_its_user(monkeypatch):
    here, there = socket.socketpair()
    with here, there:
        assert is_own(here)
        monkeypatch.setattr("os.getuid", lambda: 4242)
        assert not is_own(here)


def test_a_refusal_is_its_sentence_with_signs_of_percent_and_all():
    problem = KernelNotStarted("100 % of %s is in use.")
    assert str(problem) == problem.log_message == "100 % of %s is in use."
