"""Answers that no lesson expects; every judge must survive each."""

from __future__ import annotations

import time

import numpy as np
import xarray as xr


def for_ever(*_arguments):
    while True:
        pass


def for_ever_whatever_comes(*_arguments):
    while True:
        try:
            sum(range(1000))
        except:  # noqa: E722
            continue


def for_ever_asleep(*_arguments):
    time.sleep(600)


def ends_the_kernel(*_arguments):
    raise SystemExit(1)


def looks_like_an_interrupt(*_arguments):
    raise KeyboardInterrupt


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def breaks_without_words(*_arguments):
    raise Unprintable


def calls_itself(*arguments):
    return calls_itself(*arguments)


def generates(*_arguments):
    yield 1.0


def scribbles(*arguments):
    for value in arguments:
        if isinstance(value, xr.DataArray | np.ndarray):
            value[:] = 0
        elif isinstance(value, list | dict):
            value.clear()
    return arguments[0]


def raises(*_arguments):
    raise RuntimeError("by accident")


def prints_a_megabyte(*_arguments):
    print("x" * 1_000_000)


STRANGE = {
    "nothing": None,
    "dots": ...,
    "a string": "np.mean",
    "a number": 3.0,
    "not a number": float("nan"),
    "a generator": (number for number in range(3)),
    "a class": dict,
    "returns a string": lambda *_arguments: "twelve",
    "returns not a number": lambda *_arguments: float("nan"),
    "returns an array of no size": lambda *_arguments: np.array([]),
    "returns one axis too many": lambda *_arguments: np.zeros((2, 3, 4, 5)),
    "returns a generator": generates,
    "returns itself": lambda *_arguments: generates,
    "takes nothing": lambda: 1,
    "calls itself": calls_itself,
    "ends the kernel": ends_the_kernel,
    "looks like an interrupt": looks_like_an_interrupt,
    "breaks without words": breaks_without_words,
    "returns dots": lambda *_arguments: ...,
    "returns a matrix": lambda *_arguments: np.ones((2, 2)),
    "returns a dictionary": lambda *_arguments: {"answer": 42},
    "returns what it got": lambda *arguments: arguments,
    "raises": raises,
    "prints a megabyte": prints_a_megabyte,
    "scribbles": scribbles,
}
