"""The exercises of each lesson: a reference answer and a judge. One module per lesson, found by the id (``D2-1`` →
``d2``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


class NotYetError(Exception):
    """An answer that does not work yet; ``key`` names the hint (in ``words/``), which says where to look and not what
    to write.
    """

    def __init__(self, key: str, **values) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass(frozen=True)
class Exercise:
    """``judge(answer, rng)`` returns when the answer passes and raises `NotYetError` when it does not.

    ``seconds`` is what judging may compute (judge and answer together) before the answer is taken for one that never
    ends; the reference must stay well below it. Waiting, for workers for example, may take five times as long.
    """

    reference: Any
    judge: Callable
    seconds: float = 2.0


def exercise(ex_id: str) -> Exercise:
    """The exercise ``ex_id`` (``<lesson>-<number>``); raises KeyError when there is none, and ModuleNotFoundError when
    its lesson needs a library that this environment lacks.
    """
    module = f"{__name__}.{ex_id.partition('-')[0].lower()}"
    try:
        return import_module(module).EXERCISES[ex_id]
    except ModuleNotFoundError as missing:
        if missing.name not in (module, __name__):
            raise
    except KeyError:
        pass
    raise KeyError(f"there is no exercise {ex_id!r}")
