"""What the judges of lesson A1 try answers on: a small training run, a model whose losses are known beforehand, and
files that must not be trusted.

torch is imported where it is needed and not before: a seat without it can still read this module.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from . import NotYetError

PARTS = ("step", "model", "optimizer", "scheduler", "random")  # what a run remembers


@dataclass
class Run:
    """As in the lesson: a model, an optimizer, a scheduler, and the number of steps done."""

    model: Any
    optimizer: Any
    scheduler: Any
    step: int = 0
    seed: int = 0


def make_run(seed: int) -> Run:
    """A small network with dropout, on the GPU where there is one, and torch's random numbers begun with ``seed``."""
    import torch

    torch.manual_seed(seed)
    layers = torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(8, 3)
    model = torch.nn.Sequential(*layers).to("cuda" if torch.cuda.is_available() else "cpu")
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    return Run(model, optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60), seed=seed)


def go_on(run: Run, steps: int):
    """Train ``steps`` steps more, on inputs that depend on the number of the step; the weights then, in one tensor."""
    import torch

    run.model.train()
    weights = list(run.model.parameters())
    for _ in range(steps):
        numbers = np.random.default_rng(run.step).normal(size=(9, 6))
        inputs = torch.tensor(numbers, dtype=torch.float32, device=weights[0].device)
        run.optimizer.zero_grad()
        run.model(inputs).square().mean().backward()
        run.optimizer.step()
        run.scheduler.step()
        run.step += 1
    return torch.nn.utils.parameters_to_vector(weights).detach().clone()


def snapshot(run: Run) -> dict[str, Any]:
    """Copies of all that ``run`` remembers, by the names in `PARTS`; and its seed."""
    import torch

    parts = {name: copy.deepcopy(getattr(run, name).state_dict()) for name in ("model", "optimizer", "scheduler")}
    random = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
    return {"step": run.step, "random": random, "seed": run.seed, **parts}


def unlike(one: Any, other: Any) -> bool:
    """Whether two nested states differ in a single bit."""
    import torch

    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return not torch.equal(one.cpu(), other.cpu())
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() != other.keys() or any(unlike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) != len(other) or any(map(unlike, one, other))
    return bool(one != other)


class Trap:
    """Writes files that run a function of ours when they are loaded without care: ``sprung`` tells whether it ran."""

    _sprung: ClassVar[set[int]] = set()
    _numbers: ClassVar[Iterator[int]] = count()

    def __init__(self) -> None:
        self._number = next(self._numbers)

    @property
    def sprung(self) -> bool:
        return self._number in self._sprung

    def __reduce__(self):
        return _spring, (self._number,)

    def as_torch(self, path: Path) -> None:
        import torch

        torch.save({"model": self}, path)

    def as_pickle(self, path: Path) -> None:
        path.write_bytes(pickle.dumps({"model": self}, protocol=2))


def _spring(trap: int) -> None:
    Trap._sprung.add(trap)


class Student:
    """A model whose weights and running means are the number of the epoch, and whose losses are known beforehand."""

    def __init__(self, losses: Sequence[float]) -> None:
        import torch

        self.losses = [float(loss) for loss in losses]
        self.best = 1 + int(np.argmin(self.losses))
        self.epochs = 0
        self.was_loaded = False
        self.model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        load = self.model.load_state_dict

        def noted(*state, **options):
            self.was_loaded = True
            return load(*state, **options)

        self.model.load_state_dict = noted

    def train_epoch(self) -> None:
        import torch

        if self.epochs == len(self.losses):
            raise NotYetError("A1-3.most", most=len(self.losses))
        self.epochs += 1
        with torch.no_grad():
            for values in (*self.model.parameters(), self.model[1].running_mean):
                values.fill_(self.epochs)

    def validate(self) -> float:
        return self.losses[min(max(self.epochs, 1), len(self.losses)) - 1]

    def remembered(self) -> tuple[int, int]:
        """The epoch that the weights are of, and the one that the running means are of."""
        return int(self.model[0].weight[0, 0]), int(self.model[1].running_mean[0])
