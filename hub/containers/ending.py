"""How a container ended, as far as the engine knows."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.containers.engine import Engine, EngineRefused, NotThere
from hub.state import give_to_owner_of

ENDING_S = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Pauses between looks at a container that is about to end."""
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

    def __str__(self) -> str:
        parts = [f"status {self.status}", "out of memory" if self.out_of_memory else "", self.error, self.last_line]
        return "; ".join(part for part in parts if part)


async def how_it_ended(engine: Engine, container: str, log: Path) -> End:
    """Its end. What it said is kept in `log`, since it goes away with the container. Raises EngineError."""
    for pause in ENDING_S:
        told = await engine.call("inspect_container", container)
        if not told["State"]["Running"]:
            break
        await asyncio.sleep(pause)  # its line was closed a moment before it ends
    said = await engine.call("logs", container, tail=LAST_LINES)
    keep(log, said)
    state = told["State"]
    return End(
        int(state.get("ExitCode") or 0),
        bool(state.get("OOMKilled")),
        str(state.get("Error") or ""),
        last_line(said),
    )


async def take_away(engine: Engine, container: str) -> None:
    """Remove it, running or not; that it is gone already is as good. Raises EngineError."""
    for pause in (*ENDING_S, None):
        try:
            await engine.call("remove_container", container, force=True, v=True)
        except NotThere:
            return
        except EngineRefused:
            # Podman refuses when a container ends by itself while it is being ended.
            if pause is None:
                raise
            await asyncio.sleep(pause)
        else:
            return


async def strangers(engine: Engine, labels: Mapping[str, str], known: Collection[str]) -> list[str]:
    """Names of containers with these labels that are none of the known. Raises EngineError."""
    wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
    found = await engine.call("containers", all=True, filters=wanted)
    names = [str(one["Names"][0]).lstrip("/") for one in found]
    return [name for name in names if name not in known]


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
