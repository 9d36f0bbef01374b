"""A line and the holders of its devices as admins, programme leads and the command line read them."""

from collections.abc import Collection, Iterable

from pydantic import BaseModel

from hub.leases.explain import Holder, InLine, holders_of, ids_in_line, rows_of
from hub.leases.explain_words import CHANGES, COURTESY, HOLDS, MAKES_ROOM, PATIENCE, RANKS, SPARED
from hub.leases.model import DeviceState, Lease, Rules
from hub.leases.reservations import reserved_from
from hub.leases.sentences import UNPARKABLE, say
from hub.leases.state import NOBODY, State, Step
from hub.pages.filters import decimal, span, written
from hub.words import Translate, later, translator

SOMEBODY = later("somebody of another programme")
DEVICE_STATES = {
    DeviceState.FREE: later("Free."),
    DeviceState.RESERVED: later("Kept for a lease."),
    DeviceState.CLEANING: later("Given back a moment ago, and being checked."),
    DeviceState.QUARANTINED: later("Out of service: it was not seen clean."),
}
OUT = later("Taken out of service by an admin.")
UNSEEN = later("Not seen by the driver at the moment.")


class LineRow(BaseModel):
    """One who waits, with the numbers behind the place."""

    place: int | None
    lease: str
    user: str
    programme: str
    holder: str
    since: float
    """Unix seconds."""
    rank: str
    aged: bool
    """Waits so long that nobody of the same rank overtakes it."""
    programme_hours: float
    """Device-hours of its programme that still count."""
    share: float
    weighed: float
    """`programme_hours` over `share`: the least goes first."""
    user_hours: float
    held_back: str
    """Why it cannot be served whatever is free; empty when it can."""


class HolderRow(BaseModel):
    """A device, who has it, and why it does or does not become free."""

    device: str
    number: str
    lease: str
    """Empty when nobody has it."""
    user: str
    holder: str
    state: str
    since: float
    why: str


def line_rows(state: State, gpu_class: str, language: str) -> list[LineRow]:
    """Everybody who waits for a class, first to last."""
    return rows_in_line(state, ids_in_line(state, gpu_class), language)


def rows_in_line(state: State, ids: Iterable[str], language: str) -> list[LineRow]:
    """These leases of one line."""
    return [_line_row(state, row, language) for row in rows_of(state, ids)]


def _line_row(state: State, row: InLine, language: str) -> LineRow:
    lease, say_it = row.lease, translator(language)
    return LineRow(
        place=row.place,
        lease=lease.id,
        user=lease.user,
        programme=lease.programme,
        holder=lease.holder,
        since=lease.queued_at,
        rank=say_it(RANKS[row.rank]),
        aged=row.aged,
        programme_hours=round(row.programme_use, 2),
        share=row.share,
        weighed=round(row.weighed, 2),
        user_hours=round(row.user_use, 2),
        held_back=why_waits(state, lease, row.reason, language) if row.place is None else "",
    )


def holder_rows(state: State, waiting: Lease, language: str) -> list[HolderRow]:
    """The devices that a lease could have, and why each is or is not on its way to it."""
    return [_holder_row(state, holder, language) for holder in holders_of(state, waiting)]


def _holder_row(state: State, holder: Holder, language: str) -> HolderRow:
    device, lease = holder.device, holder.lease
    return HolderRow(
        device=device.uuid,
        number=device.label,
        lease=lease.id if lease else "",
        user=lease.user if lease else "",
        holder=lease.holder if lease else "",
        state=str(lease.state) if lease else str(device.state),
        since=(lease.acquired or lease.since) if lease else device.since,
        why=_why_kept(state.rules, holder, language) if lease else _why_empty(holder, translator(language)),
    )


def _why_empty(holder: Holder, _: Translate) -> str:
    device = holder.device
    return _(OUT if device.draining else UNSEEN if not device.visible else DEVICE_STATES.get(device.state, UNSEEN))


def _why_kept(rules: Rules, holder: Holder, language: str) -> str:
    _, lease = translator(language), holder.lease
    assert lease is not None
    names = ("min_idle", "min_idle_crowded", "min_hold", "idle_life", "patience")
    facts = {name: span(int(getattr(rules, name)), language) for name in names}
    facts["kept_until"] = written(lease.kept_until)
    if holder.spared:
        sentence = say(SPARED, holder.spared, _, **facts)
        return f"{sentence} {say(UNPARKABLE, lease.unparkable, _)}" if lease.unparkable else sentence
    if holder.courtesy and not holder.patience_over:
        return f"{say(COURTESY, holder.courtesy, _, **facts)} {_(PATIENCE).format(**facts)}"
    return _(MAKES_ROOM)


# --- why, and what would change it -------------------------------------------------------------------------


def why_waits(state: State, lease: Lease, reason: str, language: str) -> str:
    """Why a lease waits, in the third person and with its numbers."""
    return say(HOLDS, reason, translator(language), **_facts(state, lease, language))


def what_changes_it(reason: str, language: str) -> str:
    """What would let it have a device."""
    return say(CHANGES, reason, translator(language))


def _facts(state: State, lease: Lease, language: str) -> dict[str, object]:
    step, rules = Step(state, state.now), state.rules
    used = (step.use.get(("programme", lease.programme)) or NOBODY).hours_this_week(step.now)
    return {
        "user": lease.user,
        "programme": lease.programme or "–",
        "count": lease.count,
        "free": len(step.free(lease.gpu_class)),
        "total": len(step.of_class.get(lease.gpu_class) or ()),
        "kept": reserved_from(step, lease),
        "mine": step.occupied_by(lease.user),
        "most": rules.devices_of(lease.user),
        "held": step.programme_devices.get(lease.programme) or 0,
        "most_held": rules.programme_devices.get(lease.programme, 0),
        "used": decimal(used, language),
        "hours": decimal(rules.programme_hours.get(lease.programme, 0.0), language),
    }


# --- for a programme lead -----------------------------------------------------------------------------------


def without_names(
    line: Iterable[LineRow], holders: Iterable[HolderRow], state: State, programmes: Collection[str], language: str
) -> tuple[list[LineRow], list[HolderRow]]:
    """The same, with nobody named who is not of these programmes."""
    somebody = {"user": translator(language)(SOMEBODY), "holder": "", "lease": ""}
    hidden = {**somebody, "programme": "", "held_back": "", "user_hours": 0.0}
    shown = [row if row.programme in programmes else row.model_copy(update=hidden) for row in line]
    leases = state.leases
    holding = [
        row if not row.lease or _is_of(leases.get(row.lease), programmes) else row.model_copy(update=somebody)
        for row in holders
    ]
    return shown, holding


def _is_of(lease: Lease | None, programmes: Collection[str]) -> bool:
    return lease is not None and lease.programme in programmes
