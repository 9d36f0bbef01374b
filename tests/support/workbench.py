"""A real workbench for tests: `werkbank up --detach` on a free port with its own state directory."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
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
    """The process of a user's running seat."""
    home = str(workbench.state / "homes" / user)
    for process in psutil.process_iter():
        try:
            if "jupyterhub-singleuser" in " ".join(process.cmdline()) and process.cwd() == home:
                return process
        except (psutil.Error, OSError):
            continue
    raise AssertionError(f"{user} has no seat")


def run_in_seat(code: str, environment: dict[str, str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run Python as a kernel of the seat would."""
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
