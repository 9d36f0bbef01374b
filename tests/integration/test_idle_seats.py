"""Idle seats are stopped, busy ones are not, and their users are warned and can keep them."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.support.workbench import ROOT, Visitor, Workbench, eventually, seat_process, text_of

SHORT = {
    "idle_timeout: 1h ": "idle_timeout: 12s ",
    "check_period: 1m": "check_period: 1s",
    "warn_before: 10m": "warn_before: 7s",
    "keep_for: 2h": "keep_for: 1h",
    "keeps: 2": "keeps: 1",
}


@pytest.fixture
def impatient(own_workbench: Workbench, tmp_path: Path) -> Workbench:
    """A workbench that stops small seats after 12 idle seconds."""
    settings = (ROOT / "werkbank.yaml").read_text()
    for before, now in SHORT.items():
        assert before in settings
        settings = settings.replace(before, now)
    own_workbench.settings = tmp_path / "werkbank.yaml"
    own_workbench.settings.write_text(settings)
    started = own_workbench.up()
    assert started.returncode == 0, started.stderr
    return own_workbench


def seats(visitor: Visitor) -> dict:
    return visitor.hub_user()["servers"]


async def test_an_idle_seat_is_stopped_and_one_that_runs_a_silent_cell_is_not(impatient: Workbench) -> None:
    idle, busy = impatient.browser("scientist"), impatient.browser("trainer")
    idle.start_seat("small")
    path = busy.start_seat("small")
    await run_silently(busy, path, "import time; time.sleep(600)")
    eventually(lambda: not seats(idle), what="the idle seat is stopped")
    eventually(lambda: "seat.busy" in impatient.hub_log, what="the culler saw the running cell")
    assert seats(busy)[""]["ready"]
    assert "seat.due" in impatient.hub_log


def test_a_seat_that_does_not_answer_is_left_alone_until_it_does(impatient: Workbench) -> None:
    trainer = impatient.browser("trainer")
    trainer.start_seat("small")
    seat = seat_process("trainer", impatient)
    seat.suspend()
    try:
        eventually(lambda: "seat.silent" in impatient.hub_log, what="the culler asked and heard nothing")
        assert "" in seats(trainer)
        assert "seat.due" not in impatient.hub_log
    finally:
        seat.resume()
    eventually(lambda: not seats(trainer), what="the idle seat is stopped once it answers")


async def run_silently(visitor: Visitor, path: str, code: str) -> None:
    """Start a kernel, send it a cell that says nothing, and go away."""
    headers = {"Authorization": f"token {visitor.token()}"}
    kernel = visitor.http.post(f"{path}api/kernels", headers=headers, json={}).json()["id"]
    address = visitor.workbench.address.replace("http", "ws")
    socket = await websocket_connect(HTTPRequest(f"{address}{path}api/kernels/{kernel}/channels", headers=headers))
    header = {"msg_id": "1", "msg_type": "execute_request", "username": visitor.user, "session": "1", "version": "5.4"}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    while True:
        reply = json.loads(await socket.read_message())
        if reply["msg_type"] == "execute_input":
            break
    socket.close()


def test_the_user_is_warned_keeps_the_seat_once_and_a_second_keep_is_refused(impatient: Workbench) -> None:
    scientist = impatient.browser("scientist")
    scientist.start_seat("small")
    calm = text_of(scientist.http.get("/services/werkbank/").text)
    assert "Your seat stops at" not in calm
    page = eventually(lambda: (p := scientist.http.get("/services/werkbank/").text) and "Your seat stops at" in p and p)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None
    forged = scientist.http.post("/services/werkbank/seats/keep", data={"server": "", "csrf": "x"})
    assert forged.status_code == 403
    kept = scientist.http.post("/services/werkbank/seats/keep", data={"server": "", "csrf": csrf[1]})
    assert kept.status_code == 200
    token = scientist.token()
    headers = {"Authorization": f"token {token}", "Accept": "application/json"}
    seat = scientist.http.get("/services/werkbank/api/v1/me", headers=headers).json()["seats"][0]
    assert seat["keeps_left"] == 0
    started = datetime.fromisoformat(seats(scientist)[""]["started"])
    assert (datetime.fromisoformat(seat["stops_at"]) - started).total_seconds() > 3000
    again = scientist.http.post("/services/werkbank/api/v1/seats/-/keep", headers=headers)
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "keeps-used"
    scientist.stop_seat()
