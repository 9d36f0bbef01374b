"""What Slurm says of a job, in sentences for the person whose job it is."""

import re
from datetime import datetime

from hub.words import Translate, later

WAITS = {
    r"Resources": later("The cluster is full now: it begins when enough of it is free."),
    r"Priority": later("Others are before you in the line."),
    r"QOSMax\w*": later(
        "You have as much at once as your quality of service allows: it begins when one of your other jobs ends."
    ),
    r"QOS\w*": later("Your quality of service has as much at once as it may: it begins when others end."),
    r"AssocGrp\w*(Minutes|Mins|RunMin)\w*": later(
        "The budget of your account is used up for now. Ask your programme lead."
    ),
    r"AssocGrp\w*": later("Your account has as much at once as it may: it begins when other jobs of the account end."),
    r"AssocMax\w*|Association\w*|MaxJobs\w*": later(
        "You have as much at once as your account allows: it begins when one of your other jobs ends."
    ),
    r"(ReqNodeNotAvail|Reserved|Reservation|NodeDown|DownNodes).*": later(
        "Nodes are out of use or reserved: it begins when they are back."
    ),
    r"Partition(Down|Inactive)": later("The partition takes no work now. The admins know why."),
    r"PartitionTimeLimit": later("The partition lets nothing run for as long as this profile allows. Tell the admins."),
    r"PartitionNodeLimit|BadConstraints": later(
        "No node of the partition can ever take this: pick a smaller profile, or tell the admins."
    ),
    r"Invalid(Account|QOS)": later("Slurm does not know your account, or its quality of service. Tell the admins."),
    r"JobHeld\w*": later("An admin holds it back for now."),
    r"BeginTime|Cleaning|Prolog|None|": later("Slurm is about to begin it."),
}
"""Why a job waits, by Slurm's word for it. The first that fits counts."""

ENDS = {
    "TIMEOUT": later("Its time was over."),
    "NODE_FAIL": later("The node that it ran on broke down. Files that you saved are safe; start a new seat."),
    "BOOT_FAIL": later("The node that it was to run on did not start. Start a new seat."),
    "OUT_OF_MEMORY": later("It took more memory than its profile has. Start one with a larger profile."),
    "CANCELLED": later("It was cancelled in Slurm, by an admin or by yourself."),
    "PREEMPTED": later("Slurm took its place for a job that goes before."),
    "DEADLINE": later("Slurm could not run it in time."),
    "REQUEUED": later("Slurm put it back in the line; a seat does not begin again by itself."),
    "": later("Werkbank started anew while it waited for its turn. Start it again."),
    "COMPLETED": later("It ended by itself."),
    "FAILED": later("It failed. The admins see more in Slurm."),
}
"""How a job ended, by Slurm's word for it."""


HOPELESS = ("PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "InvalidAccount", "InvalidQOS")
"""Words for what waiting does not change."""


def why_pending(reason: str, _: Translate) -> str:
    """Why a job waits. A word of Slurm's that is not known here is shown as it is."""
    for pattern, sentence in WAITS.items():
        if re.fullmatch(pattern, reason):
            return _(sentence)
    return _("It waits; Slurm says: {reason}.").format(reason=reason)


def when_expected(starts: float, now: float, _: Translate) -> str:
    """When Slurm thinks that a job begins; empty where it does not say, or where that time has passed."""
    if starts <= now:
        return ""
    if starts - now > 18 * 3600:
        return _("Slurm expects that to take longer than until tomorrow.")
    return _("Slurm expects that at about {time}.").format(
        time=f"{datetime.fromtimestamp(starts).astimezone():%H:%M %Z}"
    )


def how_ended(slurm_state: str, _: Translate) -> str:
    """How a job ended."""
    return _(ENDS.get(slurm_state, ENDS["FAILED"]))
