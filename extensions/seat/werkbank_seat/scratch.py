"""A folder of a job's own on its node's disk, which goes away with the job, also one that was killed.

Whoever has such a folder holds a lock on it, and the machine lets go of the lock when the process is gone, however it
ended. So the next job of the same user on that node knows which folders nobody has any more, and takes them away.
Only Python's standard library is imported.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

NEW = ".new"
"""At the end of the name of a folder that its maker has not locked yet."""


@contextlib.contextmanager
def scratch(prefix, place=None):
    """A new folder that only its user can read, in `place` or where temporary files go; it goes away with the block."""
    where = place if place and os.path.isdir(place) else tempfile.gettempdir()
    made = tempfile.mkdtemp(prefix=prefix, suffix=NEW, dir=where)
    lock = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    folder = made.removesuffix(NEW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.rename(made, folder)
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clear_away(prefix, place):
    """Take away the folders in `place`, made with this prefix, that nobody has any more."""
    for entry in _own(prefix, place):
        with contextlib.suppress(OSError):
            lock = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(entry.path, ignore_errors=True)
            finally:
                os.close(lock)


def _own(prefix, place):
    """Other users' are theirs to take away."""
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and not entry.name.endswith(NEW):
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                        yield entry
