"""What may be asked of the actuator. A line that is not exactly that is refused before anything is looked at."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

PARK, RESUME, STATE, RECOVER, CAPABILITIES = "park", "resume", "state", "recover", "capabilities"
ACTS = (PARK, RESUME, STATE, RECOVER, CAPABILITIES)
DRIVERS = ("cuda", "simulated")

_LEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DEVICE = re.compile(r"(GPU|MIG|SIMULATED)-[A-Za-z0-9_.-]{1,96}")
_STARTED = re.compile(r"[0-9]{1,20}")
_LARGEST = 2**63


class BadRequest(ValueError):
    """The line cannot be obeyed; its text says which part."""


@dataclass(frozen=True)
class Request:
    """One act. Times in seconds, memory in bytes; `host_budget` None sets no bound of its own. `of` is the act that
    a recovery asks after. With `migration` a resume may name other devices than those parked on.
    """

    id: str | int | None
    act: str
    lease: str = ""
    epoch: int = 0
    pid: int = 0
    pid_started: str = ""
    devices: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    lock_timeout_s: float = 10.0
    host_reserve: int = 0
    host_budget: int | None = None
    driver: str = "cuda"
    of: str = ""
    migration: bool = False


def parse(line: bytes) -> Request:
    """The request in a line. BadRequest."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise BadRequest("not JSON") from problem
    if not isinstance(raw, dict) or not set(raw) <= set(Request.__dataclass_fields__):
        raise BadRequest("not an object of known keys")
    request = Request(**{"id": None, "act": "", **_lists_as_tuples(raw)})
    for name, holds in _rules(request).items():
        if not holds:
            raise BadRequest(name)
    return request


def id_of(line: bytes) -> str | int | None:
    """The id of a line that may be anything, so that even a refusal finds its asker."""
    try:
        found = json.loads(line)["id"]
    except (ValueError, RecursionError, TypeError, KeyError, IndexError):
        return None
    return found if _is_id(found) else None


def _lists_as_tuples(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}


def _rules(request: Request) -> dict[str, bool]:
    """By the name of the part: whether it is as it should be. A process is needed by the acts that touch one."""
    rules = {
        "id": _is_id(request.id),
        "act": request.act in ACTS,
        "driver": request.driver in DRIVERS,
        "of": request.of in ("", PARK, RESUME),
        "migration": isinstance(request.migration, bool),
        "epoch": _is_count(request.epoch),
        "devices": _all_match(_DEVICE, request.devices, 64),
        "modules": _all_match(re.compile(r"[^\x00]{1,200}"), request.modules, 20_000),
        "lock_timeout_s": _is_timeout(request.lock_timeout_s),
        "host_reserve": _is_count(request.host_reserve),
        "host_budget": request.host_budget is None or _is_count(request.host_budget),
    }
    if request.act in (PARK, RESUME) or request.lease:
        rules["lease"] = _matches(_LEASE, request.lease)
    if request.act in (PARK, RESUME, STATE):
        rules["pid"] = _is_count(request.pid) and 1 < request.pid < 2**31
        rules["pid_started"] = _matches(_STARTED, request.pid_started)
    if request.act == PARK and request.driver == "cuda":
        rules["devices"] = rules["devices"] and len(request.devices) > 0
    return rules


def _is_id(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, str) and 0 < len(value) <= 64)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def _is_timeout(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 < value <= 600


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _all_match(pattern: re.Pattern[str], values: Any, at_most: int) -> bool:
    return isinstance(values, tuple) and len(values) <= at_most and all(_matches(pattern, item) for item in values)
