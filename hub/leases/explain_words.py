"""What admins and programme leads read of why somebody waits, or is not asked to make room.

English message ids; Dutch is in `hub/locale/nl.po`. What the people concerned read is in `sentences`.
"""

from hub.words import later

HOLDS = {
    "all-busy": later("No GPU of this class is free: {free} of {total}."),
    "making-room": later("An idle kernel is just making room."),
    "cleaning": later("A GPU was just given back and is being checked."),
    "coming-back": later("It is parked, and its own GPU is in use by another kernel."),
    "own-cap": later("{user} has {mine} of the {most} GPUs that they can have at once."),
    "programme-devices": later("The programme {programme} has {held} of the {most_held} GPUs it can have at once."),
    "programme-hours": later("The programme {programme} has used {used} of its {hours} GPU-hours of this week."),
    "reserved": later("The free GPUs are reserved for a workshop: {kept} of {free}."),
    "several": later("They ask for {count} GPUs at once, and {free} are free; these are kept together for them."),
    "unreadable": later("The GPUs cannot be read at the moment."),
    "out-of-service": later("The GPUs of this class are out of service."),
}
"""Why somebody waits, by the codes of `sentences.WAITING`."""

CHANGES = {
    "all-busy": later("Somebody gives a GPU back, or an idle kernel makes room. An admin can end a lease."),
    "making-room": later("Nothing needs to be done: it takes seconds."),
    "cleaning": later("Nothing needs to be done: it takes seconds."),
    "coming-back": later("The kernel that has this GPU becomes idle or is shut down."),
    "own-cap": later("They give a GPU back. Or an admin grants an exception, or raises what one person can have."),
    "programme-devices": later("The programme gives a GPU back. Or an admin grants an exception, or raises its quota."),
    "programme-hours": later(
        "The week ends (Monday, 00:00 UTC). Or an admin grants an exception, or raises its quota."
    ),
    "reserved": later("The reservation ends, or its workshop is withdrawn; or its trainer adds them to it."),
    "several": later("They ask for fewer at once, or others give theirs back."),
    "unreadable": later("An admin looks after the driver. Nobody loses what they hold."),
    "out-of-service": later("An admin puts a GPU of this class back into service."),
}
"""What would let them have a GPU, by the same codes."""

SPARED = {
    "offered": later("It was just offered this GPU and has yet to take it."),
    "notice": later("It has been asked to make room, and does so in a moment."),
    "parking": later("It is making room now."),
    "resuming": later("It has just got its GPU back."),
    "silent": later("Its seat is not heard from; the GPU stays with it until it is known to be gone."),
    "busy": later("A cell runs, or the GPU computed a moment ago: what works is never asked."),
    "unparkable": later("It cannot be parked; it ends once it has been idle for {idle_life} while somebody waits."),
    "idle-too-short": later("It has been idle for less than {min_idle_crowded}."),
    "kept": later("Its user keeps it until {kept_until}."),
    "was-working": later("The last attempt to park it found it working; it is tried again after a while."),
    "reserved": later("It is held in a reservation that runs now."),
}
"""Why the holder of a device is not asked to make room, whoever waits."""

COURTESY = {
    "idle-too-short": later("It has been idle for less than {min_idle}."),
    "just-back": later("It came back from being parked a short while ago."),
    "held-too-short": later("It has had its GPU for less than {min_hold}."),
    "lighter-user": later("Its user has used less than the one who waits."),
}
"""Why it is left alone as long as nobody has waited for long."""

MAKES_ROOM = later("It is idle and will be asked to make room.")
PATIENCE = later("That counts until somebody has waited for {patience}.")

RANKS = {
    1: later("a reservation of its own"),
    2: later("was parked and returns"),
    3: later("a notebook with somebody at it"),
    4: later("runs by itself, or a Dask worker"),
}
"""The classes of the queue, the first goes first."""
