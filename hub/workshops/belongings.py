"""What temporary accounts leave: one file for whoever made it, for as long as the workshop says; then it is removed."""

import asyncio
import os
import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from hub.audit import Audit
from hub.logs import get_logger
from hub.names import home_name
from hub.state import StateDirectory
from hub.web.hub_client import HubClient, RunningSeat
from hub.workshops.admission import is_guest
from hub.workshops.people import Member, Members
from hub.workshops.room import Rooms
from hub.workshops.store import Kept, Workshops

log = get_logger("workshops")

MOST_BYTES = 2 * 2**30
"""Of one account's files; what is more is left out, and the archive says so."""
LEFT_OUT = "LEFT-OUT.txt"
_SKIPPED = frozenset({".cache", ".local", ".ipython", ".jupyter", ".config", "__pycache__", ".ipynb_checkpoints"})


class Belongings:
    """The archives of temporary accounts."""

    def __init__(
        self, state: StateDirectory, workshops: Workshops, members: Members, rooms: Rooms, audit: Audit
    ) -> None:
        self._state, self._workshops, self._members, self._audit = state, workshops, members, audit
        self._rooms = rooms

    def archive_of(self, member: Member) -> Path:
        """Where somebody's archive lies, or will."""
        return self._state.path / "workshops" / member.workshop / f"{home_name(member.user)}.zip"

    async def put_away(self, kept: Kept, now: float) -> None:
        """Make the archives of a workshop that is over; once its days are past, remove them and everybody's names."""
        workshop = kept.workshop
        members = await asyncio.to_thread(self._members.of_workshop, workshop.id)
        if not members and not workshop.roster:
            return
        for member in members:
            if member.is_temporary and is_guest(member.user):
                await asyncio.to_thread(self._end_account, member)
        if workshop.window.end + int(workshop.retention) <= now:
            await asyncio.to_thread(self._forget, workshop.id, len(members))
            await self._rooms.forget(workshop.id)

    def _end_account(self, member: Member) -> None:
        """Stop its seat, put its files in the archive, and remove it. Each step again and again until it is done."""
        hub = HubClient(self._state)
        if hub.ended_user(member.user):
            self._archive(member)
            hub.remove_user(member.user)
            return
        hub.stop_seat(RunningSeat(member.user, ""))

    def _archive(self, member: Member) -> None:
        home, archive = self._state.homes / home_name(member.user), self.archive_of(member)
        if not home.is_dir():
            return
        archive.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not archive.exists():
            unfinished = archive.with_suffix(".part")
            _zip(home, unfinished)
            os.replace(unfinished, archive)
            log.info("workshop.archived", workshop=member.workshop, user=member.user, bytes=archive.stat().st_size)
        shutil.rmtree(home)

    def _forget(self, workshop: str, members: int) -> None:
        shutil.rmtree(self._state.path / "workshops" / workshop, ignore_errors=True)
        self._members.forget(workshop)
        self._workshops.forget_roster(workshop)
        try:
            self._audit.tell("werkbank", "workshop.forgotten", f"workshop:{workshop}", learners=members)
        except SQLAlchemyError as error:
            log.error("workshop.not-noted", workshop=workshop, error=str(error))


def _zip(home: Path, target: Path) -> None:
    """All ordinary files of `home` but caches and settings. No link is followed: it could lead to anybody's files."""
    total, left_out = 0, []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in _files(home):
            size = path.stat().st_size
            if total + size > MOST_BYTES:
                left_out.append(f"{path.relative_to(home)} ({size} bytes)")
                continue
            total += size
            archive.write(path, path.relative_to(home).as_posix())
        if left_out:
            head = f"More than {MOST_BYTES // 2**30} GiB; left out on {datetime.now(UTC):%Y-%m-%d}:\n"
            archive.writestr(LEFT_OUT, head + "\n".join(left_out))


def _files(home: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(home, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path
