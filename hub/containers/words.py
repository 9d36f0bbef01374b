"""What people are told of the engine and of containers."""

import re

from hub.containers.ending import End
from hub.containers.engine import DiskFull, EngineClosed, EngineError, EngineSilent, NotThere
from hub.words import Translate

NO_PROGRAM = re.compile(r"no module named .?werkbank_seat|executable file|exec \S+ failed", re.IGNORECASE)
OTHER_MACHINE = "exec format error"


def why_not_started(error: EngineError, image: str, _: Translate) -> tuple[str, str, int]:
    """A sentence, a word for the metrics and a status, for what the engine said to a start."""
    said = str(error)
    if isinstance(error, EngineClosed):
        return (
            _("Werkbank may not use the container engine of this machine, so nothing was started. Tell the admins."),
            "engine-closed",
            503,
        )
    if isinstance(error, EngineSilent):
        return (
            _("The container engine does not answer now, so nothing was started. Try again in a minute."),
            "engine-silent",
            503,
        )
    if isinstance(error, DiskFull):
        return (
            _("The disk of the container engine is full, so nothing was started. Tell the admins."),
            "disk-full",
            507,
        )
    if isinstance(error, NotThere) and "image" in said.lower():
        sentence = _("This machine does not have the image {image}, so nothing was started. Tell the admins.")
        return sentence.format(image=image), "no-image", 500
    return _unusable(said, image, _) or (
        _("The container engine refused your seat: {why}. Nothing was started.").format(why=said.rstrip(".")),
        "engine-refused",
        500,
    )


def _unusable(said: str, image: str, _: Translate) -> tuple[str, str, int] | None:
    """For an image that cannot be a seat."""
    if OTHER_MACHINE in said.lower():
        sentence = _("The image {image} is for another kind of processor, so nothing was started. Tell the admins.")
        return sentence.format(image=image), "other-architecture", 500
    if NO_PROGRAM.search(said):
        sentence = _("The image {image} is not made for seats: Werkbank's program is not in it. Tell the admins.")
        return sentence.format(image=image), "no-seat-program", 500
    return None


def why_it_ended(end: End, image: str, _: Translate) -> tuple[str, str]:
    """A sentence and a word for the metrics, for a container that ended while its seat started."""
    if unusable := _unusable(f"{end.error} {end.last_line}", image, _):
        return unusable[0], unusable[1]
    if end.out_of_memory:
        return _("Your seat needed more memory to start than its profile has. Pick a larger one."), "out-of-memory"
    if "no space left" in end.last_line.lower():
        return _("The disk is full, so your seat could not start. Tell the admins."), "disk-full"
    sentence = _("Your seat ended while it started. It said last: {line}.")
    return sentence.format(line=(end.last_line or f"{end.status}").rstrip(".")), "died-at-start"
