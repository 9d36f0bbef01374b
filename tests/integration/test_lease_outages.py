"""Leases outlive their broker and their hub: whatever is killed, nothing is given twice and nothing is lost."""

import json
import os
import signal
import sqlite3
from typing import Any

import httpx
import psutil

from hub.leases.watch import start_time
from tests.support.workbench import Workbench, eventually, seat_environment, service_process


def hold_a_gpu(workbench: Workbench, user: str = "scientist") -> tuple[httpx.Client, dict[str, Any]]:
    """A seat of the user with a lease that this test's own process holds; a client with the lease's token."""
    workbench.browser(user).start_seat("medium")
    seat = seat_environment(user, workbench)
    mine = {"Authorization": f"token {seat['JUPYTERHUB_API_TOKEN']}"}
    body = {"key": f"the-kernel-of-{user}", "gpu_class": "simulated", "gated": False}
    asked = httpx.post(f"{seat['WERKBANK_API']}/leases", json=body, headers=mine, trust_env=False).raise_for_status()
    lease, token = asked.json()["lease"], asked.json()["token"]
    client = httpx.Client(
        base_url=f"{seat['WERKBANK_API']}/leases/{lease['id']}",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    process = {"epoch": lease["epoch"], "pid": os.getpid(), "pid_started": start_time(os.getpid())}
    bound = client.post("/bound", json=process).raise_for_status().json()
    assert bound["state"] == "active"
    return client, bound


def lease_of(client: httpx.Client) -> dict[str, Any]:
    """The lease as the broker has it now."""
    # Without the base's trailing slash, which is another address.
    lease: dict[str, Any] = client.get(str(client.base_url).rstrip("/")).raise_for_status().json()
    return lease


def state_of(client: httpx.Client) -> str:
    """What the broker says of the lease; "unreachable" while it says nothing."""
    try:
        return str(lease_of(client)["state"])
    except httpx.HTTPError:
        return "unreachable"


def test_a_killed_service_comes_back_with_every_lease(own_workbench: Workbench) -> None:
    assert own_workbench.up("--simulate-gpus", "1").returncode == 0
    client, before = hold_a_gpu(own_workbench)
    service = service_process(own_workbench)
    service.kill()
    eventually(lambda: state_of(client) == "unreachable", what="the service is gone")
    eventually(lambda: state_of(client) == "active", timeout=120, what="the lease is active again")
    assert service_process(own_workbench).pid != service.pid
    after = lease_of(client)
    assert (after["devices"], after["epoch"]) == (before["devices"], before["epoch"])
    client.close()


def test_a_broker_whose_term_is_over_makes_way_for_a_new_one(own_workbench: Workbench) -> None:
    assert own_workbench.up("--simulate-gpus", "1").returncode == 0
    client, _lease = hold_a_gpu(own_workbench)
    first = service_process(own_workbench).pid
    with sqlite3.connect(own_workbench.state / "leases.sqlite", timeout=10) as database:
        database.execute("UPDATE brokers SET term = term + 1")
    database.close()
    client.post("/keep")  # a write, which the database refuses
    eventually(lambda: state_of(client) == "unreachable", what="the replaced broker ended")
    eventually(lambda: state_of(client) == "active", timeout=120, what="the next one answers")
    assert service_process(own_workbench).pid != first
    client.close()


def test_a_killed_hub_gives_no_gpu_back(own_workbench: Workbench) -> None:
    assert own_workbench.up("--simulate-gpus", "1").returncode == 0
    client, before = hold_a_gpu(own_workbench)
    pids = json.loads((own_workbench.state / "run.json").read_text())
    hub = own_workbench.status()["pids"]["hub"]
    os.kill(hub, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(hub), what="the hub is gone")
    assert own_workbench.down().returncode == 0
    assert own_workbench.up("--simulate-gpus", "1").returncode == 0, pids
    eventually(lambda: state_of(client) == "active", what="the lease is active")
    assert lease_of(client)["devices"] == before["devices"]
    client.close()
