"""What an act ended as, and the codes that say why."""

from dataclasses import asdict, dataclass, field
from typing import Any

DONE, REFUSED, LATER, BROKEN = "done", "refused", "later", "broken"

# What the precheck finds, and whether asking again can help: "refused" ends the matter for this kernel.
PRECHECK = {
    "no-driver": REFUSED,
    "driver-too-old": REFUSED,
    "not-supported": REFUSED,
    "canary-failed": REFUSED,
    "mig": REFUSED,
    "mps": REFUSED,
    "uvm": REFUSED,
    "process-group": REFUSED,
    "device-not-leased": REFUSED,
    "other-process-on-device": LATER,
    "process-not-listed": LATER,
    "host-memory": LATER,
    "not-running-state": LATER,
}

# What stands against a return to other devices. The kernel stays parked, and "later" leaves it to be asked again:
# it may then be the turn of the device it came from.
MIGRATION = {
    "other-device": REFUSED,
    "parked-on-unknown": REFUSED,
    "driver-too-old": REFUSED,
    "mig": REFUSED,
    "mps": REFUSED,
    "other-model": REFUSED,
    "device-not-listed": LATER,
    "devices-differ": LATER,
}

NOTHING_ON_DEVICE, ON_DEVICE, SIMULATED = "nothing-on-device", "device-memory", "simulated"


@dataclass(frozen=True)
class Answer:
    """The end of one act. `bytes` is device memory, `mode` says what was there to park, `details` is for logs."""

    outcome: str
    reason: str = ""
    bytes: int = 0
    seconds: float = 0.0
    mode: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Stopped(Exception):
    """An act ended before its last step; carries the answer."""

    def __init__(self, outcome: str, reason: str, **details: Any):
        super().__init__(f"{outcome}: {reason}")
        self.answer = Answer(outcome, reason, details=details)


def insist(code: str | None) -> None:
    """Stopped when the precheck found something; None is nothing."""
    if code:
        raise Stopped(PRECHECK[code], code)
