"""What a seat imports before it serves: nothing that is known to be slow, and not much."""

import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.bare_seat import bare_seat, what_it_says

SLOW = {
    "rfc3987_syntax": "compiles a grammar when it is imported (0.9 s)",
    "lark": "comes with rfc3987_syntax",
    "sqlalchemy": "a seat has no database (0.2 s)",
    "alembic": "a seat has no database",
    "jupyterhub.handlers": "a seat is not a hub",
    "distributed": "a seat's server is not a Dask client (0.2 s)",
    "numpy": "a seat's server does not calculate",
    "httpx": "the first kernel loads it",
    "rich": "a seat's server has no terminal",
    "requests": "for extension listings, which we have none of",
    "jupyter_lsp": "no language servers are installed",
    "IPython": "kernels load it",
}

BUDGET = 1060
"""Modules that a seat may import before it serves: 1013 when this was written, 1875 before."""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The log of a seat's start, with a line for each import, as Python writes it."""
    home = tmp_path_factory.mktemp("home")
    ready, seat_end = os.pipe()
    # What only the tests install is not part of a seat.
    without = "--ServerApp.jpserver_extensions=jupyterlab_jupytext=False"
    importtime = ("-X", "importtime")
    with bare_seat(
        home,
        without,
        port=0,
        python=importtime,
        variables={"WERKBANK_READY_FD": str(seat_end)},
        descriptors=(seat_end,),
    ):
        assert what_it_says(seat_end, ready) == b"READY=1\n"
        return (home / "log").read_text()


@pytest.fixture(scope="module")
def imported(start: str) -> list[str]:
    """Names of the modules it imported."""
    return re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", start, re.M)


@pytest.mark.parametrize("slow", SLOW)
def test_a_seat_serves_without_importing_what_is_slow(imported: list[str], slow: str) -> None:
    assert [name for name in imported if f"{name}.".startswith(f"{slow}.")] == [], SLOW[slow]


def test_a_seat_imports_no_more_than_its_budget_of_modules(imported: list[str]) -> None:
    assert len(set(imported)) > 500, "these are not the imports of a seat"
    assert len(set(imported)) <= BUDGET


def test_all_a_seat_imports_was_compiled_when_it_was_installed(imported: list[str]) -> None:
    # Seats often cannot write where packages are installed: what is not compiled there, each of them compiles again.
    packages = Path(sysconfig.get_path("purelib"))
    paths = [packages.joinpath(*name.split(".")) for name in imported]
    candidates = [file for path in paths for file in (path.with_name(f"{path.name}.py"), path / "__init__.py")]
    sources = [file for file in candidates if file.exists()]
    assert len(sources) > 300
    assert [s for s in sources if not Path(importlib.util.cache_from_source(s)).exists()] == []


def test_a_seat_loads_the_server_extensions_it_needs_and_no_others(start: str) -> None:
    assert set(re.findall(r"(\w+) \| extension was successfully loaded", start)) == {
        "dask_labextension",
        "jupyter_server_proxy",
        "jupyter_server_terminals",
        "jupyterhub",
        "jupyterlab",
        "werkbank_kernels",
        "werkbank_lab",
        "werkbank_lessons",
    }


def test_people_can_switch_language_servers_on(tmp_path: Path) -> None:
    mine = tmp_path / ".jupyter" / "jupyter_server_config.py"
    mine.parent.mkdir()
    mine.write_text('c.ServerApp.jpserver_extensions = {"jupyter_lsp": True}')
    ready, seat_end = os.pipe()
    with bare_seat(tmp_path, port=0, variables={"WERKBANK_READY_FD": str(seat_end)}, descriptors=(seat_end,)):
        assert what_it_says(seat_end, ready) == b"READY=1\n"
        assert "jupyter_lsp | extension was successfully loaded" in (tmp_path / "log").read_text()


def test_a_seat_starts_no_other_program_to_know_its_version(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    node.chmod(0o755)
    program = "import jupyterlab, jupyterlab.labapp as lab; print(lab.version == jupyterlab.__version__)"
    said = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "True\n"
    assert not (tmp_path / "ran").exists()


USES = {
    "the hub's tables": "import jupyterhub.singleuser, jupyterhub.scopes as s; s.orm.User.name, s.sa.select",
    "scopes of a user": "import jupyterhub.singleuser, jupyterhub.scopes as s; s.roles.get_default_roles()",
    "the hub itself": "import jupyterhub.singleuser, jupyterhub.app; jupyterhub.app.JupyterHub()",
    "the database": "import jupyterhub.singleuser, sqlalchemy.orm; sqlalchemy.orm.Session",
    "a format": "import jsonschema._format as f; f.is_iri('https://é.nl/') or 1 / 0; f.is_iri('not one') and 1 / 0",
    "the extension manager": "import jupyterlab.extensions as e; e.get_pypi_manager().metadata.name == 'PyPI' or 1 / 0",
    "listings": "import jupyterlab_server.listings_handler as h; h.requests.get",
    "a cluster": "import dask_labextension.manager as m; isinstance(1, m.Adaptive) and 1 / 0; m.Adaptive.adapt",
    "the command": "import sys, httpx; sys.argv[1:] = ['--help']; httpx.main()",
}


@pytest.mark.parametrize("use", USES)
def test_what_comes_later_is_there_when_it_is_used(tmp_path: Path, use: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", USES[use]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
