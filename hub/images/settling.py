"""Makes an image the same each time: Podman writes the names of the containers that built it into its settings."""

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from hub.images.program import Program

MANIFEST = "manifest.json"
PATIENCE_S = 900.0


def settle(engine: Program, tag: str) -> None:
    """Replace an image by the same one without what is different in each build. Layers stay as they are."""
    with tempfile.TemporaryDirectory() as folder:
        saved, settled = Path(folder, "saved.tar"), Path(folder, "settled.tar")
        engine.run("save", "--format=docker-archive", f"--output={saved}", tag, timeout=PATIENCE_S)
        with tarfile.open(saved) as old, tarfile.open(settled, "w") as new:
            for member, content in _settled(old):
                new.addfile(member, content)
        saved.unlink()
        engine.run("load", f"--input={settled}", timeout=PATIENCE_S)


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """An image's settings without what says which container it was made in."""
    kept = {key: value for key, value in config.items() if key not in ("container", "container_config", "parent")}
    kept["config"] = kept["config"] | {"Hostname": ""}
    kept["history"] = [{key: step[key] for key in step if key != "comment"} for step in kept["history"]]
    return kept


def _settled(old: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, BinaryIO | None]]:
    (image,) = json.load(_member(old, MANIFEST))
    config = json.dumps(plain(json.load(_member(old, image["Config"]))), sort_keys=True).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    # The layers are named in the manifest; links to them by other names are for programs of long ago.
    for member in old:
        if member.name in image["Layers"]:
            yield member, _member(old, member.name)
    yield _written(name, config)
    yield _written(MANIFEST, json.dumps([image | {"Config": name}]).encode())


def _member(archive: tarfile.TarFile, name: str) -> BinaryIO:
    content = archive.extractfile(name)
    assert content is not None
    return content  # type: ignore[return-value]


def _written(name: str, content: bytes) -> tuple[tarfile.TarInfo, BinaryIO]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, io.BytesIO(content)
