"""A real workbench for tests: `werkbank up --detach` on a free port with its own state directory."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[2]


def run_werkbank(
    *arguments: str, timeout: float = 150, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person would, without the installing launcher in front."""
    return subprocess.run(
        [sys.executable, "-m", "hub.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | (environment or {}),
    )


def eventually(condition: Callable[[], Any], timeout: float = 60, what: str = "") -> Any:
    """Wait until `condition()` is truthy and return it; fail with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout:g} s: {what or condition}")


@dataclass
class Workbench:
    """One running workbench."""

    state: Path
    settings: Path
    visitors: list["Visitor"] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """What `up` finds in its environment besides ours."""

    def close(self) -> None:
        """Close the connections of all visitors."""
        while self.visitors:
            self.visitors.pop().http.close()

    def up(self, *more: str) -> subprocess.CompletedProcess[str]:
        arguments = ["up", "--detach", "--settings", str(self.settings), "--state", str(self.state), *more]
        if not any(word.startswith("--port") for word in more):
            arguments += ["--port", "0"]
        return run_werkbank(*arguments, environment=self.environment)

    def down(self, *more: str) -> subprocess.CompletedProcess[str]:
        return run_werkbank("down", "--state", str(self.state), *more)

    def end(self) -> None:
        """Stop it with its seats. AssertionError with what ran on all the same; that is ended too."""
        self.close()
        stopped = self.down("--seats")
        left = end_what_is_left(self.state)
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        assert left == []

    def status(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(run_werkbank("status", "--state", str(self.state), "--json").stdout)
        return report

    @property
    def address(self) -> str:
        return str(json.loads((self.state / "run.json").read_text())["address"])

    @property
    def password(self) -> str:
        return (self.state / "secrets" / "demo-password").read_text().strip()

    @property
    def hub_log(self) -> str:
        return (self.state / "logs" / "hub.log").read_text(errors="replace")

    def browser(self, user: str | None = None, language: str = "en") -> "Visitor":
        """Somebody with a browser's cookies; signed in when `user` is given."""
        visitor = Visitor(self, language)
        self.visitors.append(visitor)
        if user:
            visitor.sign_in(user)
        return visitor


class Visitor:
    """A person at the workbench, without a screen: follows redirects, keeps cookies, posts forms."""

    def __init__(self, workbench: Workbench, language: str) -> None:
        self.workbench = workbench
        self.http = httpx.Client(
            base_url=workbench.address,
            follow_redirects=True,
            trust_env=False,
            timeout=60,
            headers={"Accept-Language": language, "Accept": "text/html"},
        )

    def sign_in(self, user: str, password: str | None = None) -> httpx.Response:
        self.http.get("/hub/login")
        self.user = user
        form = {"username": user, "password": password or self.workbench.password, "_xsrf": self.xsrf()}
        return self.http.post("/hub/login", params={"next": "/hub/home"}, data=form)

    def xsrf(self) -> str:
        return next(c.value for c in self.http.cookies.jar if c.name == "_xsrf" and c.path == "/hub/") or ""

    def post_spawn(self, fields: dict[str, Any], server: str = "") -> httpx.Response:
        """Post the spawn form."""
        page = f"/hub/spawn/{self.user}/{server}" if server else "/hub/spawn"
        self.http.get(page)
        return self.http.post(page, params={"_xsrf": self.xsrf()}, data=fields)

    def start_seat(self, profile: str = "small", server: str = "") -> str:
        """Start a seat and wait until it serves; its path."""
        reply = self.post_spawn({"profile": profile}, server)
        assert reply.status_code == 200, text_of(reply.text)
        path = f"/user/{self.user}/{server}/" if server else f"/user/{self.user}/"
        eventually(lambda: self.hub_user()["servers"].get(server, {}).get("ready"), what=f"{path} is ready")
        page = self.http.get(f"{path}lab")  # signs this browser in at the seat
        assert page.status_code == 200, text_of(page.text)
        assert page.url.path == f"{path}lab", page.url
        return path

    def stop_seat(self, server: str = "") -> None:
        """Stop the seat and wait until it is gone."""
        path = f"/hub/api/users/{self.user}/" + (f"servers/{server}" if server else "server")
        self.http.delete(path, headers=self.api_headers())
        eventually(lambda: server not in self.hub_user()["servers"], what="the seat is gone")

    def hub_user(self) -> dict[str, Any]:
        """The hub's record of this person."""
        user: dict[str, Any] = self.http.get("/hub/api/user", headers=self.api_headers()).json()
        return user

    def api_headers(self) -> dict[str, str]:
        return {
            "X-XSRFToken": self.xsrf(),
            "Referer": f"{self.workbench.address}/hub/home",
            "Accept": "application/json",
        }

    def token(self, *scopes: str, expires_in: int = 600) -> str:
        """A personal API token."""
        body = {"note": "test", "expires_in": expires_in, **({"scopes": list(scopes)} if scopes else {})}
        reply = self.http.post(f"/hub/api/users/{self.user}/tokens", json=body, headers=self.api_headers())
        assert reply.status_code == 201, reply.text
        return str(reply.json()["token"])


def text_of(page: str) -> str:
    """What a reader sees of an HTML page, roughly: tags out, entities in, white space folded."""
    import html

    without = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", without)).split())


def service_process(workbench: Workbench) -> psutil.Process:
    """The web service, which holds the broker."""
    state = str(workbench.state)
    for process in psutil.process_iter():
        try:
            is_service = process.cmdline()[-2:] == ["-m", "hub.service"]
            if is_service and process.environ().get("WERKBANK_STATE") == state:
                return process
        except psutil.Error:
            continue
    raise AssertionError("the service does not run")


def seat_environment(user: str, workbench: Workbench) -> dict[str, str]:
    """The environment that kernels of a user's running seat inherit.

    A kernel tells it: /proc shows a forked seat with the environment of the process it was forked from.
    """
    from tests.support.notebook import Notebook

    notebook = Notebook(workbench.browser(user), "python3")
    told = notebook.done(notebook.run("import json, os; print(json.dumps(dict(os.environ)))"))
    notebook.close()
    environment: dict[str, str] = json.loads(told)
    return {name: value for name, value in environment.items() if not name.startswith(("JPY_", "MPLBACKEND"))}


def seat_process(user: str, workbench: Workbench) -> psutil.Process:
    """The process of a user's running seat. AssertionError when there is none."""
    found = find_seat(user, workbench)
    assert found, f"{user} has no seat"
    return found


def find_seat(user: str, workbench: Workbench) -> psutil.Process | None:
    """The process of a user's seat, forked or executed, if there is one."""
    home = str(workbench.state / "homes" / user)
    for process in psutil.process_iter():
        try:
            if re.search(r"jupyterhub[-.]singleuser", " ".join(process.cmdline())) and process.cwd() == home:
                return process
        except (psutil.Error, OSError):
            continue
    return None


@contextmanager
def own_seat_settings(workbench: Workbench, user: str, code: str) -> Iterator[Path]:
    """Meanwhile, seats of this user find this Python in their own settings file, and run it while they start."""
    home = workbench.state / "homes" / user
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / ".jupyter" / "jupyter_server_config.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(code)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def held_start(workbench: Workbench, user: str) -> Iterator[Callable[[], None]]:
    """Meanwhile, seats of this user do not get past the beginning of their start; calling what this gives lets them."""
    wait = "import os, time\nwhile os.path.exists(__file__):\n    time.sleep(0.05)\n"
    with own_seat_settings(workbench, user, wait) as path:
        yield lambda: path.unlink(missing_ok=True)


def processes_around(folder: Path) -> list[psutil.Process]:
    """Processes that have anything to do with a folder: by command, environment, current folder or open files.

    Forked ones show the command they took and the environment of their zygote, zygotes themselves neither: their
    output goes to a log in the workbench's folder.
    """
    found = []
    for process in psutil.process_iter():
        try:
            traces = [process.cwd(), *process.cmdline(), *process.environ().values()]
            traces += [file.path for file in process.open_files()] + _outputs(process.pid)
        except (psutil.Error, OSError):
            continue
        if process.pid != os.getpid() and any(str(folder) in trace for trace in traces):
            found.append(process)
    return found


def _outputs(pid: int) -> list[str]:
    return [os.readlink(f"/proc/{pid}/fd/{number}") for number in (1, 2)]


def end_what_is_left(folder: Path) -> list[str]:
    """End the processes around a folder that do not end by themselves; what they were."""
    with suppress(AssertionError):
        eventually(lambda: not processes_around(folder), 10)  # a zygote ends after its last child
    left = processes_around(folder)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return [str(process) for process in left]


def run_in_seat(code: str, environment: dict[str, str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run Python as a kernel of the seat would."""
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
