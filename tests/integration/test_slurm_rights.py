"""What an admin reads before a Werkbank that is not root runs on a real Slurm: what is missing, and what helps."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.slurm.demo.cluster import Cluster
from hub.state import StateDirectory
from tests.support.slurm import ANN, BEN, CYN, PEOPLE, SERVICE_USER
from tests.support.slurm.rights import RULES, no_sudo_rules, sudo_rules
from tests.support.slurm.site import give_away, on_head, settings_text
from tests.support.workbench import eventually

BECOME = ("setpriv", "--reuid", SERVICE_USER, "--regid", SERVICE_USER)
PASSWORD = "what ann types"
SIGNS_IN = f"""
import pamela
for word in ({PASSWORD!r}, "another"):
    try:
        pamela.authenticate("{ANN}", word, service="login")
        print("yes")
    except pamela.PAMError:
        print("no")
"""


@pytest.fixture
def place(slurm: Cluster, tmp_path: Path) -> Iterator[Path]:
    """A folder of the service's account, which it reaches."""
    folder = slurm.folder / "home" / SERVICE_USER / tmp_path.name
    folder.mkdir()
    # Keeping nodes for workshops is a right of its own.
    (folder / "werkbank.yaml").write_text(settings_without_reservations())
    give_away(slurm, folder, SERVICE_USER)
    yield folder
    slurm.run("rm", "-rf", str(folder))


@pytest.fixture
def all_allowed(slurm: Cluster) -> Iterator[None]:
    """Everybody whom the settings name is in the group."""
    file = slurm.folder / "etc" / "group"
    before = file.read_text()
    file.write_text(before.replace(f"{ANN},{BEN}\n", f"{ANN},{BEN},{CYN}\n"))
    with sudo_rules(slurm):
        yield
    file.write_text(before)


def settings_without_reservations() -> str:
    return settings_text().replace("    patience:", "    reservations: false\n    patience:")


def check(made: Cluster, folder: Path, *setpriv: str, **more: str) -> subprocess.CompletedProcess[str]:
    return on_head(made, "check", str(folder / "werkbank.yaml"), user=SERVICE_USER, setpriv=setpriv, more=more)


def up(made: Cluster, folder: Path) -> str:
    """What the service's account reads when it may not start."""
    asks = ("up", "--detach", "--port", "0", "--settings", str(folder / "werkbank.yaml"))
    said = on_head(made, *asks, "--state", str(folder / "state"), user=SERVICE_USER)
    assert said.returncode == 2, said.stdout + said.stderr
    assert not (folder / "state" / "run.json").exists()
    return said.stderr


def rules(made: Cluster, text: str) -> None:
    file = made.folder / "sudoers"
    file.write_text(text)
    made.run("install", "-m", "0440", str(file), str(RULES / "werkbank"))


def test_who_may_do_nothing_reads_the_commands_that_help_and_they_do(slurm: Cluster, place: Path) -> None:
    with no_sudo_rules(slurm):
        said = check(slurm, place)
        assert said.returncode == 2
        assert (
            f"{SERVICE_USER}, who runs this, may not run /usr/bin/sbatch and /usr/bin/scancel as anybody" in said.stderr
        )
        prints, installs = said.stderr.split("`")[1::2]
        words = shlex.split(prints.replace("GROUP", PEOPLE).partition(" > ")[0])
        text = on_head(slurm, *words[1:], user=SERVICE_USER).stdout
        (place / "werkbank.sudoers").write_text(text)
        slurm.run("sh", "-c", f"cd {place} && {installs}")
        said = check(slurm, place)
        assert said.returncode == 2
        assert f"may not give jobs of {CYN}: put them in the group" in said.stderr
        assert f"usermod -aG GROUP {CYN}" in said.stderr


@pytest.mark.usefixtures("all_allowed")
def test_who_may_do_all_reads_nothing_and_a_right_that_is_missing_is_named(slurm: Cluster, place: Path) -> None:
    said = check(slurm, place)
    assert (said.returncode, said.stderr) == (0, "")
    rules(slurm, f"{SERVICE_USER} ALL=(%{PEOPLE}) NOPASSWD: /usr/bin/sbatch\n")
    assert f"{SERVICE_USER}, who runs this, may not run /usr/bin/scancel as anybody" in check(slurm, place).stderr


@pytest.mark.usefixtures("all_allowed")
def test_a_sudo_that_is_not_there_or_cannot_work_is_told_from_one_that_says_no(slurm: Cluster, place: Path) -> None:
    assert "sudo is not installed" in check(slurm, place, PATH="/nowhere").stderr
    said = check(slurm, place, "--no-new-privs")
    assert said.returncode == 2
    assert "Take `NoNewPrivileges=` out of its unit" in said.stderr


