"""Images with which no seat can start, each named for what is wrong with it."""

import struct
from pathlib import Path

from tests.support.containers import Engine
from tests.support.seat_containers import IMAGE

NOT_THERE = "localhost/werkbank/not-there:1"
OTHER_MACHINE = "localhost/werkbank/test-other-machine"
NO_PROGRAM = "localhost/werkbank/test-no-program"
NO_PYTHON = "localhost/werkbank/test-no-python"

FILES = {
    OTHER_MACHINE: "FROM scratch\nCOPY program /usr/bin/python\nENV PATH=/usr/bin\nUSER 1000\n",
    NO_PROGRAM: f"FROM {IMAGE}\nUSER 0\nRUN rm -rf /opt/werkbank/lib/python3*/*/werkbank_seat*\nUSER 1000\n",
    NO_PYTHON: f"FROM {IMAGE}\nENV PATH=/usr/bin:/bin\n",
}


def make(engine: Engine, folder: Path) -> None:
    """Build them all."""
    for name, text in FILES.items():
        place = folder / name.rpartition("/")[2]
        place.mkdir()
        (place / "Containerfile").write_text(text)
        (place / "program").write_bytes(of_another_machine())
        (place / "program").chmod(0o755)
        engine.run("build", "--isolation", "chroot", "--network", "host", "--arch", _arch(name), "-t", name, str(place))


def _arch(name: str) -> str:
    return "s390x" if name == OTHER_MACHINE else "amd64"


def of_another_machine() -> bytes:
    """The head of a program for IBM's mainframes; nothing here runs it."""
    ident = b"\x7fELF" + bytes([2, 2, 1]) + bytes(9)
    return ident + struct.pack(">HHIQQQIHHHHHH", 2, 22, 1, 0x1000000, 64, 0, 0, 64, 56, 0, 64, 0, 0) + bytes(64)
