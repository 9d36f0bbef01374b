"""What people read about leases: why they wait, why a lease ended, why something was refused.

English message ids; Dutch is in `hub/locale/nl.po`.
"""

from hub.words import Translate, later

WAITING = {
    "all-busy": later("No GPU of this class is free ({count} in all)."),
    "making-room": later("An idle kernel is making room; it keeps its variables."),
    "cleaning": later("A GPU was just given back and is being checked."),
    "coming-back": later("Your GPU is in use; you get it back as soon as its kernel is idle."),
    "own-cap": later("You have as many GPUs as one person can have at once ({most}). Give one back to go on."),
    "programme-devices": later("Your programme has as many GPUs as it can have at once ({most})."),
    "programme-hours": later("Your programme has used its GPU-hours of this week. The new week begins on Monday."),
    "reserved": later("The free GPUs are reserved for a workshop."),
    "several": later("You asked for {count} GPUs at once; they are being kept together for you."),
    "unreadable": later("The GPUs cannot be read at the moment. The admins can see why."),
    "out-of-service": later("The GPUs of this class are out of service at the moment."),
    "submitting": later("Slurm is being asked for it."),
    "submitted": later("Slurm has it in its line."),
    "slurm-silent": later("Slurm does not answer now; your place is kept, and it is asked again."),
    "starting": later("Its job has begun; the kernel starts there."),
}

ENDED = {
    "shutdown": later("The kernel was shut down, and its GPU given back."),
    "user": later("You gave the GPU back. Restart the kernel to ask for one again."),
    "admin": later("An admin ended this GPU lease. Restart the kernel to ask for a GPU again."),
    "cancelled": later("You stopped waiting for a GPU."),
    "died": later("The kernel ended, and its GPU was given back."),
    "unbindable": later("This kernel had already started without a GPU. Restart it to get one."),
    "process-gone": later("The kernel ended without a word, and its GPU was given back."),
    "silent": later("The kernel was no longer heard from, so its place in the queue was given up."),
    "offer-not-taken": later("The kernel did not take the GPU it was offered. Restart it to ask again."),
    "parked-too-long": later("The kernel was parked for too long, and its GPU memory was given up. Restart it."),
    "idle-too-long": later("The GPU was idle for a long time while others waited. Restart the kernel to ask again."),
    "job-gone": later("The kernel's job is no longer known to Slurm, and what was in the kernel is lost. Restart it."),
    "job-timeout": later("The time of the kernel's job was over, and what was in the kernel is lost. Restart it."),
    "job-node": later(
        "The node that the kernel ran on broke down, and what was in the kernel is lost. "
        "Files that you saved are safe. Restart the kernel."
    ),
    "job-memory": later("The kernel took more memory than its job has, and was ended. Restart it with less in memory."),
    "job-cancelled": later("The kernel's job was cancelled in Slurm, by an admin or by yourself. Restart the kernel."),
    "job-preempted": later("Slurm took the place of the kernel's job for one that goes before. Restart the kernel."),
    "job-requeued": later("Slurm put the kernel's job back in the line; what was in the kernel is lost. Restart it."),
    "job-failed": later("The kernel's job failed; its log is in your home, in .local/state/werkbank. Restart it."),
    "job-refused": later("Slurm refuses such a job for you. The admins can see why; another GPU class may be open."),
    "job-hopeless": later("Slurm could never run such a job here. Tell the admins, or pick another GPU class."),
    "job-never-arrived": later("The kernel's job began and was not heard of. Restart the kernel; tell the admins."),
    "intruder": later("The process used a GPU without a lease and was ended."),
    "park": later("The GPU memory of this kernel was lost while parking. Its other variables are still there."),
    "resume": later("The GPU memory of this kernel could not be brought back. Its other variables are still there."),
    "gpu-lost": later("The GPU memory of this kernel was lost. Its other variables are still there."),
}

UNPARKABLE = {
    "parking-off": later("Parking is switched off here."),
    "not-gated": later("Kernels of this language cannot be parked."),
    "job": later("It is a job of its own, which Slurm keeps running."),
    "several-devices": later("Kernels with several GPUs cannot be parked."),
    "mig": later("MIG slices cannot be parked."),
    "mps": later("GPUs under MPS cannot be parked."),
    "no-driver": later("The GPU driver cannot park."),
    "not-supported": later("The GPU driver cannot park."),
    "device-not-leased": later("The kernel uses a GPU that is not its own."),
    "checkpoint-failed": later("Parking this kernel failed once, so it is not tried again."),
    "driver-too-old": later("The GPU driver is too old to park."),
    "canary-failed": later("A trial of parking on this GPU failed, so it is not used."),
    "uvm": later("The kernel uses managed GPU memory, which cannot be parked."),
    "process-group": later("Several processes of the kernel use the GPU."),
    "other-process-on-device": later("Another process uses the GPU."),
    "host-memory": later("There is not enough memory to park into."),
}

REFUSALS = {
    "unknown-class": (422, later("There is no GPU class called {value}."), later("Known here: {allowed}.")),
    "class-not-allowed": (
        403,
        later("Your seat's profile has no GPUs of class {value}."),
        later("It may use: {allowed}. Start a seat with another profile for more."),
    ),
    "no-seat": (403, later("A GPU lease belongs to a running seat, and you have none of that name."), ""),
    "over-cap": (
        422,
        later("{value} GPUs at once are more than one person can have here ({most})."),
        later("Ask for fewer."),
    ),
    "too-many-waiting": (
        429,
        later("You already wait for as many GPUs as one person can ({most})."),
        later("Shut down a kernel that waits, or wait until one is served."),
    ),
    "not-enough-devices": (
        409,
        later("This class does not have that many GPUs ({value})."),
        later("Ask for fewer, or for another class."),
    ),
    "unreadable": (
        503,
        later("The GPUs cannot be read at the moment."),
        later("Nothing was asked for. Try again in a minute, or tell the admins."),
    ),
    "keeps-used": (
        409,
        later("You have kept this GPU as often as you can."),
        later("Run a cell: a GPU that works stays."),
    ),
    "wrong-state": (409, later("That cannot be done with this lease now."), later("Look at the lease again.")),
    "stale-epoch": (409, later("The lease has changed meanwhile."), later("Look at the lease again.")),
    "lease-ended": (410, later("The lease has ended."), later("Restart the kernel to ask for a GPU again.")),
    "no-such-lease": (404, later("You have no such lease."), ""),
    "no-such-device": (404, later("There is no such device."), ""),
    "slurm-silent": (503, later("Slurm does not answer now."), later("Try again in a minute.")),
    "broker": (
        503,
        later("The GPU broker cannot write at the moment."),
        later("Nothing has changed. Try again in a minute."),
    ),
}

_OTHER = later("The GPU is not available to this kernel ({code}).")


def say(table: dict[str, str], code: str, translate: Translate, **facts: object) -> str:
    """The sentence for a code; one that names the code where we have no better."""
    sentence = table.get(code)
    return translate(sentence).format(**facts) if sentence else translate(_OTHER).format(code=code)
