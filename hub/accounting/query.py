"""Who used what in a period: from sums by month, from pieces for the days around them, and from what runs on now."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Engine,
    Integer,
    Row,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)

from hub.accounting import tables
from hub.accounting.jobs import JobBook, facts_of
from hub.accounting.ledger import Ledger, pieces_of_seat
from hub.accounting.model import DAY, NAMES, NOTHING, Amounts, Piece
from hub.accounting.months import PARTS, month_of
from hub.accounting.periods import Period
from hub.accounting.pieces import job_pieces, pieces_of
from hub.accounting.seats import SeatBook
from hub.accounting.source import Source
from hub.leases.model import Lease
from hub.workshops.window import Window

By = Literal["programme", "user", "gpu_class", "device", "profile", "lesson", "notebook", "day", "month"]
Key = tuple[str, bool]
"""Which one, and whether on paper only."""
MOST_VALUES = 5_000
MOST_FRESH = 2_000
"""Ended leases that are told before they are in the ledger; more there are only while it is filled."""


@dataclass(frozen=True)
class Whose:
    """Whose use is asked for; everybody's where nothing is named."""

    user: str | None = None
    programme: str | None = None
    people: frozenset[str] | None = None
    """These people's, in the window alone."""
    window: Window | None = None

    def includes(self, piece: Piece) -> bool:
        """Whether a piece is theirs, whenever it was."""
        return (
            self.user in (None, piece.user)
            and self.programme in (None, piece.programme)
            and (self.people is None or piece.user in self.people)
        )


@dataclass(frozen=True)
class Tally:
    """What came to one of those that are told apart."""

    amounts: Amounts = NOTHING
    is_live: bool = False
    """Something in it runs on, and is counted until now."""


@dataclass
class Fresh:
    """What is not in the ledger yet, as pieces."""

    pieces: list[Piece] = field(default_factory=list)
    is_filling: bool = False
    """The ledger is being filled, and much that ended is missing so far."""


