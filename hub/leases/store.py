"""The broker's memory: SQLite in the state directory, or PostgreSQL."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from hub.db import engine_of
from hub.errors import BrokerReplaced, DoubleGrant
from hub.leases import tables
from hub.leases.events import (
    Action,
    ForgetReservation,
    Intent,
    Result,
    SaveDevice,
    SaveLease,
    SaveReservation,
    SaveUse,
    Transition,
)
from hub.leases.exclusive import Exclusive
from hub.leases.fairshare import NEVER, Use
from hub.leases.model import ENDED, Lease, LeaseState, Rules
from hub.leases.records import to_device, to_lease, to_record, to_reservation
from hub.leases.state import State, restored
from hub.migrations.schema import LEASES, migrate

MOST_TRANSITIONS = 1000
MOST_PRUNED = 500
"""Leases, and holdings, that are forgotten in one transaction: a decision to be written waits for no more."""


class Store:
    """Writes what decisions ask for, all of one decision or nothing."""

    def __init__(self, url: str) -> None:
        self._engine: Engine = engine_of(url)
        migrate(self._engine, LEASES)
        self.exclusive = Exclusive(self._engine)
        self._term = 0

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @property
    def engine(self) -> Engine:
        """For those who only read."""
        return self._engine

    def close(self) -> None:
        """Give back the connections, and let the next broker in."""
        self.exclusive.release()
        self._engine.dispose()

    # --- one broker at a time ------------------------------------------------------------------

    def begin_term(self) -> None:
        """From now on only this store writes.

        Raises BrokerBusy while another broker lives. One that lost its lock without noticing (its
        connection to the database broke) finds its term over at its next write.
        """
        self.exclusive.acquire()
        with self._engine.begin() as connection:
            row = connection.execute(select(tables.brokers.c.term).with_for_update()).scalar()
            self._term = (row or 0) + 1
            self._upsert(connection, tables.brokers, [{"id": 1, "term": self._term}])

    def _require_term(self, connection: Connection) -> None:
        mine = tables.brokers.c.term == self._term
        touched = connection.execute(update(tables.brokers).where(mine).values(term=self._term))
        if touched.rowcount != 1:
            raise BrokerReplaced

    # --- reading ---------------------------------------------------------------------------------

    def load(self, rules: Rules, now: float) -> State:
        """The state as it was last written."""
        with self._engine.connect() as connection:
            live = select(tables.leases.c.record).where(tables.leases.c.ended_at.is_(None))
            leases = [to_lease(record) for record in connection.execute(live).scalars()]
            devices = [to_device(record) for record in connection.execute(select(tables.devices.c.record)).scalars()]
            coming = select(tables.reservations.c.record).where(tables.reservations.c.is_over.is_(False))
            reservations = [to_reservation(record) for record in connection.execute(coming).scalars()]
            use = {
                (row.kind, row.name): Use(NEVER if row.level is None else row.level, row.week, row.week_seconds)
                for row in connection.execute(select(tables.uses))
            }
        return restored(rules, leases, devices, use, reservations, now)

    def lease(self, id: str) -> Lease | None:
        """A lease, live or ended."""
        with self._engine.connect() as connection:
            record = connection.execute(select(tables.leases.c.record).where(tables.leases.c.id == id)).scalar()
        return to_lease(record) if record else None

    def history(self, lease: str) -> list[Transition]:
        """What happened to a lease, oldest first."""
        with self._engine.connect() as connection:
            asked = select(tables.transitions).where(tables.transitions.c.lease == lease)
            rows = connection.execute(asked.order_by(tables.transitions.c.id).limit(MOST_TRANSITIONS))
            return [Transition(row.lease, row.before, row.after, row.why, row.at) for row in rows]

    def recently_ended(self, user: str, since: float, most: int) -> list[tuple[Lease, float]]:
        """A user's leases that ended after `since` (Unix seconds), the latest first; each with its seconds parked."""
        column = tables.leases.c
        mine = select(column.record).where(column.user == user, column.ended_at >= since)
        with self._engine.connect() as connection:
            records = connection.execute(mine.order_by(column.ended_at.desc(), column.id).limit(most)).scalars()
            ended = [to_lease(record) for record in records if record]
            parked = _parked_seconds(connection, [lease.id for lease in ended])
        return [(lease, parked[lease.id]) for lease in ended]

    def open_intents(self) -> list[Intent]:
        """Orders whose result was never written."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.intents).where(tables.intents.c.outcome.is_(None)))
            return [Intent(row.lease, row.epoch, row.act, row.device, row.at) for row in rows]

    def reachable(self) -> bool:
        """Whether the database answers."""
        with self._engine.connect() as connection:
            return connection.execute(select(1)).scalar() == 1

    # --- writing ---------------------------------------------------------------------------------

    def save(self, actions: Sequence[Action]) -> None:
        """Write one or more decisions in one transaction.

        Raises BrokerReplaced when another broker began since, and DoubleGrant when a device would get a
        second live lease; nothing is written then.
        """
        try:
            with self._engine.begin() as connection:
                self._require_term(connection)
                self._save(connection, actions)
        except IntegrityError as error:
            raise DoubleGrant(str(error.orig)) from error

    def prune(self, older_than: float, most: int = MOST_PRUNED) -> bool:
        """Forget the steps of leases that ended before then (Unix seconds); whether there may be more to forget.

        At most `most` leases at once, so call it until there is no more. Of such a lease stays what was used: by whom,
        for which programme, of which class, from when to when, and its held and busy seconds. The accounts that the
        queue goes by (use, hours of the week) are kept apart and stay too. `lease` does not find it any more. Live
        leases keep all their steps. Raises BrokerReplaced when another broker began since; nothing is forgotten then.
        """
        with self._engine.connect() as connection:
            # What has ended stays so; looked for outside the transaction, whose lock others wait for.
            ended = _ended_before(connection, older_than, most)
        with self._engine.begin() as connection:
            self._require_term(connection)
            _forget_steps(connection, ended)
            holdings = _forget_holdings(connection, older_than, most)
        return most in (len(ended), holdings)

    def _save(self, connection: Connection, actions: Sequence[Action]) -> None:
        leases, devices, uses = _last(actions)
        self._upsert(connection, tables.leases, [_lease_row(lease) for lease in leases])
        self._upsert(connection, tables.devices, [{"uuid": d.uuid, "record": to_record(d)} for d in devices])
        self._upsert(connection, tables.uses, [_use_row(use) for use in uses])
        epochs = {lease.id: lease.epoch for lease in leases}
        _save_holdings(connection, [(d.uuid, d.lease, d.since) for d in devices], epochs)
        for action in actions:
            self._save_one(connection, action)

    def _save_one(self, connection: Connection, action: Action) -> None:
        match action:
            case Transition():
                row = {name: getattr(action, name) for name in ("lease", "before", "after", "why", "at")}
                connection.execute(insert(tables.transitions).values(**row))
            case Intent():
                row = {name: getattr(action, name) for name in ("lease", "epoch", "act", "device", "at")}
                connection.execute(insert(tables.intents).values(**row))
            case Result():
                where = (tables.intents.c.lease == action.lease, tables.intents.c.epoch == action.epoch)
                done = {name: getattr(action, name) for name in ("outcome", "reason", "bytes", "seconds")}
                connection.execute(update(tables.intents).where(*where).values(**done, done_at=action.at))
            case SaveReservation(reservation):
                row = {"id": reservation.id, "record": to_record(reservation), "is_over": False}
                self._upsert(connection, tables.reservations, [row])
            case ForgetReservation(id):
                over = update(tables.reservations).where(tables.reservations.c.id == id)
                connection.execute(over.values(is_over=True))

    def _upsert(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        dialect = sqlite if self.is_sqlite else postgresql
        statement = dialect.insert(table)
        keys = [column.name for column in table.primary_key]
        rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), rows)


def _last(actions: Sequence[Action]) -> tuple[list[Any], list[Any], list[SaveUse]]:
    """Of several decisions, the last word on each lease, device and account."""
    leases = {action.lease.id: action.lease for action in actions if isinstance(action, SaveLease)}
    devices = {action.device.uuid: action.device for action in actions if isinstance(action, SaveDevice)}
    uses = {(action.kind, action.name): action for action in actions if isinstance(action, SaveUse)}
    return list(leases.values()), list(devices.values()), list(uses.values())


def _lease_row(lease: Lease) -> dict[str, Any]:
    row = {name: getattr(lease, name) for name in ("id", "user", "programme", "gpu_class", "requested")}
    row |= {"state": str(lease.state), "ended_at": lease.since if lease.state in ENDED else None}
    return row | {
        "held_seconds": lease.held_seconds,
        "busy_seconds": lease.busy_seconds,
        "record": to_record(lease),
        "job": lease.job or None,
    }


def _use_row(saved: SaveUse) -> dict[str, Any]:
    use = saved.use
    level = None if use.level == NEVER else use.level
    return {
        "kind": saved.kind,
        "name": saved.name,
        "level": level,
        "week": use.week,
        "week_seconds": use.week_seconds,
    }


def _save_holdings(connection: Connection, now: list[tuple[str, str | None, float]], epochs: dict[str, int]) -> None:
    """End the holdings that are over, then begin the new ones: the index sees never two, even inside."""
    table = tables.holdings
    live = table.c.held_to.is_(None)
    uuids = [uuid for uuid, _lease, _since in now]
    rows = (
        connection.execute(select(table.c.device, table.c.lease).where(live, table.c.device.in_(uuids))) if now else ()
    )
    open_now = {row.device: row.lease for row in rows}
    for uuid, lease, since in now:
        if uuid in open_now and open_now[uuid] != lease:
            connection.execute(update(table).where(live, table.c.device == uuid).values(held_to=since))
    for uuid, lease, since in now:
        if lease is not None and open_now.get(uuid) != lease:
            row = {"device": uuid, "lease": lease, "epoch": epochs.get(lease, 0), "held_from": since}
            connection.execute(insert(table).values(**row))


def _parked_seconds(connection: Connection, ids: list[str]) -> dict[str, float]:
    """How long each lease was parked: the moments it came back less the moments it went."""
    edge = tables.transitions.c
    parked = select(edge.lease, edge.before, edge.after, edge.at).where(edge.lease.in_(ids))
    seconds: dict[str, float] = defaultdict(float)
    for row in connection.execute(parked.where((edge.before == LeaseState.PARKED) | (edge.after == LeaseState.PARKED))):
        seconds[row.lease] += row.at * ((row.before == LeaseState.PARKED) - (row.after == LeaseState.PARKED))
    return seconds


def _ended_before(connection: Connection, moment: float, most: int) -> list[str]:
    """Leases whose last step lies before then and is still there."""
    edge = tables.transitions.c
    last = select(edge.lease).where(edge.after.in_(sorted(ENDED)), edge.at < moment)
    return list(connection.execute(last.order_by(edge.id).limit(most)).scalars())


def _forget_steps(connection: Connection, ids: list[str]) -> None:
    if ids:
        connection.execute(delete(tables.transitions).where(tables.transitions.c.lease.in_(ids)))
        connection.execute(delete(tables.intents).where(tables.intents.c.lease.in_(ids)))
        connection.execute(update(tables.leases).where(tables.leases.c.id.in_(ids)).values(record={}))


def _forget_holdings(connection: Connection, moment: float, most: int) -> int:
    """Those of leases that live on included: nothing asks who had a device that long ago. How many there were."""
    table = tables.holdings
    over = select(table.c.id).where(table.c.held_to < moment).order_by(table.c.id).limit(most)
    return connection.execute(delete(table).where(table.c.id.in_(over))).rowcount


def forget_everything(engine: Engine) -> None:
    """Empty all tables of the broker (for tests that share a server)."""
    with engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))
