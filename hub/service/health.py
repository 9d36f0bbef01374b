"""Is every dependency there? Each is asked by name, all at once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hub.web.hub_api import HubUnreachable

Check = Callable[[], Awaitable[bool]]
TIMEOUT = 5.0


@dataclass(frozen=True)
class Health:
    """One dependency: does it answer, and if not, what was said."""

    name: str
    ok: bool
    detail: str = ""


async def check_all(checks: dict[str, Check]) -> list[Health]:
    """Ask every dependency; none can hold up the others for longer than TIMEOUT seconds."""
    return list(await asyncio.gather(*(_check(name, check) for name, check in checks.items())))


async def _check(name: str, check: Check) -> Health:
    try:
        async with asyncio.timeout(TIMEOUT):
            return Health(name, await check())
    except TimeoutError:
        return Health(name, False, f"no answer within {TIMEOUT:g} s")
    except (HubUnreachable, OSError) as error:
        return Health(name, False, str(error))
