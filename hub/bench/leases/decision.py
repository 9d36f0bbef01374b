"""How long `decide` takes, and how that grows with the number of leases that wait."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hub.bench.leases.figures import growth, summaries
from hub.bench.leases.play import Play
from hub.bench.leases.world import PROGRAMMES, WAITING_PER_USER, Size
from hub.leases.model import Rules
from hub.leases.store import Store

SEED = 20
RULES = Rules(waiting_per_user=WAITING_PER_USER, shares={name: 1.0 + n % 3 for n, name in enumerate(PROGRAMMES)})
RARE = 20
"""What happened less often than this says nothing about growth."""

Tell = Callable[[str], None]


def played(size: Size, seconds: int) -> Play:
    """A workplace in the middle of its day, and the times of so many of its seconds."""
    play = Play(size, RULES, SEED)
    play.fill()
    play.settle()
    play.seconds(seconds)
    return play


def measure(waiting: int, others: Sequence[int], seconds: int, tell: Tell) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of `decision` (with `waiting` leases in line) and of `growth` (with all of these numbers)."""
    plays: dict[int, Play] = {}
    for count in sorted({waiting, *others}):
        tell(f"Decisions with {count} waiting leases")
        plays[count] = played(Size(waiting=count), seconds)
    play = plays[waiting]
    found = summaries(play.times) | {"cpu": summaries(play.cpu), "waiting": waiting, "live": len(play.state.leases)}
    return found | {"devices": play.size.devices, "users": play.size.users}, _growth(plays)


def with_records(database: Path, seconds: int) -> dict[str, Any]:
    """Decisions on what a broker reads from this database, which nobody else may use now."""
    store = Store(f"sqlite:///{database}")
    try:
        state = store.load(RULES, 0.0)
        size = Size(waiting=len(state.lines[next(iter(state.lines))]))
        play = Play(size, RULES, SEED, start=max(lease.heard for lease in state.leases.values()), state=state)
        play.settle()
        play.seconds(seconds)
        return summaries(play.cpu)
    finally:
        store.close()


def _growth(plays: dict[int, Play]) -> dict[str, Any]:
    """By kind of event: mean CPU time, so that other work on this machine counts less."""
    kinds = set.intersection(*(set(play.cpu) for play in plays.values()))
    often = sorted(kind for kind in kinds if all(len(play.cpu[kind]) >= RARE for play in plays.values()))
    by_event = {kind: growth({n: _mean(play.cpu[kind]) for n, play in plays.items()}) for kind in often}
    together = growth({n: _mean([x for times in play.cpu.values() for x in times]) for n, play in plays.items()})
    return together | {"by_event": by_event, "linear": [kind for kind in often if by_event[kind]["is_linear"]]}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
