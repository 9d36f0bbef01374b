"""An exception as an admin writes it down, and what is wrong with it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hub.leases.allowances import Allowance
from hub.leases.model import Rules
from hub.words import Translate

LONGEST_DAYS = 366
MOST_HOURS, MOST_DEVICES, MOST_REASON = 1e6, 10_000, 300


@dataclass(frozen=True)
class ExceptionForm:
    """The fields as they were sent."""

    user: str = ""
    """A member; empty for the whole programme."""
    hours: str = ""
    gpus: str = ""
    until: str = ""
    """The last day, as in 2026-12-24."""
    reason: str = ""


@dataclass
class Reading:
    """What the form says, or why it cannot be."""

    allowance: Allowance | None = None
    mistakes: dict[str, str] = field(default_factory=dict)


def read_form(form: ExceptionForm, programme: str, rules: Rules, who: str, now: float, _: Translate) -> Reading:
    """An allowance from now on until the end of its last day (UTC)."""
    reading = Reading()
    hours = _number(form.hours, "hours", MOST_HOURS, reading, _)
    devices = _number(form.gpus, "gpus", MOST_DEVICES, reading, _)
    if devices != int(devices):
        reading.mistakes["gpus"] = _("Give a whole number.")
    _check_bounds(form, programme, hours, devices, rules, reading, _)
    end = _end(form.until, now, reading, _)
    reason = " ".join(form.reason.split())
    if not 1 <= len(reason) <= MOST_REASON:
        reading.mistakes["reason"] = _("Say why, in at most {most} characters.").format(most=MOST_REASON)
    if not reading.mistakes:
        kind, name = ("user", form.user) if form.user else ("programme", programme)
        reading.allowance = Allowance(0, kind, name, hours, int(devices), now, end, reason, who)  # type: ignore[arg-type]
    return reading


def _check_bounds(
    form: ExceptionForm, programme: str, hours: float, devices: float, rules: Rules, reading: Reading, _: Translate
) -> None:
    if not hours and not devices and not reading.mistakes:
        reading.mistakes["hours"] = _("Give hours, GPUs, or both.")
    if form.user and hours:
        reading.mistakes["hours"] = _("Hours are bounded for programmes, not for one person; give GPUs.")
    if form.user:
        return
    if hours and programme not in rules.programme_hours:
        reading.mistakes["hours"] = _("This programme's hours have no bound; there is nothing to lift.")
    if devices and programme not in rules.programme_devices:
        reading.mistakes["gpus"] = _("This programme's GPUs have no bound; there is nothing to lift.")


def _number(text: str, name: str, most: float, reading: Reading, _: Translate) -> float:
    try:
        number = float(text.strip().replace(",", ".") or 0)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        sentence = _('"{value}" is no number from 0 to {most}.')
        reading.mistakes[name] = sentence.format(value=text.strip()[:40], most=f"{most:g}")
        return 0.0
    return number


def _end(text: str, now: float, reading: Reading, _: Translate) -> float:
    """The end of the day, in Unix seconds."""
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        reading.mistakes["until"] = _("Give the last day, such as {example}.").format(example="2026-12-24")
        return 0.0
    end = (day + timedelta(days=1)).timestamp()
    if not now < end <= now + LONGEST_DAYS * 86400:
        reading.mistakes["until"] = _("The last day is today or later, within a year.")
    return end
