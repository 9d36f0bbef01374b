"""What a Werkbank that is not root must be allowed: Slurm's two programs that act for a person, and nothing else."""

import os
import pwd
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from hub.names import own_account
from hub.slurm.commands import PATIENCE_S, SUDO, SUDO_SAYS, place_of
from hub.slurm.submit import FIRST_PERSON

FOR_A_PERSON = ("sbatch", "scancel")
"""No third: what jobs do is asked as ourselves, and what people see of a job's end its own process says."""
MOST_PEOPLE = 50
"""Of whom it is asked one by one whether we may act for them."""
NO_NEW_PRIVILEGES = re.compile("no new privileges", re.IGNORECASE)


def sudoers(user: str, group: str) -> str:
    """A file for /etc/sudoers.d. Raises ValueError for a name that sudoers would read as something else."""
    for name in (user, group):
        if name == "ALL" or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise ValueError(f'"{name}" is not the name of a user or a group')
    programs = ", ".join(place_of(one) for one in FOR_A_PERSON)
    return f"""\
# Werkbank gives Slurm the jobs of members of {group}, as themselves, and takes them back.
# Install it as /etc/sudoers.d/werkbank with mode 0440; `visudo -c` says whether sudo can read it.
Defaults:{user} !requiretty, !pam_session
{user} ALL=(%{group}) NOPASSWD: {programs}
"""


def how_to_install(user: str) -> str:
    """The command that makes the file an admin installs."""
    return (
        f"`./werkbank slurm sudoers --user {user} --group GROUP > werkbank.sudoers`, GROUP being the Unix group of "
        "those who may have seats, and as root `visudo -c -f werkbank.sudoers && "
        "install -m 0440 werkbank.sudoers /etc/sudoers.d/werkbank`"
    )


def missing_for(person: str) -> list[str]:
    """Which of the programs we may not run as a person."""
    return [one for one in FOR_A_PERSON if _listed("-u", person, "--", place_of(one))[0] != 0]


def missing(people: Iterable[str]) -> Iterator[str]:
    """What we lack to act for people, each with what helps; nothing for root, who needs nothing."""
    if os.geteuid() == 0:
        return
    me = own_account()
    try:
        status, told = _listed()
    except FileNotFoundError:
        yield (
            f"{me}, who runs this, is not root, and sudo is not installed, without which no job can be given: "
            f"`apt-get install sudo`, then {how_to_install(me)}."
        )
        return
    if NO_NEW_PRIVILEGES.search(told):
        yield (
            f"sudo cannot work in this process: {SUDO_SAYS.sub('', told.splitlines()[0])} "
            "Take `NoNewPrivileges=` out of its unit, and `no-new-privileges` out of its container."
        )
        return
    lacks = [place for place in map(place_of, FOR_A_PERSON) if status or not _names(told, place)]
    if lacks:
        yield f"{me}, who runs this, may not run {' and '.join(lacks)} as anybody: {how_to_install(me)}."
        return
    left_out = [person for person in _with_account(people)[:MOST_PEOPLE] if missing_for(person)]
    if left_out:
        yield (
            f"{me}, who runs this, may not give jobs of {', '.join(left_out)}: put them in the group that "
            f"`sudo -l` names (`usermod -aG GROUP {left_out[0]}`)."
        )


def _names(told: str, place: str) -> bool:
    return re.search(rf"{re.escape(place)}\b|NOPASSWD: ALL\b", told) is not None


def _with_account(people: Iterable[str]) -> Sequence[str]:
    """Those who have an account on this machine that jobs can be of, other than our own."""
    found = []
    for person in sorted(set(people)):
        with suppress(KeyError):
            if pwd.getpwnam(person).pw_uid >= FIRST_PERSON and pwd.getpwnam(person).pw_uid != os.geteuid():
                found.append(person)
    return found


def _listed(*question: str) -> tuple[int, str]:
    """What sudo lets us do, as it says it, with its exit status. Raises FileNotFoundError where there is none."""
    plain = os.environ | {"LC_ALL": "C.UTF-8"}
    try:
        run = subprocess.run(
            [SUDO, "-n", "-l", *question], capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=plain
        )
    except subprocess.TimeoutExpired:
        return 1, ""
    return run.returncode, run.stdout + run.stderr
