"""Seats and workers as system accounts: a root Werkbank with accounts of its own, in a private mount namespace."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.accounts import FIRST_UID, skip_without_rights, workbench_of_accounts
from tests.support.notebook import Notebook
from tests.support.workbench import Workbench, eventually, text_of


@pytest.fixture
def accounts() -> Iterator[Workbench]:
    """A workbench in system-accounts mode where `scientist` has an account and `trainer` has none."""
    skip_without_rights()
    with workbench_of_accounts(["scientist"]) as bench:
        yield bench


def test_seats_kernels_and_workers_run_as_their_users_account_and_nobody_elses(accounts: Workbench) -> None:
    scientist = accounts.browser("scientist")
    scientist.start_seat("small")
    seat = next(
        p for p in psutil.process_iter() if p.uids().real == FIRST_UID and "singleuser" in " ".join(p.cmdline())
    )
    assert set(seat.uids()) == {FIRST_UID}
    assert set(seat.gids()) == {FIRST_UID}
    status = Path(f"/proc/{seat.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    notebook = Notebook(scientist, "python3")
    told = notebook.done(notebook.run("import json, os; print(json.dumps([os.getresuid(), dict(os.environ)]))"))
    uids, environment = json.loads(told)
    assert uids == 3 * [FIRST_UID]
    home = Path(environment["HOME"])
    eventually(lambda: list(home.glob("tutorials/*/*.ipynb")), what="lessons are in the account's home")
    assert {path.stat().st_uid for path in home.rglob("*")} == {FIRST_UID}

    code = """
import os
from dask_gateway import Gateway
with Gateway().new_cluster() as cluster, cluster.get_client() as client:
    cluster.scale(1)
    print(client.submit(lambda: (__import__("os").getuid(), __import__("os").environ["HOME"])).result())
"""
    inside = [
        "nsenter",
        "-t",
        str(seat.pid),
        "-m",
        "-S",
        str(FIRST_UID),
        "-G",
        str(FIRST_UID),
        sys.executable,
        "-c",
        code,
    ]
    done = subprocess.run(inside, env=environment, cwd=home, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == str((FIRST_UID, str(home))), done.stderr
    assert os.stat("/").st_uid == 0
    notebook.close()
    scientist.stop_seat()


def test_a_user_without_an_account_gets_a_sentence(accounts: Workbench) -> None:
    trainer = accounts.browser("trainer")
    refused = trainer.post_spawn({"profile": "small"})
    assert refused.status_code == 403
    assert "This machine has no account called trainer" in text_of(refused.text)
    assert trainer.hub_user()["servers"] == {}
