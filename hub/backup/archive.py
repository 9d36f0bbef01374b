"""Writing and reading the archive: a tar.gz of plain files, folders and links, each with its hash in the manifest."""

import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import ValidationError

from hub.backup.manifest import FORMAT, NAME, Manifest, Stored
from hub.errors import BackupError

CHUNK = 1 << 20
MOST_MANIFEST = 1 << 30


class Hashed(io.RawIOBase):
    """Exactly `size` bytes of a file that may change meanwhile: what is missing at its end is zeros."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self._hash = file, size, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        found = self._file.read(wanted)
        found += bytes(wanted - len(found))
        self._left -= wanted
        self._hash.update(found)
        return found

    def hexdigest(self) -> str:
        """The hash of what was read."""
        return self._hash.hexdigest()


class Writer:
    """Puts files in an archive and remembers them for its manifest."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, Stored] = {}

    def add(self, path: Path, name: str) -> None:
        """A file, folder or link as it is; anything else (a socket, a pipe) is passed over."""
        info = self._tar.gettarinfo(str(path), name)
        if info is None:
            return
        info.uname = info.gname = ""
        if info.islnk():  # a second name of a file: a file of its own here
            info.type, info.linkname = tarfile.REGTYPE, ""
            info.size = path.stat().st_size
        if info.isdir() or info.issym():
            self._tar.addfile(info)
        elif info.isreg():
            self._add_contents(path, info)

    def _add_contents(self, path: Path, info: tarfile.TarInfo) -> None:
        with path.open("rb") as file:
            hashed = Hashed(file, info.size)
            self._tar.addfile(info, hashed)
        self.files[info.name] = Stored(size=info.size, sha256=hashed.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest."""
        text = manifest.model_dump_json(indent=1).encode()
        info = tarfile.TarInfo(NAME)
        info.size, info.mode, info.mtime = len(text), 0o600, int(manifest.made.timestamp())
        self._tar.addfile(info, io.BytesIO(text))


def unpack(archive: Path, folder: Path) -> Manifest:
    """Unpack into an empty folder and check every file. Raises BackupError: damaged, foreign or dangerous."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            manifest, found = _unpack(tar, folder)
    except (tarfile.TarError, EOFError, OSError, ValueError) as problem:
        raise BackupError(f"{archive} cannot be read to its end: {problem}. Nothing was changed.") from None
    if manifest is None:
        raise BackupError(f"{archive} is no backup of a Werkbank, or its end is missing. Nothing was changed.")
    if differing := sorted(set(manifest.files.items()) ^ set(found.items()), key=lambda item: item[0]):
        raise BackupError(f"{archive} is damaged: {differing[0][0]} is not as it was written. Nothing was changed.")
    return manifest


def _unpack(tar: tarfile.TarFile, folder: Path) -> tuple[Manifest | None, dict[str, Stored]]:
    found: dict[str, Stored] = {}
    links: list[tuple[Path, str]] = []
    folders: list[tuple[Path, int]] = []
    manifest = None
    for info in tar:
        if info.name == NAME:
            manifest = _manifest(tar, info)
            continue
        path = folder / _safe(info)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if info.isdir():
            path.mkdir(mode=0o700, exist_ok=True)
            folders.append((path, info.mode & 0o777))
        elif info.issym():
            links.append((path, info.linkname))
        else:
            found[info.name] = _unpack_file(tar, info, path)
    for path, target in links:  # at the end, so that nothing is written through them
        path.symlink_to(target)
    for path, mode in reversed(folders):
        path.chmod(mode)
    return manifest, found


def _safe(info: tarfile.TarInfo) -> PurePosixPath:
    path = PurePosixPath(info.name)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] not in (("state",), ("postgresql",)):
        raise BackupError(f"The archive has a file {info.name!r}, outside of what a backup holds. Nothing was changed.")
    if not (info.isreg() or info.isdir() or info.issym()):
        raise BackupError(f"The archive has {info.name!r}, which is no file, folder or link. Nothing was changed.")
    return path


def _unpack_file(tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> Stored:
    source = tar.extractfile(info)
    assert source is not None, "regular files have contents"
    hashed = hashlib.sha256()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        while piece := source.read(CHUNK):
            hashed.update(piece)
            file.write(piece)
        os.fchmod(file.fileno(), stat.S_IMODE(info.mode) & 0o777)
    os.utime(path, (info.mtime, info.mtime))
    return Stored(size=info.size, sha256=hashed.hexdigest())


def _manifest(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Manifest:
    source = tar.extractfile(info)
    if source is None or info.size > MOST_MANIFEST:
        raise BackupError(f"{tar.name!s} has no manifest that can be read. Nothing was changed.")
    try:
        manifest = Manifest.model_validate_json(source.read())
    except ValidationError:
        raise BackupError(f"{tar.name!s} is no backup that this Werkbank can read. Nothing was changed.") from None
    if manifest.format > FORMAT:
        raise BackupError(
            f"{tar.name!s} was made by a newer Werkbank ({manifest.version}). Restore it with that one. "
            "Nothing was changed."
        )
    return manifest
