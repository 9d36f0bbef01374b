"""Lesson A1: its judges know right from wrong however it is written, a kernel that is restarted leaves a run that goes
on to the last bit, and its numbers hold for other seeds too.
"""

from __future__ import annotations

import copy
import io
import math
import os
import pickle
import re
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from jupyter_client.manager import start_new_kernel
from werkbank_lessons import words
from werkbank_lessons.exercises.a1 import checkpoint, fit, images
from werkbank_lessons.exercises.a1_run import Student, Trap, go_on, make_run, unlike

from tutorials.build import variants
from tutorials.build.notebooks import lesson_cells

from .lesson_support import answer_of, judged, promised, wrong_cells

EXERCISES = ["A1-1", "A1-2", "A1-3"]
SEEDS = range(3)


def cells_of(*lids):
    """The solved lesson's code in these cells."""
    texts = {cell.lid: cell.text for cell in variants.solved(lesson_cells("A1", "en")) if cell.kind == "code"}
    return [texts[lid] for lid in lids]


@pytest.fixture(scope="module")
def write_whole():
    names = {"os": os, "torch": torch}
    exec(cells_of("file-write")[0], names)
    return names["write_whole"]


def in_a_list(path, run):
    parts = [run.model, run.optimizer, run.scheduler]

    def save():
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            torch.save([[part.state_dict() for part in parts], run.step, torch.random.get_rng_state()], file)
        Path(file.name).replace(path)

    def load():
        states, run.step, random = torch.load(path, weights_only=True)
        for part, state in zip(parts, states, strict=True):
            part.load_state_dict(state)
        torch.random.set_rng_state(random)

    return [save, load]


