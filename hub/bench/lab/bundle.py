"""What the built extension makes the browser load."""

import gzip
from importlib.util import find_spec
from pathlib import Path

from hub.errors import WerkbankError

LOADED = (".js", ".css")


class NotBuilt(WerkbankError):
    """The extension of JupyterLab is not built here; `./werkbank check` builds it."""


def built() -> Path:
    """The folder of the built extension that JupyterLab serves. Raises NotBuilt."""
    found = find_spec("werkbank_lab")
    folder = Path(found.origin).with_name("labextension") / "static" if found and found.origin else None
    if folder is None or not folder.is_dir():
        raise NotBuilt
    return folder


def sizes(folder: Path) -> dict[str, int]:
    """Bytes after gzip of each script and style sheet in `folder`, by its path there. Raises NotBuilt without any."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in LOADED)
    if not files:
        raise NotBuilt
    return {str(path.relative_to(folder)): len(gzip.compress(path.read_bytes(), mtime=0)) for path in files}
