"""What the service depends on, and how each is asked."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import State

from hub.health import Check
from hub.leases.desk import Desk

MOST_LAG = 10.0
"""Seconds without a decision after which the broker is not well: it decides every second that time has passed."""


def checks_of(state: State) -> dict[str, Check]:
    """A check for each dependency, in the order in which one looks for the cause."""
    desk: Desk = state.leases

    async def database() -> bool:
        return bool(await run_in_threadpool(state.keeps.reachable))

    async def leases() -> bool:
        return bool(await run_in_threadpool(desk.broker.store.reachable))

    async def broker() -> bool:
        lag = desk.broker.now() - desk.broker.state.now
        if lag > MOST_LAG:
            raise OSError(f"no decision for {lag:.0f} s")
        return True

    async def devices() -> bool:
        if desk.broker.unreadable:
            raise OSError(desk.broker.unreadable)
        return True

    checks: dict[str, Check] = {"hub": state.hub.alive, "proxy": state.proxy.alive, "database": database}
    checks |= {"leases": leases, "broker": broker}
    checks["slurm" if desk.broker.state.rules.jobs else "devices"] = devices
    return checks | ({"dask-gateway": state.gateway.alive} if state.gateway else {})
