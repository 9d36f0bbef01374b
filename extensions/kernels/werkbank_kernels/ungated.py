"""Kernels without a gate wait for their device before they start."""

from __future__ import annotations

import asyncio

from .errors import KernelNotStarted
from .holding import Holding
from .lease import HELD, OFFERED
from .words import tr


async def device(holding: Holding) -> dict[str, str]:
    """Wait for a device; the environment that shows it, or KernelNotStarted with the reason."""
    news = asyncio.Event()
    holding.listeners.add(news.set)
    try:
        while (found := _device_now(holding)) is None:
            news.clear()
            await news.wait()
        return found
    finally:
        holding.listeners.discard(news.set)


def _device_now(holding: Holding) -> dict[str, str] | None:
    """None while there is something to wait for."""
    lease = holding.lease
    if holding.refusal is not None:
        raise KernelNotStarted(str(holding.refusal))
    if lease is not None and (lease.state == OFFERED or lease.state in HELD):
        return lease.environment
    if lease is not None and lease.ended:
        raise KernelNotStarted(tr("error.ended", why=lease.why_ended))
    if holding.ending:
        raise KernelNotStarted(tr("error.cancelled"))
    return None
