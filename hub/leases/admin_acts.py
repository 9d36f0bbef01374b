"""What admins do to devices and leases, by the API or on a page; each act stands in the log with who did it."""

from typing import Literal

from fastapi.concurrency import run_in_threadpool

from hub.audit import Audit
from hub.leases.desk import Desk
from hub.leases.events import Drained, Looked, Released
from hub.leases.inventory import Unreadable
from hub.leases.model import ENDED, DeviceState, Lease
from hub.leases.routes import problem, told

LookedAt = Literal["clean", "not-clean", "unreadable", "not-waiting"]


async def drain(desk: Desk, audit: Audit, who: str, uuid: str, draining: bool) -> None:
    """Take a device out of service once its lease ends, or put it back. Raises Problem 404."""
    await told(desk, Drained(uuid, draining))
    desk.log.info("device.drained", device=uuid, draining=draining, admin=who)
    what = "device.drained" if draining else "device.returned"
    await run_in_threadpool(audit.tell, who, what, f"device:{uuid}")


async def end(desk: Desk, audit: Audit, who: str, lease: Lease) -> None:
    """End a lease: its kernel runs on without a GPU. Doing so twice changes nothing."""
    if lease.state not in ENDED:
        desk.log.info("lease.ended-by-admin", lease=lease.id, admin=who)
        await told(desk, Released(lease.id, "admin"))
        await run_in_threadpool(audit.tell, who, "lease.ended", f"lease:{lease.id}", user=lease.user)


async def look_again(desk: Desk, audit: Audit, who: str, uuid: str) -> LookedAt:
    """Look at a device in quarantine now; it is back in service when it is clean, and never otherwise.

    Raises Problem 404.
    """
    device = desk.broker.state.devices.get(uuid)
    if device is None:
        raise problem("no-such-device")
    if device.state is not DeviceState.QUARANTINED:
        return "not-waiting"
    try:
        clean = await run_in_threadpool(desk.broker.inventory.is_clean, device)
    except Unreadable:
        return "unreadable"
    await told(desk, Looked(uuid, clean))
    if clean:
        await run_in_threadpool(audit.tell, who, "device.unquarantined", f"device:{uuid}")
    return "clean" if clean else "not-clean"
