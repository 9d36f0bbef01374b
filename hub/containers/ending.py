"""How a container ended, as far as the engine knows."""

from dataclasses import dataclass
from pathlib import Path

from hub.containers.engine import Engine
from hub.state import give_to_owner_of

LAST_LINES = 2000
LAST_LINE = 300


@dataclass(frozen=True)
class End:
    """What is known of it."""

    status: int
    out_of_memory: bool = False
    error: str = ""
    """What the engine says."""
    last_line: str = ""
    """What it said last."""
    architecture: str = ""
    """Of its image."""

    def __str__(self) -> str:
        parts = [f"status {self.status}", "out of memory" if self.out_of_memory else "", self.error, self.last_line]
        return "; ".join(part for part in parts if part)


async def how_it_ended(engine: Engine, container: str, log: Path) -> End:
    """Its end. What it said is kept in `log`, since it goes away with the container. Raises EngineError."""
    told = await engine.call("inspect_container", container)
    said = await engine.call("logs", container, tail=LAST_LINES)
    keep(log, said)
    state = told["State"]
    return End(
        int(state.get("ExitCode") or 0),
        bool(state.get("OOMKilled")),
        str(state.get("Error") or ""),
        last_line(said),
    )


def last_line(said: bytes) -> str:
    """The last line that says anything."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][-LAST_LINE:] if lines else ""


def keep(log: Path, said: bytes) -> None:
    """Write it where the logs of seats are; a full disk loses it."""
    try:
        log.write_bytes(said)
        log.chmod(0o600)
        give_to_owner_of(log.parent, log)
    except OSError:
        return
