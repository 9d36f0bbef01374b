"""Leased kernels in a real Jupyter Server, as JupyterLab uses it: REST, websockets, pending kernels."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websocket

from tests.integration.test_kernels_support import as_seat
from tests.support.broker import BrokerDouble
from tests.support.workbench import ROOT, eventually

TOKEN = "server-under-test"
CONFIG = ROOT / "extensions" / "kernels" / "jupyter-config"


class Server:
    """One Jupyter Server process with the configuration of the distribution."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "log"
        self.notebooks = home / "notebooks"
        self.notebooks.mkdir()
        _bash_kernelspec(home / "share" / "kernels" / "bash-gpu")
        command = [sys.executable, "-m", "jupyter_server", "--port=0", "--no-browser", "--allow-root"]
        command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.notebooks}"]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER_", "XDG_"))}
        paths = {
            "HOME": str(home),
            "JUPYTER_CONFIG_PATH": str(CONFIG),
            "JUPYTER_PATH": str(home / "share"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERHUB_API_TOKEN": os.environ["JUPYTERHUB_API_TOKEN"],
            "JUPYTERHUB_SERVER_NAME": "",
        }
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(command, stdout=stream, stderr=stream, env=inherited | paths, cwd=home)
        self.http = httpx.Client(headers={"Authorization": f"token {TOKEN}"}, timeout=30, trust_env=False)
        self.url = eventually(self._address, 60, "the server's address").rstrip("/")
        self.http.base_url = self.url
        eventually(self._answers, 60, "the server answers")

    def _address(self) -> str | None:
        assert self.process.poll() is None, self.log.read_text()
        found = list((self.home / "runtime").glob("jpserver-*.json"))
        try:
            return f"http://127.0.0.1:{json.loads(found[0].read_text())['port']}" if found else None
        except ValueError:  # half written
            return None

    def _answers(self) -> bool:
        try:
            return self.http.get("/api/status").is_success
        except httpx.TransportError:
            return False

    def start_kernel(self, name: str, notebook: str = "gpu.ipynb") -> str:
        session = {"kernel": {"name": name}, "name": notebook, "path": notebook, "type": "notebook"}
        answer = self.http.post("/api/sessions", json=session)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["kernel"]["id"])

    def channels(self, kernel: str) -> websocket.WebSocket:
        address = self.url.replace("http", "ws", 1)
        return websocket.create_connection(f"{address}/api/kernels/{kernel}/channels?token={TOKEN}", timeout=60)

    def stop(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def _bash_kernelspec(folder: Path) -> None:
    """Another language: it gets its device before it starts, and keeps it."""
    config = {"gpu_class": "h200", "count": 1, "gated": False}
    spec = {
        "argv": [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"],
        "display_name": "Bash · H200 (simulated)",
        "language": "bash",
        "metadata": {"kernel_provisioner": {"provisioner_name": "werkbank", "config": config}},
    }
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[BrokerDouble]:
    with BrokerDouble(devices=1) as double:
        as_seat(monkeypatch, double)
        yield double


@pytest.fixture
def server(broker: BrokerDouble, tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.stop()


def reopened(server: Server, socket: websocket.WebSocket, kernel: str) -> websocket.WebSocket:
    """A new connection: opening one waits until the new process is heard, which an old one does not."""
    socket.close()
    return server.channels(kernel)


def printed(socket: websocket.WebSocket, code: str) -> str:
    """What `code` prints, through a websocket as a browser has it."""
    header = {"msg_id": os.urandom(8).hex(), "msg_type": "execute_request", "session": "s", "username": "", "date": ""}
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    socket.send(json.dumps(message | {"buffers": []}))
    return "".join(_streams(socket, header["msg_id"]))


def _streams(socket: websocket.WebSocket, msg_id: str) -> Iterator[str]:
    while True:
        message = json.loads(socket.recv())
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        if message["msg_type"] == "stream":
            yield message["content"]["text"]
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return


def test_a_server_offers_its_own_python_and_one_per_gpu_class(server):
    specs = server.http.get("/api/kernelspecs").json()
    assert specs["default"] == "python3"
    names = {name: spec["spec"]["display_name"] for name, spec in specs["kernelspecs"].items()}
    assert names["python3-h200"] == "Python 3 · H200 (simulated)"
    assert {"python3", "bash-gpu"} <= set(names)
    logo = specs["kernelspecs"]["python3-h200"]["resources"]["logo-64x64"]
    assert server.http.get(logo).headers["content-type"] == "image/png"


@pytest.mark.parametrize("name", ["python3", "python3-h200"])
def test_kernels_start_run_restart_and_stop_through_the_server(server, broker, name):
    kernel = server.start_kernel(name)
    socket = server.channels(kernel)
    assert printed(socket, "print(6 * 7)") == "42\n"
    assert server.http.post(f"/api/kernels/{kernel}/restart").is_success
    socket = reopened(server, socket, kernel)
    assert printed(socket, "print('restarted')") == "restarted\n"
    assert server.http.post(f"/api/kernels/{kernel}/interrupt").status_code == 204
    socket.close()
    assert server.http.delete(f"/api/kernels/{kernel}").status_code == 204
    eventually(lambda: server.http.get("/api/kernels").json() == [])
    assert len(broker.bodies("ask")) == (name != "python3")
    if name != "python3":
        broker.wait_for_state("released")
        assert broker.bodies("ask")[0]["holder"] == "notebooks/gpu.ipynb"


def test_the_broker_hears_whether_a_browser_watches(server, broker):
    kernel = server.start_kernel("python3-h200")
    socket = server.channels(kernel)
    broker.wait_for(lambda: broker.bodies("heartbeat")[-1]["watched"])
    socket.close()
    broker.wait_for(lambda: not broker.bodies("heartbeat")[-1]["watched"])


def test_people_act_on_the_lease_of_a_waiting_kernel(server, broker):
    broker.devices = 0
    kernel = server.start_kernel("python3-h200")
    broker.wait_for_state("queued")
    lease = f"/werkbank/kernels/{kernel}/lease"
    eventually(lambda: server.http.get(lease).json()["lease"], 30)
    assert server.http.get(lease).json()["lease"]["place"] == 1
    assert server.http.post(f"{lease}/cpu").is_success
    socket = server.channels(kernel)
    assert printed(socket, "print('on the cpu')") == "on the cpu\n"
    assert server.http.post(f"{lease}/cancel").is_success
    broker.wait_for_state("released")
    refused = server.http.post(f"{lease}/fly")
    assert refused.status_code == 404
    assert "cancel, release, keep, cpu" in refused.json()["message"]
    socket.close()


def test_a_kernel_without_a_lease_has_none_to_act_on(server):
    kernel = server.start_kernel("python3")
    answer = server.http.get(f"/werkbank/kernels/{kernel}/lease")
    assert answer.status_code == 404
    assert answer.json()["message"] == "This kernel does not lease a GPU."


def test_strangers_see_no_leases(server):
    kernel = server.start_kernel("python3-h200")
    for method, path in (("GET", "lease"), ("POST", "lease/release")):
        answer = httpx.request(method, f"{server.url}/werkbank/kernels/{kernel}/{path}", trust_env=False)
        assert answer.status_code == 403


def test_another_language_gets_its_device_before_it_starts(server, broker):
    kernel = server.start_kernel("bash-gpu")
    socket = server.channels(kernel)
    assert printed(socket, "echo $CUDA_VISIBLE_DEVICES $WERKBANK_LEASE").split() == [
        "SIMULATED-0001",
        broker.only()["id"],
    ]
    assert broker.bodies("ask")[0]["gated"] is False
    assert server.http.post(f"/api/kernels/{kernel}/restart").is_success
    socket = reopened(server, socket, kernel)
    assert printed(socket, "echo again").strip() == "again"
    assert len({body["pid"] for body in broker.bodies("bound")}) == 2
    assert broker.bodies("release") == []
    socket.close()
    assert server.http.delete(f"/api/kernels/{kernel}").status_code == 204
    broker.wait_for_state("released")


def test_another_language_is_pending_while_it_waits_and_starts_when_granted(server, broker):
    broker.devices = 0
    kernel = server.start_kernel("bash-gpu")
    lease = broker.wait_for_state("queued")
    listed = server.http.get("/api/kernels").json()
    assert [(k["id"], k["execution_state"]) for k in listed] == [(kernel, "starting")]
    broker.become(lease["id"], "offered")
    socket = server.channels(kernel)
    assert printed(socket, "echo here").strip() == "here"
    socket.close()


def test_shutting_down_a_pending_kernel_gives_its_place_back(server, broker):
    broker.devices = 0
    kernel = server.start_kernel("bash-gpu")
    broker.wait_for_state("queued")
    assert server.http.delete(f"/api/kernels/{kernel}").status_code == 204
    broker.wait_for_state("released")
    eventually(lambda: server.http.get("/api/kernels").json() == [])


def test_a_refused_kernel_says_why_in_a_sentence(server, broker):
    broker.refuse = "too-many-waiting"
    kernel = server.start_kernel("bash-gpu")
    with pytest.raises(websocket.WebSocketBadStatusException):
        server.channels(kernel)
    listed = server.http.get("/api/kernels").json()
    assert [(k["id"], k["execution_state"]) for k in listed] == [(kernel, "dead")]
    assert listed[0]["reason"] == "You already wait for 3 GPUs. Stop one of them first."


def test_a_stopping_seat_gives_everything_back(server, broker):
    broker.devices = 2
    server.start_kernel("python3-h200", "a.ipynb")
    server.start_kernel("python3-h200", "b.ipynb")
    broker.wait_for(lambda: [lease["state"] for lease in broker.live()] == ["active", "active"])
    server.stop()
    assert broker.live() == []


def test_a_kernel_that_dies_comes_back_by_itself_with_a_new_lease(server, broker):
    kernel = server.start_kernel("python3-h200")
    socket = server.channels(kernel)
    pid = int(printed(socket, "import os; print(os.getpid())"))
    os.kill(pid, signal.SIGKILL)
    broker.wait_for_state("released")
    assert broker.bodies("release") == [{"reason": "died"}]
    broker.wait_for(lambda: len(broker.bodies("ask")) == 2)
    broker.wait_for_state("active")
    socket = reopened(server, socket, kernel)
    assert printed(socket, "print('back')") == "back\n"
    socket.close()