class Use:
    """Answers. Blocking: call it in a thread."""

    def __init__(self, engine: Engine, source: Source) -> None:
        self._engine, self._source = engine, source
        self._ledger, self._seats, self._jobs = Ledger(engine, source), SeatBook(engine), JobBook(engine, source)

    def fresh(self, live: Iterable[Lease], now: float) -> Fresh:
        """Leases, seats and jobs that run on, and what ended since the ledger was last kept."""
        found = self._source.live(live, now)
        with self._engine.connect() as connection:
            mark = self._ledger.mark(connection, "leases")
        ended = self._source.ended_after((mark, ""), now + DAY, MOST_FRESH)
        facts = [*found.facts, *ended.facts]
        holdings = {**found.holdings, **ended.holdings}
        with self._engine.connect() as connection:
            known = self._ledger.known(connection, [lease.id for lease in facts])
            measured = self._ledger.measured(connection, [lease.id for lease in facts])
            over = connection.execute(_uncounted_seats()).all()
        made = {lease.id: pieces_of(lease, holdings.get(lease.id, ()), measured.get(lease.id, ())) for lease in facts}
        pieces = [piece for id, some in made.items() if id not in known for piece in some]
        pieces += [piece for row in over for piece in pieces_of_seat(row)]
        pieces += [piece for row in self._seats.open() for piece in pieces_of_seat(row, max(now, row.last_seen))]
        pieces += [piece for row in self._jobs.uncounted() for piece in job_pieces(facts_of(row))]
        return Fresh(pieces, len(ended.facts) >= MOST_FRESH)

    def tallies(self, by: By, period: Period, whose: Whose, fresh: Fresh) -> dict[Key, Tally]:
        """What came to each in the period."""
        sums: dict[Key, Amounts] = defaultdict(lambda: NOTHING)
        if whose.people is not None:
            _add_pieces(sums, by, self._of_people(period, whose))
        else:
            with self._engine.connect() as connection:
                for row in self._rows(connection, by, period, whose):
                    key = (_name(by, row.name), bool(row.simulated))
                    sums[key] = sums[key] + _amounts(row) if key in sums else _amounts(row)
        current = _cut([piece for piece in fresh.pieces if whose.includes(piece)], period, whose)
        _add_pieces(sums, by, current)
        live = {(_aspect(by, piece), piece.simulated) for piece in current if piece.is_live}
        return {key: Tally(amounts, key in live) for key, amounts in sums.items()}

    def unheld_energy(self, period: Period) -> tuple[float, float]:
        """Energy (mJ) that devices took while nobody had them, and for how many device-seconds that was measured."""
        at = tables.energy.c
        asked = select(func.coalesce(func.sum(at.mj), 0.0), func.coalesce(func.sum(at.seconds), 0.0))
        with self._engine.connect() as connection:
            row = connection.execute(asked.where(at.lease == "", at.day >= period.start, at.day < period.end)).one()
        return float(row[0]), float(row[1])

    # --- reading -----------------------------------------------------------------------------------

    def _rows(self, connection: Connection, by: By, period: Period, whose: Whose) -> Iterable[Row[Any]]:
        if whose.user is not None or by == "notebook":
            asked = [_from_pieces(by, [(period.start, period.end)], whose)]
        else:
            spans, rest = _spans(period, by), period.rest()
            asked = [_from_sums(by, spans, whose)] if spans else []
            asked += [_from_pieces(by, rest, whose)] if rest else []
        # Added up where they lie: there may be ten thousand people, each in a dozen sums.
        return connection.execute(_added_up(union_all(*asked) if len(asked) > 1 else asked[0])).all()

    def _of_people(self, period: Period, whose: Whose) -> list[Piece]:
        """Their pieces, cut to the window."""
        at, found = tables.pieces.c, []
        assert whose.window is not None
        days = at.day.between(int(whose.window.start // DAY), int(whose.window.end // DAY))
        people = sorted(whose.people or ())
        with self._engine.connect() as connection:
            for first in range(0, len(people), MOST_VALUES):
                mine = at.user.in_(people[first : first + MOST_VALUES])
                found += [_piece(row) for row in connection.execute(select(tables.pieces).where(mine, days))]
        return _cut(found, period, whose)


def _uncounted_seats() -> Any:
    return select(tables.seats).where(~tables.seats.c.is_counted, tables.seats.c.has_ended)


def _from_sums(by: By, spans: Sequence[int], whose: Whose) -> Select[Any]:
    at = tables.sums.c
    names: dict[str, ColumnElement[Any]] = {"programme": at.programme, "month": _month(at.month)}
    # Each aspect adds up to the same; these two are told by the smallest.
    aspect = "gpu_class" if by in names else by
    asked = _each(names.get(by, at.name), at).where(at.by == aspect, at.month.in_(spans))
    return asked.where(at.programme == whose.programme) if whose.programme is not None else asked


def _spans(period: Period, by: By) -> list[int]:
    """What there are sums of in a period: years, quarters and months around them, and parts of months around those."""
    low, high = period.months()
    parts = [tables.FIRST_PART + part for part in period.parts()]
    if by == "month":
        return [*range(low, high), *parts]
    years, quarters = _within(low, high, 12), _within(low, high, 3)
    single = [quarter for quarter in quarters if quarter // 4 not in years]
    months = [month for month in range(low, high) if month // 3 not in quarters]
    return [*(-year for year in years), *(tables.FIRST_QUARTER + one for one in single), *months, *parts]


def _within(low: int, high: int, length: int) -> range:
    """Whole years or quarters, of so many months, from one month until before another."""
    return range(-(-low // length), max(-(-low // length), high // length))


def _month(span: ColumnElement[Any]) -> ColumnElement[Any]:
    """The month that a month or a part of one lies in."""
    return case((span >= tables.FIRST_PART, (span - tables.FIRST_PART) // PARTS), else_=span)


def _from_pieces(by: By, stretches: Sequence[tuple[int, int]], whose: Whose) -> Select[Any]:
    at = tables.pieces.c
    days = or_(*(and_(at.day >= start, at.day < end) for start, end in stretches))
    names: dict[str, ColumnElement[Any]] = {"day": cast(at.day, String), "month": -1 - at.day}
    asked = _each(names.get(by, at.get(by)), at).where(days)
    if whose.user is not None:
        asked = asked.where(at.user == whose.user)
    return asked.where(at.programme == whose.programme) if whose.programme is not None else asked


def _each(name: Any, at: Any) -> Select[Any]:
    return select(name.label("name"), at.simulated, *(at[amount] for amount in NAMES))


def _added_up(asked: Select[Any] | CompoundSelect[Any]) -> Select[Any]:
    at = asked.subquery().c
    kinds = {name: func.max if name == "wait_longest" else func.sum for name in NAMES}
    sums = [_whole(name, kind(at[name])).label(name) for name, kind in kinds.items()]
    return select(at.name, at.simulated, *sums).group_by(at.name, at.simulated)


def _whole(name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """PostgreSQL adds whole numbers up to a decimal."""
    return cast(column, Integer) if name in tables.COUNTS else column


def _name(by: By, name: Any) -> str:
    """Days and months are told by number; months from pieces come as days below zero."""
    return str(month_of(-1 - name)) if by == "month" and name < 0 else str(name)


def _aspect(by: By, piece: Piece) -> str:
    own: dict[str, Callable[[Piece], str]] = {
        "day": lambda one: str(one.day),
        "month": lambda one: str(month_of(one.day)),
    }
    return own[by](piece) if by in own else str(getattr(piece, by))


def _amounts(row: Row[Any]) -> Amounts:
    """The amounts of a row that ends with them."""
    return Amounts(*row[-len(NAMES) :])


def _piece(row: Row[Any]) -> Piece:
    names = ("id", "day", "device", "user", "programme", "gpu_class", "profile", "notebook", "lesson")
    own = {name: getattr(row, name) for name in (*names, "start", "end")}
    return Piece(**own, simulated=bool(row.simulated), amounts=_amounts(row))


def _cut(pieces: Iterable[Piece], period: Period, whose: Whose) -> list[Piece]:
    """Those of the period; where there is a window, only what lies in it."""
    mine = [piece for piece in pieces if period.start <= piece.day < period.end]
    if whose.window is None:
        return mine
    parts = [piece.within(whose.window.start, whose.window.end) for piece in mine]
    return [part for part in parts if part is not None]


def _add_pieces(sums: dict[Key, Amounts], by: By, pieces: Iterable[Piece]) -> None:
    for piece in pieces:
        sums[_aspect(by, piece), piece.simulated] += piece.amounts
