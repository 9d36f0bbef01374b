"""What a Werkbank that is not root must be allowed: Slurm's two programs that act for a person, and nothing else."""

import re
import shutil
import subprocess

FOR_A_PERSON = ("sbatch", "scancel")
SEARCHED = "/usr/local/bin:/usr/bin:/bin"


def sudoers(user: str, group: str) -> str:
    """A file for /etc/sudoers.d. Raises ValueError for a name that sudoers would read as something else."""
    for name in (user, group):
        if name == "ALL" or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise ValueError(f'"{name}" is not the name of a user or a group')
    programs = ", ".join(_path(one) for one in FOR_A_PERSON)
    return f"""\
# Werkbank gives Slurm the jobs of members of {group}, as themselves, and takes them back.
# Install it as /etc/sudoers.d/werkbank with mode 0440; `visudo -c` says whether sudo can read it.
Defaults:{user} !requiretty, !pam_session
{user} ALL=(%{group}) NOPASSWD: {programs}
"""


def missing_for(person: str) -> list[str]:
    """Which of the programs we may not run as a person."""
    return [one for one in FOR_A_PERSON if not _may(person, _path(one))]


def _may(person: str, program: str) -> bool:
    asks = ["sudo", "-n", "-l", "-u", person, "--", program]
    try:
        return subprocess.run(asks, capture_output=True, timeout=10, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _path(program: str) -> str:
    return shutil.which(program, path=SEARCHED) or f"/usr/bin/{program}"
