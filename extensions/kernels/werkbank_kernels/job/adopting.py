"""A seat that begins takes the kernels over that an earlier one left running."""

from __future__ import annotations

import os
from typing import Any

from .records import kept


async def adopt_all(manager: Any, server: str) -> None:
    """Start each under its own id; its host knows that it runs. One whose lease is over says so in its notebook."""
    for record in list(kept(server)):
        manager.log.info("kernel.adopted kernel=%s lease=%s", record.kernel_id, record.lease_id)
        manager.adopting[record.kernel_id] = record
        env = {**os.environ, **({"JPY_SESSION_NAME": record.session} if record.session else {})}
        try:
            await manager.start_kernel(
                kernel_id=record.kernel_id, kernel_name=record.kernel_name, env=env, cwd=record.cwd or None
            )
        except Exception:  # one that cannot be started must not keep the others away
            manager.log.exception("kernel.not-adopted kernel=%s", record.kernel_id)
