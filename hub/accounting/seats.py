"""A record of seats: the hub knows only those that run now, so they are looked at now and then."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Row, insert, select, update

from hub.accounting import tables
from hub.settings import Settings
from hub.web.hub_api import Person

MOST_VALUES = 500
UNSEEN = 150.0
"""Seconds: a hub that is starting, or tells its users page by page, may miss somebody once."""


@dataclass(frozen=True)
class Seen:
    """A seat that runs, as it was just seen."""

    user: str
    server: str
    programme: str
    profile: str
    began: float
    last_activity: float | None
    cpu_seconds: float | None
    """Since its start; None where nobody measures it."""

    @property
    def key(self) -> tuple[str, str, float]:
        """Which seat it is: one that was started anew is another."""
        return self.user, self.server, self.began


def seen(people: Iterable[Person], settings: Settings, cpu: Callable[[str, str], float | None]) -> list[Seen]:
    """The running seats of these people. `cpu` tells the CPU seconds of a user's server."""
    found = []
    for person in people:
        groups = set(person.groups)
        programme = next((p.name for p in settings.programmes if p.name in groups), "")
        for seat in person.seats:
            if seat.started is not None and seat.ready:
                last = seat.last_activity.timestamp() if seat.last_activity else None
                began, used = seat.started.timestamp(), cpu(person.name, seat.server)
                found.append(Seen(person.name, seat.server, programme, seat.profile or "", began, last, used))
    return found


class SeatBook:
    """Writes looks at the running seats down. Blocking: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, running: Sequence[Seen], now: float) -> None:
        """These seats run now, and no others.

        A seat that has not been among them for UNSEEN ended when it was last seen: nobody saw it run longer, also where
        the service was away meanwhile. So a seat's time is short by at most one look, and a seat that began and ended
        between two looks is not counted.
        """
        now_by_key = {seat.key: seat for seat in running}
        with self._engine.begin() as connection:
            open_rows = {(row.user, row.server, row.began): row for row in self._open(connection)}
            gone = [row.id for key, row in open_rows.items() if key not in now_by_key and row.last_seen < now - UNSEEN]
            for first in range(0, len(gone), MOST_VALUES):
                some = tables.seats.c.id.in_(gone[first : first + MOST_VALUES])
                connection.execute(update(tables.seats).where(some).values(has_ended=True))
            for key, seat in now_by_key.items():
                known = open_rows.get(key) or _closed(connection, seat)
                if known is None:
                    _begins(connection, seat, now)
                elif not known.is_counted:
                    _goes_on(connection, known, seat, now)

    def open(self) -> Sequence[Row]:  # type: ignore[type-arg]
        """Seats that run, as far as is known."""
        with self._engine.connect() as connection:
            return self._open(connection)

    @staticmethod
    def _open(connection: Connection) -> Sequence[Row]:  # type: ignore[type-arg]
        at = tables.seats.c
        return connection.execute(select(tables.seats).where(~at.is_counted, ~at.has_ended)).all()


def _closed(connection: Connection, seat: Seen) -> Row | None:  # type: ignore[type-arg]
    """The same seat, where it was given up too early: nobody counts its time twice."""
    at = tables.seats.c
    mine = (at.user == seat.user, at.began == seat.began, at.server == seat.server)
    return connection.execute(select(tables.seats).where(*mine)).first()


def _goes_on(connection: Connection, known: Row, seat: Seen, now: float) -> None:  # type: ignore[type-arg]
    # A counter that is gone, or began anew, takes nothing back.
    cpu = max((used for used in (known.cpu_seconds, seat.cpu_seconds) if used is not None), default=None)
    values = {"last_seen": max(now, known.last_seen), "last_activity": seat.last_activity, "cpu_seconds": cpu}
    values["has_ended"] = False
    connection.execute(update(tables.seats).where(tables.seats.c.id == known.id).values(**values))


def _begins(connection: Connection, seat: Seen, now: float) -> None:
    names = ("user", "server", "programme", "profile", "began", "last_activity", "cpu_seconds")
    row = {name: getattr(seat, name) for name in names}
    over = {"last_seen": max(now, seat.began), "has_ended": False, "is_counted": False}
    connection.execute(insert(tables.seats).values(**row, **over))
