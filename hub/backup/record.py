"""When the last backup was made: a small file in the state directory, for whoever watches over it."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.logs import get_logger
from hub.state import StateDirectory, write_private

log = get_logger("backup")


class LastBackup(BaseModel):
    """The last backup that went well. A state that was restored has none yet: the archive lies elsewhere."""

    model_config = ConfigDict(frozen=True)
    made: datetime
    """When its databases were read (UTC)."""
    version: str
    """Of the Werkbank that made it."""
    homes: bool
    """Whether home folders are in it."""


def last_backup(state: StateDirectory) -> LastBackup | None:
    """The last backup of this state; None when there was none, or its record cannot be read."""
    try:
        return LastBackup.model_validate_json(_file(state).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as problem:
        log.warning("backup.record-unreadable", file=str(_file(state)), error=str(problem))
        return None


def note_backup(state: StateDirectory, last: LastBackup) -> None:
    """Remember a backup that is complete. The archive stands also where this cannot be written; the log says so."""
    try:
        write_private(_file(state), last.model_dump_json(indent=1))
        _file(state).chmod(0o644)  # root may have made it, and the service is somebody else
    except OSError as problem:
        log.warning("backup.not-noted", file=str(_file(state)), error=str(problem))


def _file(state: StateDirectory) -> Path:
    return state.path / "last-backup.json"