@pytest.fixture
def private(slurm: Cluster) -> Iterator[None]:
    """A Slurm that shows people no jobs of others."""
    file = slurm.folder / "slurm" / "slurm.conf"
    before = file.read_text()
    file.write_text(f"{before}PrivateData=jobs,usage\n")
    slurm.run("scontrol", "reconfigure")
    yield
    file.write_text(before)
    slurm.run("scontrol", "reconfigure")
    slurm.head.run("sacctmgr", "--immediate", "delete", "user", SERVICE_USER)


@pytest.mark.usefixtures("all_allowed", "private")
def test_who_would_not_see_the_jobs_of_people_does_not_start(slurm: Cluster, place: Path) -> None:
    hidden = f"Slurm hides from {SERVICE_USER}, who runs this, what is not its own (PrivateData has jobs, usage)"
    said = check(slurm, place)
    assert said.returncode == 2
    assert hidden in said.stderr
    assert hidden in up(slurm, place)
    helps = said.stderr.split("`")[1]
    assert helps.startswith("sacctmgr add user")
    slurm.run(*helps.replace("sacctmgr", "sacctmgr --immediate").split())
    eventually(lambda: check(slurm, place).returncode == 0, 30, "Slurm has heard of it")


@pytest.mark.usefixtures("all_allowed")
def test_who_may_keep_no_nodes_for_workshops_reads_the_command_that_helps(slurm: Cluster, place: Path) -> None:
    (place / "werkbank.yaml").write_text(settings_text())
    said = check(slurm, place)
    assert said.returncode == 2
    assert f"`site.slurm.reservations`: {SERVICE_USER}, who runs this, may make no reservations" in said.stderr
    helps = next(one for one in said.stderr.split("`") if one.startswith("sacctmgr add user"))
    slurm.run(*helps.replace("sacctmgr", "sacctmgr --immediate").split())
    try:
        eventually(lambda: check(slurm, place).returncode == 0, 30, "Slurm has heard of it")
    finally:
        slurm.head.run("sacctmgr", "--immediate", "delete", "user", SERVICE_USER)


def test_a_state_that_is_another_s_is_not_used_and_root_leaves_none(slurm: Cluster, place: Path) -> None:
    StateDirectory.open(place / "state")
    assert (place / "state").owner() == "root"
    helps = f"chown -R {SERVICE_USER} {place / 'state'}"
    assert helps in up(slurm, place)
    slurm.run(*helps.split())
    (place / "state" / "hub.sqlite").touch(mode=0o600)
    assert helps in up(slurm, place)
    slurm.run(*helps.split())
    state = StateDirectory.open(place / "state")
    state.secret("new")
    assert not state.is_held()
    service = int(slurm.run("id", "-u", SERVICE_USER))
    assert {file.stat().st_uid for file in [state.path, *state.path.rglob("*")]} == {service}


@pytest.mark.usefixtures("all_allowed")
def test_what_needs_root_besides_slurm_is_said(slurm: Cluster, place: Path) -> None:
    first, _, rest = settings_without_reservations().partition("authentication:")
    after = rest[rest.index("\n\ngpu_classes") :]
    (place / "werkbank.yaml").write_text(f"{first}authentication: {{kind: pam}}\nserver: {{port: 443}}{after}")
    said = check(slurm, place)
    assert said.returncode == 0, said.stderr
    assert (
        f"{SERVICE_USER} is not root and may not read /etc/shadow, so PAM takes nobody's local password" in said.stderr
    )
    assert f"`usermod -aG shadow {SERVICE_USER}`" in said.stderr
    assert "may not listen on 443" in said.stderr


def test_pam_takes_passwords_of_others_for_who_is_in_the_group_shadow_and_for_nobody_else(slurm: Cluster) -> None:
    file = slurm.folder / "etc" / "shadow"
    before, made = file.read_text(), file.stat()
    made_hash = subprocess.run(["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True)
    file.write_text(before.replace(f"\n{ANN}:!:", f"\n{ANN}:{made_hash.stdout.strip()}:"))
    slurm.run("chgrp", "shadow", "/etc/shadow")
    try:
        asks = (sys.executable, "-P", "-c", SIGNS_IN)
        assert slurm.run(*BECOME, "--init-groups", *asks).split() == ["no", "no"]
        assert slurm.run(*BECOME, "--groups", "shadow", *asks).split() == ["yes", "no"]
    finally:
        file.write_text(before)
        os.chown(file, made.st_uid, made.st_gid)
