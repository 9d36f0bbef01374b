"""Exercises of lesson A1, "Make a training run that survives a restart".

torch is imported where a judge needs it and not before: a seat without it can still read this module.
"""

from __future__ import annotations

import copy
import math
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from . import Exercise, NotYetError
from .a1_run import PARTS, Run, Student, Trap, go_on, make_run, snapshot, unlike
from .answers import finite_number, require_something


def checkpoint(path: Path, run: Run):
    """Two functions without arguments: one writes all that ``run`` remembers to ``path``, one reads it back into it."""
    import torch

    def save() -> None:
        state = {name: getattr(run, name).state_dict() for name in ("model", "optimizer", "scheduler")}
        state |= {"step": run.step, "random": torch.get_rng_state(), "gpu": torch.cuda.get_rng_state_all()}
        beside = path.with_name(f"{path.name}.part")
        torch.save(state, beside)
        os.replace(beside, path)

    def load() -> None:
        state = torch.load(path, weights_only=True, map_location="cpu")
        for name in ("model", "optimizer", "scheduler"):
            getattr(run, name).load_state_dict(state[name])
        run.step = state["step"]
        torch.set_rng_state(state["random"])
        torch.cuda.set_rng_state_all(state["gpu"])

    return save, load


def judge_checkpoint(answer, rng: np.random.Generator) -> None:
    """A small run that is saved twice and goes on, beside one that is forgotten and comes back from the file."""
    import torch

    with TemporaryDirectory() as folder, torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        path = Path(folder) / "run.pt"
        _judge_resuming(answer, path, rng)
        _judge_trust(answer, path, rng)


def _judge_resuming(answer, path: Path, rng: np.random.Generator) -> None:
    one, two, seed = (int(number) for number in rng.integers(3, 20, size=3))
    undisturbed = make_run(seed)
    go_on(undisturbed, one + two)
    after = go_on(undisturbed, 5)
    run = make_run(seed)
    go_on(run, one)
    save, _ = _two_functions(answer(path, run))
    whole = _saved_twice(save, path, run, two)
    known = snapshot(run)
    if not unlike(go_on(run, 5), after):
        _judge_coming_back(answer, path, known, after)
    else:
        raise NotYetError("A1-1.disturbs")
    if not whole:
        raise NotYetError("A1-1.torn")


def _saved_twice(save, path: Path, run: Run, steps: int) -> bool:
    """Save, go on and save again; whether what was on the disk stayed whole while the second was written."""
    save()
    if not path.exists():
        raise NotYetError("A1-1.no_file")
    with path.open("rb") as first:
        before = first.read()
        go_on(run, steps)
        save()
        first.seek(0)  # who has a file open keeps it when it is replaced, and not when it is overwritten
        return first.read() == before


def _judge_coming_back(answer, path: Path, known: dict, after) -> None:
    """Another run, made after the first was saved, must go on where that one was, to the last bit."""
    path.rename(path.with_name("moved.pt"))  # what is only remembered, and not on the disk, is gone after a restart
    other = make_run(known["seed"] + 1)
    go_on(other, 2)
    save, _ = _two_functions(answer(path, other))
    save()
    fresh = make_run(known["seed"] + 2)
    _, load = _two_functions(answer(path.with_name("moved.pt"), fresh))
    load()
    found = snapshot(fresh)
    if unlike(go_on(fresh, 5), after):
        wrong = next((part for part in PARTS if unlike(found[part], known[part])), "other")
        raise NotYetError(f"A1-1.{wrong}")


def _judge_trust(answer, path: Path, rng: np.random.Generator) -> None:
    """Two files that run a function of their own for who trusts them, written as torch and as pickle do."""
    for write in (Trap.as_torch, Trap.as_pickle):
        trap = Trap()
        write(trap, path)
        _, load = _two_functions(answer(path, make_run(int(rng.integers(100)))))
        with suppress(Exception):  # refusing the file is right, however it is said
            load()
        if trap.sprung:
            raise NotYetError("A1-1.pickle")


def _two_functions(found):
    require_something(found)
    if not isinstance(found, tuple | list) or len(found) != 2 or not all(map(callable, found)):
        raise NotYetError("A1-1.pair")
    return found


def images(files: list[bytes], decode, augment):
    """A function that gives image number i, decoded once and each time augmented anew."""
    decoded = [decode(file) for file in files]

    def image(number: int):
        return augment(decoded[number].clone())

    return image


