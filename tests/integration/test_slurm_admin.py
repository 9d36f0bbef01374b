"""What an admin does between Werkbank and Slurm, against a real one: agreement, accounts, and rights."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.slurm import rights
from hub.slurm.associations import Account, accounts
from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.configuration import NAME
from tests.support.slurm import ANN, BEN, CYN, SERVICE_USER, USERS, end_all_jobs, slurm_of
from tests.support.slurm.rights import sudo_rules
from tests.support.slurm.site import on_head, settings_text
from tests.support.workbench import ROOT


def written(folder: Path, **changes: str) -> str:
    text = settings_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "werkbank.yaml"
    file.write_text(text)
    return str(file)


def test_settings_that_the_cluster_can_do_are_right(slurm: Cluster, tmp_path: Path) -> None:
    said = on_head(slurm, "check", written(tmp_path))
    assert said.returncode == 0, said.stderr
    assert said.stderr == ""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("partition: gpu", "partition: moon", "there is no partition moon; known to Slurm: gpu"),
        ("cpu: 8", "cpu: 9", "`profiles.node`: no node of gpu has 9 cores"),
        ("memory: 3584MiB", "memory: 4GiB", "and 4 GiB"),
        ("cpu: 1\n", "cpu: 1\n    life: 1d\n", "`profiles.small.life`: jobs in gpu run for 24 h at most"),
        ("{ained: ai-ned}", "{ained: nowhere}", "Slurm has no account nowhere; `./werkbank slurm sync --apply`"),
    ],
)
def test_what_the_cluster_does_not_have_is_said_with_its_place(
    slurm: Cluster, tmp_path: Path, old: str, new: str, says: str
) -> None:
    said = on_head(slurm, "check", written(tmp_path, **{old: new}))
    assert said.returncode == 2
    assert says in said.stderr
    assert "Traceback" not in said.stderr


def test_where_slurm_cannot_be_asked_the_settings_are_checked_all_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hub.cli", "check", written(tmp_path)]
    said = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env={"PATH": "/nowhere"}
    )
    assert said.returncode == 0
    assert "! Slurm was not asked" in said.stderr


PROGRAMME = "  - name: ained\n    title: {en: AiNed, nl: AiNed}\n"


@pytest.fixture
def programme(slurm: Cluster) -> Iterator[str]:
    """The name of an account that nobody has yet, and nobody has afterwards."""
    name = "new-programme"
    yield name
    end_all_jobs(slurm)  # of an account with one nobody can be taken out
    slurm.run("sacctmgr", "--immediate", "delete", "user", f"account={name}", *USERS)
    slurm.run("sacctmgr", "--immediate", "delete", "account", name)


def test_accounts_become_as_the_settings_have_them_and_nobody_is_taken_out_unasked(
    slurm: Cluster, tmp_path: Path, programme: str
) -> None:
    def settings(more: str) -> str:
        return written(tmp_path, **{"{ained: ai-ned}": f"{{ained: {programme}}}", PROGRAMME: PROGRAMME + more})

    def sync(more: str, *options: str) -> str:
        state = str(tmp_path / "state")
        said = on_head(slurm, "slurm", "sync", "--settings", settings(more), "--state", state, *options)
        assert said.returncode == 0, said.stderr
        return said.stdout

    def known() -> Account | None:
        return asyncio.run(accounts(slurm_of(slurm), NAME)).get(programme)

    first = f"    members: [{ANN}, {BEN}]\n    share: 3\n    quota: {{gpus: 2}}\n"
    planned = sync(first)
    assert f"+ {programme}: add {ANN}" in planned
    assert known() is None, "only said, not done"
    sync(first, "--apply")
    assert known() == Account(programme, 3, 2, frozenset({ANN, BEN}))
    assert "has it all" in sync(first, "--apply")
    then = f"    members: [{ANN}, {CYN}]\n    share: 3\n"
    assert f"- {programme}: remove {BEN}: not without --prune" in sync(then, "--apply")
    assert known() == Account(programme, 3, None, frozenset({ANN, BEN, CYN}))
    sync(then, "--apply", "--prune")
    assert known() == Account(programme, 3, None, frozenset({ANN, CYN}))


@pytest.fixture
def quality(slurm: Cluster) -> Iterator[str]:
    """The name of a QOS that there is not, and is none afterwards."""
    yield "Quick"
    slurm.head.run("sacctmgr", "--immediate", "delete", "qos", "quick")


def test_the_qos_of_the_settings_is_made_and_may_be_used_and_no_other_is_taken_away(
    quiet: Cluster, tmp_path: Path, programme: str, quality: str
) -> None:
    members = PROGRAMME + f"    members: [{ANN}, {BEN}]\n"
    more = {"{ained: ai-ned}": f"{{ained: {programme}}}", PROGRAMME: members}
    plain, with_qos = written(tmp_path, **more), tmp_path / "with-qos.yaml"
    with_qos.write_text(
        Path(plain).read_text().replace("    partition: gpu\n", f"    partition: gpu\n    qos: {quality}\n")
    )

    def sync(*options: str) -> list[str]:
        state = str(tmp_path / "state")
        said = on_head(quiet, "slurm", "sync", "--settings", str(with_qos), "--state", state, *options)
        assert said.returncode == 0, said.stderr
        return said.stdout.splitlines()

    def give_with_qos(user: str) -> int:
        asks = ("sbatch", f"--account={programme}", "--qos=quick", f"--chdir={quiet.folder / 'home' / user}")
        return quiet.head.run(*asks, "--output=/dev/null", "--wrap=true", user=user).returncode

    assert "Slurm has no QOS Quick; known to it: normal;" in on_head(quiet, "check", str(with_qos)).stderr
    assert "+ make the QOS quick, without bounds of its own" in sync()
    assert "quick" not in quiet.run("sacctmgr", "-n", "-P", "show", "qos", "format=Name")
    state = ("--state", str(tmp_path / "state"))
    assert on_head(quiet, "slurm", "sync", "--settings", plain, *state, "--apply").returncode == 0
    own_list = ("user", "where", f"user={BEN}", f"account={programme}", "set", "qos=normal")
    quiet.run("sacctmgr", "--immediate", "modify", *own_list)
    assert sync() == [
        "+ make the QOS quick, without bounds of its own",
        f"+ {programme}: its jobs may use the QOS quick",
        f"+ {programme}: {BEN}, who has a list of their own, may use the QOS quick",
        "Nothing was changed. `--apply` does what stands behind a +.",
    ]
    quiet.run("sacctmgr", "--immediate", "add", "qos", "quick")
    assert "the account of ained, may not use the QOS Quick" in on_head(quiet, "check", str(with_qos)).stderr
    assert "3 changed." not in sync("--apply"), "the QOS is there already"
    assert sync("--apply") == ["Slurm has it all as the settings say.", "0 changed."]
    assert on_head(quiet, "check", str(with_qos)).stderr == ""
    assert [give_with_qos(user) for user in (ANN, BEN)] == [0, 0]
    told = quiet.run("sacctmgr", "-n", "-P", "show", "associations", f"account={programme}", "format=User,QOS")
    assert sorted(told.split()) == sorted(["|normal,quick", f"{ANN}|normal,quick", f"{BEN}|normal,quick"])


def test_an_account_with_large_letters_is_made_once(slurm: Cluster, tmp_path: Path, programme: str) -> None:
    more = {"{ained: ai-ned}": f"{{ained: {programme.title()}}}", PROGRAMME: PROGRAMME + f"    members: [{ANN}]\n"}
    asks = ("slurm", "sync", "--settings", written(tmp_path, **more), "--state", str(tmp_path / "state"), "--apply")
    assert f"make the account {programme}" in on_head(slurm, *asks).stdout
    assert "has it all" in on_head(slurm, *asks).stdout


def test_a_name_that_sacctmgr_would_read_as_more_than_a_name_is_refused(slurm: Cluster, tmp_path: Path) -> None:
    text = {PROGRAMME: PROGRAMME + "    members: ['ann,ben account=root']\n"}
    said = on_head(slurm, "slurm", "sync", "--settings", written(tmp_path, **text), "--state", str(tmp_path / "state"))
    assert said.returncode == 2
    assert 'no user called "ann,ben account=root"' in said.stderr


@pytest.fixture
def allowed(slurm: Cluster) -> Iterator[None]:
    """The head's sudo reads the file that Werkbank prints: the service's user may act for members of the group ann."""
    with sudo_rules(slurm, group=ANN):
        yield


@pytest.mark.usefixtures("allowed")
def test_with_the_sudoers_file_the_service_gives_jobs_of_members_and_of_nobody_else(quiet: Cluster) -> None:
    home = quiet.folder / "home" / ANN

    def sbatch(person: str) -> subprocess.CompletedProcess[str]:
        command = ("sudo", "-n", "-u", person, "--", "sbatch", "--parsable", f"--chdir={home}", "--wrap=sleep 60")
        return quiet.head.run(*command, user=SERVICE_USER)

    given = sbatch(ANN)
    assert given.returncode == 0, given.stderr
    assert quiet.run("squeue", "--noheader", "--format=%u").split() == [ANN]
    assert sbatch(BEN).returncode != 0
    refused = quiet.head.run("sudo", "-n", "-u", ANN, "--", "cat", f"{home}/job.sh", user=SERVICE_USER)
    assert refused.returncode != 0
    assert quiet.head.run("sudo", "-n", "-u", "root", "--", "scancel", "1", user=SERVICE_USER).returncode != 0
    took = quiet.head.run("sudo", "-n", "-u", ANN, "--", "scancel", given.stdout.strip(), user=SERVICE_USER)
    assert took.returncode == 0, took.stderr


@pytest.mark.parametrize("name", ["ALL", "a b", "a,b", "a=(ALL)", "%wheel", ""])
def test_a_name_that_sudo_would_read_as_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name of a user or a group"):
        rights.sudoers(name, "people")
