"""``%werkbank``: what this kernel leases, in a few lines of text."""

from __future__ import annotations

import time

from IPython.core.magic import Magics, line_magic, magics_class

from .cuda import INITIALISED
from .gate import Gate
from .lease import HELD, Lease, device_name, waiting_sentence
from .words import duration, tr

_KNOWN = ("gpu", "release", "keep", "queue", "help")


@magics_class
class WerkbankMagics(Magics):
    """The magic looks at the gate of its kernel; a kernel without one leases nothing."""

    @line_magic
    def werkbank(self, line: str) -> None:
        """``%werkbank gpu | release | keep | queue | help``."""
        words = line.split()
        print(self._answer(words[0].lower() if words else "gpu"))

    def _answer(self, what: str) -> str:
        if what == "help":
            return tr("magic.help").strip("\n")
        if what not in _KNOWN:
            return tr("magic.unknown", what=what, known=", ".join(_KNOWN))
        gate: Gate | None = getattr(self.shell, "werkbank_gate", None)
        if gate is None:
            return tr("magic.no_lease")
        return {"gpu": _gpu, "queue": _queue, "keep": _keep, "release": _release}[what](gate)


def _holds(gate: Gate) -> Lease | None:
    return gate.lease if gate.bound and gate.lease is not None and gate.lease.state in HELD else None


def _gpu(gate: Gate) -> str:
    lease = _holds(gate)
    if lease is None:
        return _queue(gate)
    since = duration(time.time() - lease.since)
    unparkable = lease.raw.get("unparkable")
    manner = tr("magic.fixed", why=unparkable["text"]) if unparkable else tr("magic.shared")
    return f"{tr('magic.holds', device=device_name(lease), time=since)}\n{manner}"


def _queue(gate: Gate) -> str:
    lease = gate.lease
    if _holds(gate) is not None:
        return tr("magic.no_queue")
    if lease is None:
        return tr("magic.without")
    if lease.ended:
        return f"{tr('magic.without')} {tr('magic.ended', why=lease.why_ended)}"
    return f"{tr('magic.without')} {waiting_sentence(lease, gate.silent).removesuffix(tr('wait.cancel')).strip()}"


def _keep(gate: Gate) -> str:
    lease = _holds(gate)
    if lease is None:
        return tr("magic.keep_nothing")
    left = int(lease.raw.get("keeps_left") or 0)
    gate.command("keep")
    return tr("magic.keep_asked", left=max(0, left - 1))


def _release(gate: Gate) -> str:
    if _holds(gate) is None:
        return tr("magic.release_nothing")
    if gate.cuda() == INITIALISED:
        return tr("magic.release_used")
    gate.cpu = True
    gate.unbind()
    gate.notify()
    gate.command("release")
    return tr("magic.released")
