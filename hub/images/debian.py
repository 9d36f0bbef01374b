"""A base image from Debian's own packages, where no registry can be reached: what debian:12-slim is, made here."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hub.images.program import ImagesError, Program, last_lines
from hub.images.recipes import LOCAL_DEBIAN

SUITE = "bookworm"
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
LEFT_OUT = ("man", "locale", "doc", "info", "lintian", "groff", "linda")
MERGED = "/usr/share/mmdebstrap/hooks/merged-usr"
PATIENCE_S = 900.0


def make(engine: Program, epoch: int) -> str:
    """Make it with mmdebstrap, and return its name. Raises ImagesError."""
    program = shutil.which("mmdebstrap")
    if program is None:
        raise ImagesError("A base image is made by mmdebstrap, which is not here (on Debian: apt install mmdebstrap).")
    if os.geteuid() != 0:
        raise ImagesError("Only root can make a base image from packages. Start it as root, or use --base.")
    sources = next((file for file in SOURCES if file.is_file()), None)
    if sources is None:
        raise ImagesError(f"This machine has no sources of Debian's packages: {SOURCES[0]} is not there.")
    with tempfile.TemporaryDirectory() as folder:
        _bootstrap([program, *_options(), SUITE, f"{folder}/root.tar", str(sources)], epoch)
        Path(folder, "Containerfile").write_text('FROM scratch\nADD root.tar /\nCMD ["bash"]\n', encoding="utf-8")
        dating = [] if engine.is_docker else ["--format=oci", f"--timestamp={epoch}"]
        engine.run("build", "--tag", LOCAL_DEBIAN, *dating, folder, timeout=PATIENCE_S)
    return LOCAL_DEBIAN


def _options() -> list[str]:
    out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    return [
        "--variant=minbase",
        "--mode=root",
        "--include=usr-is-merged",  # else a package that merges /usr brings all of Perl
        f"--hook-dir={MERGED}",
        '--aptopt=Apt::Install-Recommends "false"',
        *out,
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        "--dpkgopt=path-include=/usr/share/locale/locale.alias",
    ]


def _bootstrap(command: list[str], epoch: int) -> None:
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise ImagesError(f"No base image was made: {last_lines(done.stderr)}")
