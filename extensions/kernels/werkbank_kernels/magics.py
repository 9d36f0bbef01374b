"""``%werkbank``: what this kernel leases, in a few lines of text, and what can be done about it without buttons."""

from __future__ import annotations

import re
import time

from IPython.core.magic import Magics, line_magic, magics_class

from .cell import why_interrupted
from .cuda import INITIALISED
from .gate import OPEN, OVER, WAITING, Gate
from .lease import AWAY, HELD, Lease, device_name, waiting_sentence
from .lease import WAITING as IN_QUEUE
from .words import duration, tr

_OF_A_DEVICE = ("keep", "release")  # they wait for it like any cell
_ALONE = re.compile(r"\s*%werkbank(?:[ \t]+([^\r\n]*))?\s*")


@magics_class
class WerkbankMagics(Magics):
    """The magic looks at the gate of its kernel; a kernel without one leases nothing."""

    @line_magic
    def werkbank(self, line: str) -> None:
        """``%werkbank gpu | queue | cpu | cancel | keep | release | help``."""
        print(answer(line, getattr(self.shell, "werkbank_gate", None)))


def question(code: str) -> str | None:
    """What a cell asks that is nothing but the magic, and needs no device for its answer; None for any other cell."""
    found = _ALONE.fullmatch(code)
    if found is None or _verb(found[1] or "") in _OF_A_DEVICE:
        return None
    return (found[1] or "").strip()


def _verb(line: str) -> str:
    return (line.split() or ["gpu"])[0].lower()


def answer(line: str, gate: Gate | None) -> str:
    """Do what the magic's line says, and say how that went. Touches no device."""
    what = _verb(line)
    if what == "help":
        return tr("magic.help").strip("\n")
    if what not in _ANSWERS:
        return tr("magic.unknown", what=what, known=", ".join([*_ANSWERS, "help"]))
    return tr("magic.no_lease") if gate is None else _ANSWERS[what](gate)


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
        return tr("magic.without" if gate.cpu else "magic.not_yet")
    if lease.ended:
        return f"{tr('magic.without')} {tr('magic.ended', why=lease.why_ended)}"
    if lease.state in AWAY and not gate.wants:
        return tr("magic.parked", device=device_name(lease))
    waits = waiting_sentence(lease, gate.silent).removesuffix(tr("wait.cancel")).strip()
    return f"{tr('magic.without')} {waits}" if gate.cpu else waits


def _cpu(gate: Gate) -> str:
    if gate.elsewhere:
        return tr("magic.cpu_elsewhere")
    if gate.lease is not None and gate.lease.ended:
        return _cpu_for_good(gate)
    if _holds(gate) is not None:
        return tr("magic.cpu_has_gpu")
    if gate.position not in (OPEN, WAITING):
        return tr("magic.cpu_parked")
    if gate.cpu:
        return f"{tr('magic.cpu_already')} {_queue(gate)}"
    _start_on_cpu(gate)
    return tr("magic.cpu")


def _cpu_for_good(gate: Gate) -> str:
    """Without a lease; a kernel that had a device cannot know what its code still expects of it."""
    if gate.bound and gate.position == OVER:
        return tr("stopped.over", why=gate.lease.why_ended if gate.lease else "")
    _start_on_cpu(gate)
    return tr("magic.cpu_for_good")


def _start_on_cpu(gate: Gate) -> None:
    gate.cpu = True
    gate.notify()


def _cancel(gate: Gate) -> str:
    if gate.wants:
        gate.interrupt(why_interrupted)
    elif gate.lease is None or gate.lease.state in IN_QUEUE:
        gate.command("cancel")  # without a lease the request may be on its way
    else:
        return tr("magic.no_queue")
    if gate.position not in (OPEN, WAITING):
        return tr("magic.cancelled_parked")
    return tr("magic.cancelled_on_cpu" if gate.cpu else "magic.cancelled")


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


_ANSWERS = {"gpu": _gpu, "queue": _queue, "cpu": _cpu, "cancel": _cancel, "keep": _keep, "release": _release}
