"""A year of ended leases as a facility leaves them: with their holdings, without their steps; and its ledger."""

import json
import multiprocessing
import os
import random
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Table

from hub.accounting import tables as books
from hub.accounting.ledger import VERSION, SumKey, piece_row, sum_row, summed
from hub.accounting.model import DAY, NOTHING, Amounts, Holding, LeaseFacts
from hub.accounting.pieces import pieces_of
from hub.bench.use.shelves import Pour, poured
from hub.db import Base
from hub.leases import tables

BATCH = 50_000
"""Leases that are made at once."""
CLASSES = ("h200", "h200-mig-1g", "a100", "l40s")
LIVES = (300.0, 1800.0, 7200.0, 28_800.0)
"""Seconds that leases last, each as often."""
SEED = 11
PROFILE = "medium"
NOTEBOOKS = tuple(f"work/{number}.ipynb" for number in range(7))
_RECORDS = {notebook: json.dumps({"holder": notebook, "profile": PROFILE}) for notebook in NOTEBOOKS}


@dataclass(frozen=True)
class Year:
    """How much there is of everything."""

    leases: int
    users: int
    devices: int
    programmes: tuple[str, ...]
    start: float
    """Unix seconds."""
    days: int = 365


@dataclass(frozen=True)
class Shelf:
    """The two databases of one workbench; they may be one."""

    leases: Engine
    ledger: Engine


def user_name(number: int) -> str:
    """The user with this number; low numbers use more."""
    return f"user-{number:05}"


@dataclass(frozen=True)
class Made:
    """Rows of some leases, and what came to whom of those that are counted."""

    leases: list[tuple[Any, ...]]
    holdings: list[tuple[Any, ...]]
    pieces: list[tuple[Any, ...]]
    sums: dict[SumKey, Amounts]


def fill(shelves: Sequence[Shelf], year: Year, counted: int) -> None:
    """Write the year's leases to each, and the ledger of the first `counted` of them, as if it had counted those.

    Leases end in the order of their numbers. Pieces and sums are made by the ledger's own functions, by all cores.
    """
    with ExitStack() as stack:
        to_leases = [stack.enter_context(poured(shelf.leases, tables.metadata)) for shelf in shelves]
        to_ledger = [stack.enter_context(poured(shelf.ledger, Base.metadata)) for shelf in shelves]
        sums: dict[SumKey, Amounts] = defaultdict(lambda: NOTHING)
        for some in _all(year, counted):
            _pour(to_leases, tables.leases, some.leases)
            _pour(to_leases, tables.holdings, some.holdings)
            _pour(to_ledger, books.pieces, some.pieces)
            for key, amounts in some.sums.items():
                sums[key] += amounts
        _pour(to_ledger, books.sums, sorted(sum_row(key, amounts) for key, amounts in sums.items()))
        until = _ended(year, counted - 1)
        _pour(to_ledger, books.marks, [("version", VERSION), ("leases", until), ("counted", counted)])


def ended(year: Year) -> Made:
    """All leases of a small year, of which none is counted."""
    return _made(year, 0, 0)


def _all(year: Year, counted: int) -> Iterator[Made]:
    """Batch by batch in their order; no more are under way than are written soon."""
    firsts = list(range(0, year.leases, BATCH))
    if len(firsts) == 1:
        yield _made(year, 0, counted)
        return
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        under_way: deque[Future[Made]] = deque()
        for first in firsts:
            under_way.append(pool.submit(_made, year, first, counted))
            if len(under_way) > workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _made(year: Year, first: int, counted: int) -> Made:
    """One batch, the same each time."""
    dice = random.Random(SEED + first)  # noqa: S311  # no secret
    numbers = range(first, min(year.leases, first + BATCH))
    some = [_lease(year, number, dice) for number in numbers]
    known = some[: max(0, counted - first)]
    pieces = [piece for lease, held in known for piece in pieces_of(lease, [held])]
    return Made(
        leases=[_lease_row(lease) for lease, _held in some],
        holdings=[_holding_row(number, *one) for number, one in zip(numbers, some, strict=True)],
        pieces=[piece_row(piece) for piece in pieces],
        sums=summed(pieces),
    )


def _pour(pours: Sequence[Pour], table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    for pour in pours:
        pour(table, rows)


def _lease_row(lease: LeaseFacts) -> tuple[Any, ...]:
    whose = (lease.id, lease.user, lease.programme, lease.gpu_class)
    return (
        *whose,
        "released",
        lease.requested,
        lease.until,
        lease.held_seconds,
        lease.busy_seconds,
        _RECORDS[lease.notebook],
        None,  # of no cluster
    )


def _holding_row(number: int, lease: LeaseFacts, held: Holding) -> tuple[Any, ...]:
    return number + 1, held.device, lease.id, 1, held.start, held.end


def _ended(year: Year, number: int) -> float:
    return year.start + (number + 0.5) / year.leases * year.days * DAY


def _lease(year: Year, number: int, dice: random.Random) -> tuple[LeaseFacts, Holding]:
    ended = _ended(year, number)
    life, wait = dice.choice(LIVES), dice.expovariate(1 / 300)
    begun = ended - life
    user = int(year.users * dice.random() ** 2)
    facts = LeaseFacts(
        id=f"bench-{number:09}",
        user=user_name(user),
        programme=year.programmes[user % len(year.programmes)],
        gpu_class=dice.choice(CLASSES),
        requested=begun - wait,
        until=ended,
        held_seconds=life,
        busy_seconds=life * dice.random(),
        profile=PROFILE,
        notebook=NOTEBOOKS[number % len(NOTEBOOKS)],
    )
    device = f"GPU-{int(year.devices * dice.random()):08}-0000-0000-0000-000000000000"
    return facts, Holding(device, begun, ended)
