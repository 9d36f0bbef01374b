"""The ledger: leases, seats and jobs that ended are counted once, as pieces and as sums by month.

Leases lie in the broker's database, the ledger in the service's, and no transaction spans both. So an id that has
pieces has been counted: pieces and sums are written together or not at all, and what is found counted is passed over,
however often and in whatever order it is looked at. The mark of how far the ledger is only says where to begin to look.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, case, delete, insert, select, tuple_, update

from hub.accounting import tables
from hub.accounting.jobs import MARK as JOBS_MARK
from hub.accounting.jobs import facts_of
from hub.accounting.model import NAMES, Amounts, LeaseFacts, Measured, Piece
from hub.accounting.months import PARTS, part_of
from hub.accounting.pieces import job_pieces, pieces_of, seat_pieces
from hub.accounting.source import Position, Source
from hub.db import insert_of, insert_rows, upsert_rows
from hub.logs import get_logger

log = get_logger("accounting")

VERSION = 2
"""Of what the pieces and sums mean: those of another version are made anew."""
BATCH = 10_000
"""Leases that are counted in one transaction."""
OVERLAP = 3600.0
"""Seconds that are looked at again: the machine's clock may be set back between two starts of the broker."""
JOBS_SETTLE = 120.0
"""Seconds for which an ended job waits to be counted: the energy of its last step is told after its end."""
MOST_VALUES = 5_000
ROWS_AT_ONCE = 5_000

_COLUMNS = tuple(column.name for column in tables.pieces.columns if column.name not in NAMES)
_columns = attrgetter(*_COLUMNS)
_LONGEST = NAMES.index("wait_longest")

SumKey = tuple[int, str, str, str, bool]
"""Month (or another span that `spans_of` tells), by what, which one, programme, and whether on paper only."""


