"""Who had a device: the holdings that the records still have."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from hub.leases import tables
from hub.leases.model import ENDED, LeaseState

_OVER = frozenset({*ENDED, LeaseState.PARKED, LeaseState.QUEUED})
"""States that a lease enters when it leaves its device."""


@dataclass(frozen=True)
class Holding:
    """One lease's time with a device. Times are Unix seconds."""

    number: int
    lease: str
    user: str
    """Empty where the lease is not known any more, and so are the next two."""
    programme: str
    holder: str
    began: float
    ended: float | None
    """None while it has it."""
    after: str
    """The state that the lease entered then; empty while it has it, or where nobody knows any more."""
    why: str
    """The reason code of that."""


def holdings_of(engine: Engine, device: str, most: int, before: int | None = None) -> list[Holding]:
    """The last `most` holdings of a device, the latest first; only those before number `before`.

    Blocking. They are found from the latest on, so what a device had long ago costs only those who ask for it.
    """
    at = tables.holdings.c
    asked = select(tables.holdings).where(at.device == device).order_by(at.id.desc()).limit(most)
    if before is not None:
        asked = asked.where(at.id < before)
    with engine.connect() as connection:
        rows = connection.execute(asked).all()
        ids = sorted({row.lease for row in rows})
        leases, ends = _leases(connection, ids), _ends(connection, ids)
    return [_holding(row, leases.get(row.lease), ends[row.lease]) for row in rows]


def _leases(connection: Connection, ids: list[str]) -> dict[str, tuple[str, str, str]]:
    at = tables.leases.c
    rows = connection.execute(select(at.id, at.user, at.programme, at.record).where(at.id.in_(ids)))
    return {row.id: (row.user, row.programme, row.record.get("holder", "")) for row in rows}


def _ends(connection: Connection, ids: list[str]) -> dict[str, list[tuple[float, str, str]]]:
    """When each lease left a device, into which state and why; oldest first."""
    at = tables.transitions.c
    left = (at.lease.in_(ids), at.after.in_(sorted(_OVER)), at.before.is_not(None))
    ends: dict[str, list[tuple[float, str, str]]] = defaultdict(list)
    for row in connection.execute(select(at.lease, at.at, at.after, at.why).where(*left).order_by(at.id)):
        ends[row.lease].append((row.at, row.after, row.why))
    return ends


def _holding(row: object, lease: tuple[str, str, str] | None, ends: Iterable[tuple[float, str, str]]) -> Holding:
    number, began, ended = row.id, row.held_from, row.held_to  # type: ignore[attr-defined]
    user, programme, holder = lease or ("", "", "")
    after, why = "", ""
    if ended is not None:
        # Several decisions are written at once, so a device may be noted as left a little after its lease left it.
        within = [(state, why) for moment, state, why in ends if began <= moment <= ended]
        after, why = within[-1] if within else ("", "")
    return Holding(number, row.lease, user, programme, holder, began, ended, after, why)  # type: ignore[attr-defined]
