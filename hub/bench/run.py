"""The measurement: stock and Werkbank in turn, round by round."""

import asyncio
import os
import platform
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hub import __version__
from hub.bench import children, figures, peers, usage
from hub.bench.figures import Measured, Round
from hub.bench.peers import Peer
from hub.bench.seat import Seat, Started, StartFailed
from hub.bench.settings import generated

PACKAGES = ("jupyterhub", "jupyterlab", "jupyter_server", "ipykernel")


class Watcher(Protocol):
    """Hears how the measurement goes."""

    def now(self, sentence: str) -> None:
        """What happens now."""

    def round_done(self) -> None:
        """One of `Plan.rounds` is over."""

    def failed(self, sentence: str, log: str) -> None:
        """A seat failed; the end of its log."""


class Plan(NamedTuple):
    """What to measure."""

    settings: Path
    counts: Sequence[int]
    """How many seats to start at once; each of them `runs` times at both hubs."""
    runs: int

    @property
    def rounds(self) -> int:
        """Rounds in all, with one unmeasured at each hub that fills the machine's caches."""
        return 2 * (self.runs * len(self.counts) + 1)

    @property
    def users(self) -> list[str]:
        return [f"bench-{number:02}" for number in range(max(self.counts))]


class Side(NamedTuple):
    """One hub while it is measured."""

    peer: Peer
    seats: Sequence[Seat]
    measured: Measured


def run(plan: Plan, watcher: Watcher) -> dict[str, Any]:
    """Start both hubs, measure, and end all that was started, also when this is interrupted.

    Raises SettingsError before anything is started and StartError when a hub does not start.
    A seat that does not is told to `watcher` and counted.
    """
    load = os.getloadavg()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="werkbank-bench-")))
        settings = generated(plan.settings, folder / "werkbank.yaml", plan.users)
        stack.callback(peers.release_limits, folder / "werkbank", plan.users)
        stack.enter_context(children.none_left())
        watcher.now("Starting stock JupyterHub")
        stock = stack.enter_context(peers.stock(folder / "stock"))
        watcher.now("Starting Werkbank")
        ours = stack.enter_context(peers.werkbank(folder / "werkbank", settings))
        measured = [_unmeasured(peer, load) for peer in (stock, ours)]
        asyncio.run(_measure(plan, watcher, list(zip((stock, ours), measured, strict=True))))
        watcher.now("Stopping both")
    return figures.report(*measured)


def _unmeasured(peer: Peer, load: Sequence[float]) -> Measured:
    versions = {"python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    if peer.name == "werkbank":
        versions["werkbank"] = __version__
    return Measured(versions, load, usage.pss_mb(peer.family()))


async def _measure(plan: Plan, watcher: Watcher, hubs: Sequence[tuple[Peer, Measured]]) -> None:
    watcher.now("Signing in")
    async with AsyncExitStack() as stack:
        sides = [Side(peer, await _sign_in(peer, plan.users, stack), measured) for peer, measured in hubs]
        await _rounds(plan, watcher, sides)


async def _rounds(plan: Plan, watcher: Watcher, sides: Sequence[Side]) -> None:
    for side in sides:
        watcher.now(f"{side.peer.name}: a first start, not counted")
        await _round(side, 1, watcher)
        watcher.round_done()
    for count in plan.counts:
        for number in range(1, plan.runs + 1):
            for side in sides:
                watcher.now(f"{side.peer.name}: {count} at once, run {number} of {plan.runs}")
                side.measured.rounds.setdefault(count, []).append(await _round(side, count, watcher))
                watcher.round_done()


async def _sign_in(peer: Peer, users: Sequence[str], stack: AsyncExitStack) -> list[Seat]:
    seats = [await Seat.sign_in(peer.address, user, peer.password) for user in users]
    for seat in seats:
        stack.push_async_callback(seat.http.aclose)
    return seats


async def _round(side: Side, count: int, watcher: Watcher) -> Round:
    seats = side.seats[:count]
    busy = await usage.wait_until_quiet()
    before = usage.own_cpu_s(side.peer.hub)
    outcomes = await asyncio.gather(*(seat.start() for seat in seats), return_exceptions=True)
    hub_cpu = usage.own_cpu_s(side.peer.hub) - before
    started = {
        seat.user: outcome for seat, outcome in zip(seats, outcomes, strict=True) if isinstance(outcome, Started)
    }
    usages = usage.usages({side.peer.home(user): outcome.kernel for user, outcome in started.items()})
    for seat, outcome in zip(seats, outcomes, strict=True):
        _tell_failure(side.peer, seat, outcome, watcher)
    await asyncio.gather(*(seat.stop() for seat in seats))
    milestones = [outcome.milestones for outcome in started.values()]
    return Round(milestones, usages, hub_cpu, busy, failed=count - len(started))


def _tell_failure(peer: Peer, seat: Seat, outcome: object, watcher: Watcher) -> None:
    if isinstance(outcome, StartFailed):
        watcher.failed(f"{peer.name}: {outcome}", children.tail(peer.log_of(seat.user)))
    elif isinstance(outcome, BaseException):
        raise outcome