def with_new_objects(path, run):
    """The optimizer and the scheduler are made anew, as a script does that begins with the file."""
    save, _ = checkpoint(path, run)

    def load():
        state = torch.load(path)
        run.model.load_state_dict(state["model"])
        run.optimizer = torch.optim.AdamW(run.model.parameters())
        run.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(run.optimizer, 1)
        run.optimizer.load_state_dict(state["optimizer"])
        run.scheduler.load_state_dict(state["scheduler"])
        run.step = state["step"]
        torch.set_rng_state(state["random"])

    return save, load


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("answer", [in_a_list, with_new_objects])
def test_a_checkpoint_in_another_form_passes_too(answer, seed):
    assert judged("A1-1", answer, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_images_that_are_remembered_when_first_asked_for_pass_too(seed):
    def by_number(files, decode, augment):
        known = {}

        def image(number):
            if number not in known:
                known[number] = decode(files[number])
            return augment(copy.deepcopy(known[number]))

        return image

    def by_file(files, decode, augment):
        remembered = lru_cache(maxsize=None)(decode)
        return lambda number: augment(remembered(files[number]).clone())

    def in_one_tensor(files, decode, augment):
        decoded = torch.stack([decode(file) for file in files])
        return lambda number: augment(decoded[[number]][0])

    for answer in (by_number, by_file, in_one_tensor):
        assert judged("A1-2", answer, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_best_state_kept_in_a_file_or_tensor_by_tensor_passes_too(seed):
    def in_a_file(model, train_epoch, validate, patience, most):
        losses, file = [], io.BytesIO()
        while len(losses) < most and len(losses) - (np.argmin(losses) + 1 if losses else 0) < patience:
            train_epoch()
            losses.append(validate())
            if losses[-1] == min(losses):
                file = io.BytesIO()
                torch.save(model.state_dict(), file)
        file.seek(0)
        model.load_state_dict(torch.load(file))
        return np.min(losses)

    def by_tensor(model, train_epoch, validate, patience, most):
        best, since, kept = None, 0, {}
        for _ in range(most):
            if since == patience:
                break
            train_epoch()
            loss = validate()
            since += 1
            if best is None or loss < best:
                best, since = loss, 0
                kept = {name: value.clone() for name, value in model.state_dict().items()}
        for name, value in model.state_dict().items():
            value.copy_(kept[name])
        return torch.tensor(best)

    assert judged("A1-3", in_a_file, seed) is None
    assert judged("A1-3", by_tensor, seed) is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cell", wrong_cells("A1"))
def test_each_typical_mistake_gets_its_own_hint(cell, seed, write_whole):
    answer = answer_of(cell, torch=torch, math=math, copy=copy, write_whole=write_whole)
    assert judged(cell.exercise, answer, seed) == cell.more["hint"]


def forgetting(part):
    """A checkpoint as it should be, but for one thing that its load leaves out."""

    def answer(path, run):
        save, load = checkpoint(path, run)

        def partly():
            before = copy.deepcopy(run.model.state_dict())
            random, step, optimizer = torch.get_rng_state(), run.step, copy.deepcopy(run.optimizer.state_dict())
            load()
            if part == "model":
                run.model.load_state_dict(before)
            elif part == "optimizer":
                run.optimizer.load_state_dict(optimizer)
            elif part == "step":
                run.step = step
            elif part == "random":
                torch.set_rng_state(random)

        return save, partly

    return answer


def nothing_written(path, run):
    return lambda: None, lambda: None


def shaken(path, run):
    save, load = checkpoint(path, run)
    return lambda: (save(), torch.rand(1)), load


def under_a_name_of_its_own(path, run):
    save, load = checkpoint(path.with_name("only.pt"), run)
    return lambda: (save(), path.touch()), load


def with_more(path, run):
    save, load = checkpoint(path, run)
    return save, lambda: (load(), run.optimizer.param_groups[0].update(betas=(0.5, 0.5)))


def pickled(path, run):
    save, _ = checkpoint(path, run)

    def write():
        save()
        state = torch.load(path)
        beside = path.with_name("beside")
        beside.write_bytes(pickle.dumps(state))
        beside.replace(path)

    def load():
        state = pickle.loads(path.read_bytes())
        torch.save(state, path)
        checkpoint(path, run)[1]()

    return write, load


def with_a_small_cache(files, decode, augment):
    remembered = lru_cache(maxsize=100)(decode)
    return lambda number: augment(remembered(files[number]).clone())


def twice_augmented(files, decode, augment):
    image = images(files, decode, augment)
    return lambda number: augment(image(number))


def shifted(files, decode, augment):
    image = images(files, decode, augment)
    return lambda number: image(number - 1)


def too_patient(model, train_epoch, validate, patience, most):
    return fit(model, train_epoch, validate, patience + 1, most)


def never_patient(model, train_epoch, validate, patience, most):
    return fit(model, train_epoch, validate, math.inf, most)


def beyond(model, train_epoch, validate, patience, most):
    return fit(model, train_epoch, validate, math.inf, most + 1)


def highest(model, train_epoch, validate, patience, most):
    return fit(model, train_epoch, lambda: -validate(), patience, most)


def without_a_word(*given):
    fit(*given)


def the_first(model, train_epoch, validate, patience, most):
    kept = {}

    def train_and_keep():
        train_epoch()
        kept.setdefault("state", copy.deepcopy(model.state_dict()))

    best = fit(model, train_and_keep, validate, patience, most)
    model.load_state_dict(kept["state"])
    return best


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("ex_id", "mine", "hint"),
    [
        *[("A1-1", forgetting(part), f"A1-1.{part}") for part in ("step", "model", "optimizer", "random")],
        ("A1-1", nothing_written, "A1-1.no_file"),
        ("A1-1", lambda path, run: checkpoint, "A1-1.pair"),
        ("A1-1", lambda path, run: (path, run), "A1-1.pair"),
        ("A1-1", under_a_name_of_its_own, "A1-1.step"),
        ("A1-1", shaken, "A1-1.disturbs"),
        ("A1-1", with_more, "A1-1.optimizer"),
        ("A1-1", pickled, "A1-1.pickle"),
        ("A1-2", lambda files, decode, augment: decode(files[0]), "A1-2.function"),
        ("A1-2", lambda files, decode, augment: lambda number: "image", "A1-2.image"),
        ("A1-2", lambda files, decode, augment: lambda number: decode(files[number]), "A1-2.frozen"),
        ("A1-2", with_a_small_cache, "A1-2.forgets"),
        ("A1-2", twice_augmented, "A1-2.twice"),
        ("A1-2", shifted, "A1-2.number"),
        ("A1-3", too_patient, "A1-3.late"),
        ("A1-3", never_patient, "A1-3.late"),
        ("A1-3", beyond, "A1-3.most"),
        ("A1-3", highest, "A1-3.soon"),
        ("A1-3", without_a_word, "A1-3.number"),
        ("A1-3", the_first, "A1-3.other"),
        ("A1-3", lambda *given: -fit(*given), "A1-3.returns"),
    ],
)
def test_other_mistakes_are_named_too(ex_id, mine, hint, seed):
    assert judged(ex_id, mine, seed) == hint


def test_a_trap_springs_for_who_trusts_it_and_only_then(tmp_path):
    trap, other = Trap(), Trap()
    trap.as_torch(tmp_path / "trap.pt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "trap.pt", weights_only=True)
    assert not trap.sprung
    torch.load(tmp_path / "trap.pt", weights_only=False)
    assert trap.sprung
    assert not other.sprung


def test_judging_leaves_the_learners_random_numbers_as_they_were():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    assert judged("A1-1", checkpoint, 1) is None
    assert torch.equal(torch.rand(3), expected)


def test_a_run_is_the_same_for_the_same_seed_and_another_for_another():
    assert not unlike(go_on(make_run(1), 8), go_on(make_run(1), 8))
    assert unlike(go_on(make_run(1), 8), go_on(make_run(2), 8))


def test_a_student_has_the_weights_of_its_epoch():
    student = Student([3, 1, 2])
    student.train_epoch()
    student.train_epoch()
    assert (student.best, student.validate(), student.remembered()) == (2, 1, (2, 2))


def test_a_seat_without_torch_can_read_the_exercises():
    code = "import sys; sys.modules['torch'] = None; from werkbank_lessons.exercises import exercise; exercise('A1-1')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


NEEDED = ("setup", "ends-device", "loop-data", "loop-model", "loop-steps", "file-write", "state-solution")
COMPARE = """
undisturbed = new_run(SEED)
for _ in steps(undisturbed, STEPS):
    pass
came_back = train(Path("run.pt"))
vectors = [nn.utils.parameters_to_vector(one.model.parameters()) for one in (undisturbed, came_back)]
print("EQUAL" if torch.equal(*vectors) else "DIFFERENT", came_back.step == STEPS)
"""


def test_a_kernel_that_is_restarted_in_the_middle_leaves_a_run_that_goes_on_to_the_last_bit(tmp_path, fonts):
    begin = "\n".join([*cells_of(*NEEDED), "checkpoint = my_checkpoint", *cells_of("signal-class")])
    begin = begin.replace("EPOCHS, BATCH = 10", "EPOCHS, BATCH = 15").replace("step % 50 == 0", "step == 50")
    written = tmp_path / "run.pt"
    environment = os.environ | {"MPLCONFIGDIR": str(fonts)}
    manager, client = start_new_kernel(startup_timeout=120, cwd=str(tmp_path), env=environment)
    try:
        assert client.execute(begin, reply=True, timeout=240)["content"]["status"] == "ok"
        client.execute("train(Path('run.pt'))")
        deadline = time.monotonic() + 120
        while not written.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        manager.restart_kernel()
        client.wait_for_ready(timeout=120)
        assert 50 < torch.load(written, weights_only=True)["step"] < 300
        assert client.execute(begin, reply=True, timeout=240)["content"]["status"] == "ok"
        said = []
        client.execute_interactive(COMPARE, timeout=240, output_hook=partial(_note, said))
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    assert "the run goes on after step" in "".join(said)
    assert "EQUAL True" in "".join(said)


def _note(said, message):
    said.append(message["content"].get("text", "") + "\n".join(message["content"].get("traceback", [])))


@pytest.fixture
def as_torch_was():
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_numbers_and_what_the_text_says_of_them_hold_for_other_seeds(
    seed, tmp_path, monkeypatch, as_torch_was, learner
):
    names, text = {}, io.StringIO()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WERKBANK_STRICT", "1")
    monkeypatch.setattr(words, "_chosen", "en")
    with redirect_stdout(text):
        for cell in variants.solved(lesson_cells("A1", "en")):
            if cell.kind == "code" and "figure" not in cell.tags:
                exec(cell.text.replace("SEED = 1", f"SEED = {seed}"), names)
    assert names["SEED"] == seed
    promised("A1", text.getvalue(), "en")
    assert text.getvalue().count("✔") == 3
    assert list(tmp_path.glob("A1-*")) == []
    losses = {count: [loss for _, loss, _ in seen] for count, seen in names["forgetful"].items()}
    unbroken = [loss for _, loss, _ in names["unbroken"]]
    assert max(losses[1][:20]) > 1.3 * max(unbroken)
    assert losses[1][-1] < 1.15 * unbroken[-1]
    assert names["seconds_before"]["decode_scan"] > names["seconds_before"]["learn"]
    right = [float(found) for found in re.findall(r"right, with the \w+ weights: ([\d.]+)", text.getvalue())]
    assert right[0] > right[1]
    assert names["learned"][-1] < names["learned"][int(np.argmin(names["curve"]))]
    assert stopped_at(names["curve"], patience=2) < 1 + int(np.argmin(names["curve"]))


def stopped_at(curve, patience):
    """The best epoch for who stops after ``patience`` epochs without a better one."""
    best = 0
    for epoch, loss in enumerate(curve):
        if loss < curve[best]:
            best = epoch
        if epoch - best == patience:
            break
    return best + 1
