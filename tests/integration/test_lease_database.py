"""The leases' database goes away under a running workbench: a real PostgreSQL server is stopped."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support import postgres
from tests.support.workbench import ROOT, Workbench, seat_environment

UNKNOWN = "0" * 24


@pytest.fixture
def server() -> Iterator[ExitStack]:
    """Holds what a test starts; a test stops it with `close`."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (on Debian: apt install postgresql)")
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def bench(server: ExitStack, tmp_path: Path) -> Iterator[Workbench]:
    """A workbench whose leases are in the server."""
    url = server.enter_context(postgres.server())
    shipped = (ROOT / "werkbank.yaml").read_text()
    settings, found = re.subn(r"(?m)(^leases:.*\n  database:) sqlite", rf"\1 {url}", shipped)
    assert found == 1
    (tmp_path / "werkbank.yaml").write_text(settings)
    made = Workbench(tmp_path / "state", tmp_path / "werkbank.yaml")
    started = made.up("--simulate-gpus", "1")
    assert started.returncode == 0, started.stdout + started.stderr
    yield made
    made.end()


def test_without_its_database_the_service_says_so_in_its_one_shape_and_shows_what_is_held(
    bench: Workbench, server: ExitStack
) -> None:
    visitor = bench.browser("scientist")
    visitor.start_seat("medium")
    seat = seat_environment("scientist", bench)
    headers = {"Authorization": f"token {seat['JUPYTERHUB_API_TOKEN']}"}
    with httpx.Client(base_url=seat["WERKBANK_API"], headers=headers, trust_env=False, timeout=60) as http:
        asked = http.post("/leases", json={"key": "database-0000", "gpu_class": "simulated", "holder": "a.ipynb"})
        assert asked.status_code == 201, asked.text
        server.close()
        for reply in (http.get(f"/leases/{UNKNOWN}"), http.post(f"/leases/{UNKNOWN}/release", json={})):
            assert (reply.status_code, reply.json()["error"]["code"]) == (503, "database")
            assert "database" in reply.json()["error"]["message"]
            assert int(reply.headers["retry-after"]) > 0
        released = http.post(f"/leases/{asked.json()['lease']['id']}/release", json={})
        assert (released.status_code, released.json()["error"]["code"]) == (503, "broker")
        assert [lease["id"] for lease in http.get("/leases").json()] == [asked.json()["lease"]["id"]]
        page = visitor.http.get("/services/werkbank/gpus")
        assert page.status_code == 200
        assert "a.ipynb" in page.text
