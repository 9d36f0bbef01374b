"""Exercises of lesson D1, "Scale out: count heat waves on your first cluster"."""

from __future__ import annotations

import math

import numpy as np

from . import Exercise, NotYetError
from .answers import finite_number, require_something

_BYTES = 4
_MB = 1e6
_NAMES = ("north", "east", "time")


def chunk_count(shape, chunks) -> int:
    """How many chunks an array of ``shape`` has when it is cut in ``chunks`` (sizes per dimension)."""
    return math.prod(math.ceil(size / chunk) for size, chunk in zip(shape, chunks, strict=True))


def judge_chunk_count(answer, rng: np.random.Generator) -> None:
    """Arrays of one to four dimensions: first with a rest along each, then without any."""
    for dimensions in (3, 1, 2, 4):
        shape, chunks = _layout(rng, dimensions)
        _judge_count(answer, shape, chunks)
    shape, chunks = _layout(rng, 2)
    _judge_count(answer, tuple(3 * chunk for chunk in chunks), chunks)


def _layout(rng: np.random.Generator, dimensions: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A shape and chunks that never divide it: each dimension has a rest."""
    chunks = rng.integers(3, 12, dimensions)
    whole = rng.integers(2, 6, dimensions)
    rest = rng.integers(1, chunks)
    return tuple(int(n) for n in whole * chunks + rest), tuple(int(n) for n in chunks)


def _judge_count(answer, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    exact = chunk_count(shape, chunks)
    found = finite_number(answer(shape, chunks), "D1-1.number")
    if found == exact:
        return
    raise NotYetError(_why_count(found, shape, chunks), found=found, shape=shape, chunks=chunks)


def _why_count(found: float, shape: tuple[int, ...], chunks: tuple[int, ...]) -> str:
    pairs = list(zip(shape, chunks, strict=True))
    if found == math.prod(size // chunk for size, chunk in pairs):
        return "D1-1.rest"
    if found == sum(math.ceil(size / chunk) for size, chunk in pairs):
        return "D1-1.sum"
    if found == math.prod(chunks):
        return "D1-1.size"
    ratio = math.prod(shape) / math.prod(chunks)
    return "D1-1.volume" if abs(found - ratio) < 1 else "D1-1.other"


def chunks_for(sizes: dict[str, int], most_mb: float) -> dict[str, int]:
    """Chunk sizes for values of 4 bytes: time whole, tiles of the grid as large as ``most_mb`` MB allow."""
    side = int(math.sqrt(most_mb * _MB / (_BYTES * sizes["time"])))
    return {"north": min(side, sizes["north"]), "east": min(side, sizes["east"]), "time": sizes["time"]}


def judge_chunks_for(answer, rng: np.random.Generator) -> None:
    """Three grids of a few hundred MB, each with another length of time and another limit."""
    for _ in range(3):
        sizes = {
            "north": int(rng.integers(60, 120)),
            "east": int(rng.integers(60, 120)),
            "time": int(rng.integers(9_000, 30_000)),
        }
        _judge_layout(answer, sizes, most_mb=float(rng.integers(8, 40)))


def _judge_layout(answer, sizes: dict[str, int], most_mb: float) -> None:
    found = _sizes(answer(dict(sizes), most_mb), sizes)
    megabytes = math.prod(found.values()) * _BYTES / _MB
    if found["time"] < sizes["time"]:
        raise NotYetError("D1-2.time", found=found["time"], days=sizes["time"])
    if megabytes > most_mb:
        raise NotYetError("D1-2.large", found=megabytes, most=most_mb)
    if megabytes < most_mb / 4:
        count = chunk_count([sizes[name] for name in _NAMES], [found[name] for name in _NAMES])
        raise NotYetError("D1-2.small", found=megabytes, most=most_mb, count=count)


def _sizes(found, sizes: dict[str, int]) -> dict[str, int]:
    """The answer as whole numbers within the array; -1 stands for all, as in Dask."""
    require_something(found)
    if not isinstance(found, dict) or set(found) != set(_NAMES):
        raise NotYetError("D1-2.names")
    checked = {}
    for name in _NAMES:
        value = finite_number(found[name], "D1-2.whole")
        if value != int(value) or not (value == -1 or value >= 1):
            raise NotYetError("D1-2.whole")
        checked[name] = sizes[name] if value == -1 else min(int(value), sizes[name])
    return checked


def run(start, work, most: int):
    """Start a cluster, adapt it between 0 and ``most`` workers, and return what ``work`` makes of its client; the
    cluster is closed whatever happens.
    """
    cluster = start()
    try:
        cluster.adapt(minimum=0, maximum=most)
        return work(cluster.get_client())
    finally:
        cluster.close()


class PlannedFailureError(Exception):
    """The error with which the work of the judge fails."""


class _Client:
    """What a cluster in a diary hands out."""

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()

    def close(self) -> None:
        """Clients may be closed; nothing depends on it."""


class _Cluster:
    """A cluster that starts no process and remembers what it was asked."""

    def __init__(self) -> None:
        self.client = _Client()
        self.bounds: tuple | None = None
        self.closed = False

    def __enter__(self) -> _Cluster:
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()

    def adapt(self, minimum=0, maximum=None, **more) -> None:
        self.bounds = (minimum, maximum)

    def scale(self, n=None, **more) -> None:
        self.bounds = None

    def get_client(self, **more) -> _Client:
        return self.client

    def close(self, **more) -> None:
        self.closed = True

    shutdown = close


def judge_run(answer, rng: np.random.Generator) -> None:
    """Once with work that succeeds, once with work that fails; what was started must be closed both times."""
    most = int(rng.integers(2, 9))
    _judge_success(answer, most, float(rng.normal()))
    _judge_failure(answer, most)


def _judge_success(answer, most: int, value: float) -> None:
    started, used = [], []

    def work(client) -> float:
        used.append((client, started[-1].bounds if started else None, bool(started) and started[-1].closed))
        return value

    result = answer(_starter(started), work, most)
    if result is Ellipsis or (result is None and not started):
        raise NotYetError("check.nothing")
    if len(started) != 1 or len(used) != 1:
        raise NotYetError("D1-3.once", clusters=len(started), works=len(used))
    client, bounds, closed = used[0]
    if client is not started[0].client:
        raise NotYetError("D1-3.client")
    if closed:
        raise NotYetError("D1-3.early")
    if bounds != (0, most):
        raise NotYetError("D1-3.adapt")
    if not started[0].closed:
        raise NotYetError("D1-3.open")
    if not (isinstance(result, float) and result == value):
        raise NotYetError("D1-3.result")


def _judge_failure(answer, most: int) -> None:
    started: list[_Cluster] = []

    def work(client) -> None:
        raise PlannedFailureError

    try:
        answer(_starter(started), work, most)
    except PlannedFailureError:
        arrived = True
    else:
        arrived = False
    if not all(cluster.closed for cluster in started):
        raise NotYetError("D1-3.failed")
    if not arrived:
        raise NotYetError("D1-3.silent")


def _starter(started: list[_Cluster]):
    def start() -> _Cluster:
        started.append(_Cluster())
        return started[-1]

    return start


EXERCISES = {
    "D1-1": Exercise(chunk_count, judge_chunk_count),
    "D1-2": Exercise(chunks_for, judge_chunks_for),
    "D1-3": Exercise(run, judge_run),
}