class Ledger:
    """Counts what has ended. Blocking: call it in a thread; one at a time."""

    def __init__(self, engine: Engine, source: Source) -> None:
        self.engine, self._source = engine, source

    def begin(self) -> None:
        """Empty the ledger where another version wrote it; it is then filled anew."""
        with self.engine.begin() as connection:
            if self.mark(connection, "version") == VERSION:
                return
            connection.execute(delete(tables.pieces))
            connection.execute(delete(tables.sums))
            connection.execute(delete(tables.marks).where(tables.marks.c.name != JOBS_MARK))
            for measured in (tables.seats, tables.jobs):
                connection.execute(update(measured).values(is_counted=False))
            self._set_mark(connection, "version", VERSION)

    def count_leases(self, before: float) -> int:
        """Count the leases that ended before then (Unix seconds); how many were new."""
        with self.engine.connect() as connection:
            mark = self.mark(connection, "leases")
        return self._count_after((mark - OVERLAP, ""), before)

    def recount(self, before: float) -> int:
        """Look whether all are counted that ended before then, and count those that are missing; how many there were.

        Leases can be missing when the machine's clock was set back by more than OVERLAP.
        """
        with self.engine.connect() as connection:
            counted = self.mark(connection, "counted")
        missing = self._source.count_ended(before) - int(counted)
        if missing <= 0:
            return 0
        log.info("ledger.recounts", missing=missing)
        return self._count_after((-1.0, ""), before)

    def _count_after(self, position: Position, before: float) -> int:
        new = 0
        while True:
            found = self._source.ended_after(position, before, BATCH)
            if found.facts:
                new += self._count(found.facts, found.holdings)
                position = (found.facts[-1].until, found.facts[-1].id)
            if len(found.facts) < BATCH:
                return new

    def _count(self, leases: Sequence[LeaseFacts], holdings: Mapping[str, Sequence[Any]]) -> int:
        """One transaction: those of the leases that are not counted yet; how many there were."""
        with self.engine.begin() as connection:
            known = self.known(connection, [lease.id for lease in leases])
            new = [lease for lease in leases if lease.id not in known]
            measured = self.measured(connection, [lease.id for lease in new])
            made = [
                piece
                for lease in new
                for piece in pieces_of(lease, holdings.get(lease.id, ()), measured.get(lease.id, ()))
            ]
            self._write(connection, made)
            self._set_mark(connection, "leases", max(self.mark(connection, "leases"), leases[-1].until))
            self._set_mark(connection, "counted", self.mark(connection, "counted") + len(new))
        return len(new)

    def count_seats(self) -> int:
        """Count the seats that have ended; how many were new."""
        at = tables.seats.c
        over = select(tables.seats).where(at.has_ended, ~at.is_counted).order_by(at.id).limit(BATCH)
        new = 0
        while True:
            with self.engine.begin() as connection:
                rows = connection.execute(over).all()
                self._write(connection, [piece for row in rows for piece in pieces_of_seat(row)])
                for ids in _some([row.id for row in rows], MOST_VALUES):
                    connection.execute(update(tables.seats).where(at.id.in_(ids)).values(is_counted=True))
            new += len(rows)
            if len(rows) < BATCH:
                return new

    def count_jobs(self) -> int:
        """Count the jobs that have ended, and were looked at again JOBS_SETTLE later; how many were new."""
        at, new = tables.jobs.c, 0
        with self.engine.connect() as connection:
            before = self.mark(connection, JOBS_MARK) - JOBS_SETTLE
        over = select(tables.jobs).where(at.ended < before, ~at.is_counted).order_by(at.number).limit(BATCH)
        while True:
            with self.engine.begin() as connection:
                rows = connection.execute(over).all()
                self._write(connection, [piece for row in rows for piece in job_pieces(facts_of(row))])
                for some in _some([(row.number, row.submitted) for row in rows], MOST_VALUES // 2):
                    counted = tuple_(at.number, at.submitted).in_(some)
                    connection.execute(update(tables.jobs).where(counted).values(is_counted=True))
            new += len(rows)
            if len(rows) < BATCH:
                return new

    def measured(self, connection: Connection, leases: Sequence[str]) -> dict[str, list[Measured]]:
        """What was measured of each of these leases."""
        at = tables.energy.c
        found: dict[str, list[Measured]] = defaultdict(list)
        for ids in _some(leases, MOST_VALUES):
            for row in connection.execute(select(tables.energy).where(at.lease.in_(ids))):
                found[row.lease].append(Measured(row.device, row.day, row.mj, row.seconds))
        return found

    # --- writing -----------------------------------------------------------------------------------

    def known(self, connection: Connection, leases: Sequence[str]) -> set[str]:
        """Which of these leases have been counted."""
        at = tables.pieces.c
        return {
            id
            for ids in _some(leases, MOST_VALUES)
            for id in connection.execute(select(at.id).where(at.id.in_(ids)).distinct()).scalars()
        }

    def _write(self, connection: Connection, made: Sequence[Piece]) -> None:
        for some in _some(made, ROWS_AT_ONCE):
            insert_rows(connection, insert(tables.pieces), [piece_row(piece) for piece in some])
        for rows in _some([sum_row(key, amounts) for key, amounts in summed(made).items()], ROWS_AT_ONCE):
            insert_rows(connection, self._adding(connection), rows)

    @staticmethod
    def _adding(connection: Connection) -> Any:
        statement = insert_of(connection, tables.sums)
        old, new = tables.sums.c, statement.excluded
        joined = {name: old[name] + new[name] for name in NAMES}
        longest = case((new.wait_longest > old.wait_longest, new.wait_longest), else_=old.wait_longest)
        keys = [column.name for column in tables.sums.primary_key]
        return statement.on_conflict_do_update(index_elements=keys, set_=joined | {"wait_longest": longest})

    @staticmethod
    def mark(connection: Connection, name: str) -> float:
        """How far the ledger is: "leases" until when they are counted (Unix seconds), "counted" how many,
        "jobs" until when it is known what they used (Unix seconds).
        """
        found = connection.execute(select(tables.marks.c.value).where(tables.marks.c.name == name)).scalar()
        return float(found or 0.0)

    @staticmethod
    def _set_mark(connection: Connection, name: str, value: float) -> None:
        upsert_rows(connection, tables.marks, [{"name": name, "value": value}])


def summed(made: Iterable[Piece]) -> dict[SumKey, Amounts]:
    """Pieces added up by each span and each aspect."""
    parts: dict[SumKey, list[float]] = defaultdict(lambda: [0] * len(NAMES))
    for piece in made:
        part = part_of(piece.day)
        values = [(number, value) for number, value in enumerate(piece.amounts.values()) if value]
        for by, name in aspects(piece).items():
            _add(parts[part, by, name, piece.programme, piece.simulated], values)
    sums: dict[SumKey, list[float]] = defaultdict(lambda: [0] * len(NAMES))
    for (part, by, name, programme, simulated), known in parts.items():
        for span in spans_of(part):
            _add(sums[span, by, name, programme, simulated], enumerate(known))
    return {key: Amounts(*values) for key, values in sums.items()}  # type: ignore[arg-type]


def spans_of(part: int) -> tuple[int, int, int, int]:
    """What a part of a month belongs to: itself, its month, its quarter and its year, by their numbers in sums."""
    month = part // PARTS
    return tables.FIRST_PART + part, month, tables.FIRST_QUARTER + month // 3, -(month // 12)


def _add(known: list[float], values: Iterable[tuple[int, float]]) -> None:
    """Add values by their number in NAMES."""
    for number, value in values:
        if number != _LONGEST:
            known[number] += value
        elif value > known[_LONGEST]:
            known[_LONGEST] = value


def aspects(piece: Piece) -> dict[str, str]:
    """What a piece counts for."""
    return {
        "day": str(piece.day),
        "user": piece.user,
        "gpu_class": piece.gpu_class,
        "device": piece.device,
        "profile": piece.profile,
        "lesson": piece.lesson,
    }


def pieces_of_seat(row: Any, until: float | None = None) -> list[Piece]:
    """The pieces of a row of `use_seats`; one that runs on is counted until then."""
    end = row.last_seen if until is None else until
    id = f"seat-{row.id}"
    live = until is not None
    return seat_pieces(id, row.user, row.programme, row.profile, row.began, end, row.cpu_seconds, live)


def piece_row(piece: Piece) -> tuple[Any, ...]:
    """Values of all columns of `use_pieces`, in their order."""
    return *_columns(piece), *piece.amounts.values()


def sum_row(key: SumKey, amounts: Amounts) -> tuple[Any, ...]:
    """Values of all columns of `use_sums`, in their order."""
    month, by, name, programme, simulated = key
    return by, month, name, programme, simulated, *amounts.values()


def _some(values: Sequence[Any], most: int) -> Iterable[Sequence[Any]]:
    return (values[first : first + most] for first in range(0, len(values), most))
