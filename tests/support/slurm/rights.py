"""What sudo lets the service's account do on the head of a cluster; the machine's own rules stay as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.slurm.demo.cluster import Cluster
from tests.support.slurm import PEOPLE, SERVICE_USER
from tests.support.slurm.site import on_head

RULES = Path("/etc/sudoers.d")


@contextmanager
def sudo_rules(made: Cluster, user: str = SERVICE_USER, group: str = PEOPLE) -> Iterator[None]:
    """Meanwhile the head's sudo has the file that Werkbank prints, and no other."""
    said = on_head(made, "slurm", "sudoers", "--user", user, "--group", group, user=user)
    assert said.returncode == 0, said.stderr
    file = made.folder / "sudoers"
    file.write_text(said.stdout)
    with no_sudo_rules(made):
        made.run("install", "-m", "0440", str(file), str(RULES / "werkbank"))
        made.run("visudo", "-c", "-f", str(RULES / "werkbank"))
        yield


@contextmanager
def no_sudo_rules(made: Cluster) -> Iterator[None]:
    """Meanwhile the head's sudo has no rules but those of its main file."""
    made.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(RULES))
    try:
        yield
    finally:
        made.run("umount", str(RULES))
