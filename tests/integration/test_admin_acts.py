"""What admins do to leases, devices and seats stands in the log with who did it."""

import httpx

from hub.audit import Audit, Entry
from hub.db import connect
from tests.support.lease_seat import Seat
from tests.support.workbench import Workbench


def told(workbench: Workbench, about: str) -> list[Entry]:
    engine = connect(f"sqlite:///{workbench.state}/werkbank.sqlite")
    try:
        return Audit(engine).about(about)
    finally:
        engine.dispose()


def test_drains_ended_leases_and_warmings_are_in_the_log(workbench: Workbench, seat: Seat) -> None:
    lease = seat.active()
    token = workbench.browser("admin").token()
    base = f"{workbench.address}/services/werkbank/api/v1/admin"
    with httpx.Client(headers={"Authorization": f"token {token}"}, trust_env=False, timeout=60) as http:
        (uuid, *_others) = [device["uuid"] for device in http.get(f"{base}/devices").json()]
        for draining in (True, False):
            reply = http.post(f"{base}/devices/{uuid}/drain", json={"draining": draining})
            assert reply.status_code == 200, reply.text
        for _twice in range(2):
            reply = http.post(f"{base}/leases/{lease['id']}/release")
            assert reply.status_code == 200, reply.text
        reply = http.post(f"{base}/warmings", json={"profile": "medium", "users": ["scientist"]})
        assert reply.status_code == 202, reply.text
    drained = [(entry.who, entry.what) for entry in told(workbench, f"device:{uuid}")]
    assert drained[-2:] == [("admin", "device.drained"), ("admin", "device.returned")]
    (ended,) = told(workbench, f"lease:{lease['id']}")
    assert (ended.who, ended.what, ended.detail) == ("admin", "lease.ended", {"user": "scientist"})
    (warmed,) = told(workbench, f"warming:{reply.json()['id']}")
    assert (warmed.who, warmed.what, warmed.detail) == ("admin", "seats.warmed", {"profile": "medium", "users": 1})