def judge_images(answer, rng: np.random.Generator) -> None:
    """Three epochs in a random order over more files than a small cache holds."""
    import torch

    count, epochs = int(rng.integers(140, 200)), 3
    files = [rng.bytes(12) for _ in range(count)]
    exact = {file: torch.from_numpy(rng.random((1, 4, 4))) for file in files}
    decoded, given = Counter(), []

    def decode(file):
        decoded[file] += 1
        return exact[file].clone()

    def augment(image):
        given.append(image.clone())
        return image.add_(float(rng.uniform(0.1, 0.2)))

    image = answer(list(files), decode, augment)
    require_something(image)
    if not callable(image):
        raise NotYetError("A1-2.function")
    for number in np.concatenate([rng.permutation(count) for _ in range(epochs)]).tolist():
        before = len(given)
        found = image(number)
        require_something(found)
        _judge_image(found, given[before:], number, [exact[file] for file in files])
    times = sum(decoded.values())
    if times > count:
        raise NotYetError("A1-2.again" if times == epochs * count else "A1-2.forgets", times=times, files=count)


def _judge_image(found, given: list, number: int, exact: list) -> None:
    """One image that came out, and what was given to be augmented for it."""
    import torch

    if not isinstance(found, torch.Tensor) or found.shape != exact[number].shape:
        raise NotYetError("A1-2.image")
    if len(given) != 1:
        raise NotYetError("A1-2.frozen" if not given else "A1-2.twice")
    if not torch.equal(given[0], exact[number]):
        others = any(torch.equal(given[0], other) for other in exact)
        raise NotYetError("A1-2.number" if others else "A1-2.drift", number=number)
    change = found - exact[number]
    if not torch.allclose(change, change.flatten()[0]) or float(change.flatten()[0]) < 0.05:
        raise NotYetError("A1-2.image")


def fit(model, train_epoch, validate, patience: int, most: int) -> float:
    """Train until the loss has not improved for ``patience`` epochs, at most ``most``; the model has its best weights
    again, and their loss is returned.
    """
    best, weights, since = math.inf, None, 0
    for _ in range(most):
        train_epoch()
        loss = validate()
        since += 1
        if loss < best:
            best, weights, since = loss, copy.deepcopy(model.state_dict()), 0
        if since == patience:
            break
    model.load_state_dict(weights)
    return best


def judge_fit(answer, rng: np.random.Generator) -> None:
    """Losses with a best epoch among bad ones, that never stop improving, and that only become worse."""
    patience = int(rng.integers(3, 7))
    best = int(rng.integers(12, 20))
    for losses in (_valley(rng, best, patience), np.linspace(2, 0.5, best), np.linspace(0.5, 2, best)):
        student = Student(losses)
        found = answer(student.model, student.train_epoch, student.validate, patience, len(losses))
        if not student.epochs:
            require_something(found)
        _judge_epochs(student, patience)
        _judge_weights(student)
        _judge_loss(finite_number(math.nan if found is None else found, "A1-3.number"), student)


def _valley(rng: np.random.Generator, best: int, patience: int) -> np.ndarray:
    """Losses that fall to epoch ``best``, with a stay of ``patience`` - 1 epochs on the way, and then rise unevenly."""
    losses = np.linspace(2, 0.5, best)
    losses[4 : 3 + patience] = losses[3] + rng.uniform(0.1, 0.2, patience - 1)
    return np.concatenate([losses, losses[-1] + rng.uniform(0.1, 0.6, 3 * patience)])


def _judge_epochs(student: Student, patience: int) -> None:
    right = min(len(student.losses), student.best + patience)
    values = {"found": student.epochs, "best": student.best, "patience": patience}
    if student.epochs < right:
        raise NotYetError("A1-3.soon", **values)
    if student.epochs > right:
        raise NotYetError("A1-3.late", **values)


def _judge_weights(student: Student) -> None:
    weights, buffers = student.remembered()
    values = {"found": weights, "best": student.best}
    if weights == student.best:
        if buffers != student.best:
            raise NotYetError("A1-3.buffers")
        return
    if weights != student.epochs:
        raise NotYetError("A1-3.other", **values)
    raise NotYetError("A1-3.alias" if student.was_loaded else "A1-3.last", **values)


def _judge_loss(found: float, student: Student) -> None:
    if not np.isclose(found, min(student.losses)):
        raise NotYetError("A1-3.returns", found=found, exact=min(student.losses))


EXERCISES = {  # the first judgement may have to import torch
    "A1-1": Exercise(checkpoint, judge_checkpoint, seconds=5),
    "A1-2": Exercise(images, judge_images, seconds=5),
    "A1-3": Exercise(fit, judge_fit, seconds=5),
}
