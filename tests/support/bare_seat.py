"""A seat's real server without a workbench around it, for what can be seen of its start alone."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

PROGRAM = f"{sys.prefix}/bin/jupyterhub-singleuser"


class HubThatOnlyTellsItsVersion(BaseHTTPRequestHandler):
    """The one answer that a seat waits for before it serves."""

    def do_GET(self) -> None:
        body = json.dumps({"version": "6.1.1"}).encode()
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # a seat that is stopped does not wait for the answer
            self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@contextmanager
def terse_hub() -> Iterator[str]:
    """The address of such a hub's API."""
    with ThreadingHTTPServer(("127.0.0.1", 0), HubThatOnlyTellsItsVersion) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hub/api"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def bare_seat(
    home: Path,
    *arguments: str,
    port: int = 1,
    python: tuple[str, ...] = (),
    variables: dict[str, str] | None = None,
    descriptors: tuple[int, ...] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a seat's server with options for Python; its log is `home/log`. It is stopped at the end.

    Without a listening socket it tries to bind `port`.
    """
    with terse_hub() as api:
        env = {
            "HOME": str(home),
            "USER": "x",
            "PATH": os.environ["PATH"],
            "JUPYTERHUB_API_TOKEN": "token",
            "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-x",
            "JUPYTERHUB_API_URL": api,
            "JUPYTERHUB_ACTIVITY_URL": f"{api}/users/x/activity",
            "JUPYTERHUB_USER": "x",
            "JUPYTERHUB_SERVICE_PREFIX": "/user/x/",
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}/user/x/",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": "/user/x/oauth_callback",
            "JUPYTERHUB_OAUTH_SCOPES": '["access:servers!user=x"]',
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!user=x"]',
        }
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *python, PROGRAM, "--allow-root", "--LabApp.extension_manager=readonly", *arguments],
                env=env | (variables or {}),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def what_it_says(seat_end: int, ready: int, timeout: float = 60) -> bytes:
    """All that a seat writes to its ready descriptor until it closes it. Closes ours of both ends.

    Fails when it says nothing within `timeout` seconds.
    """
    os.close(seat_end)
    with os.fdopen(ready, "rb") as pipe:
        assert select.select([pipe], [], [], timeout)[0], "the seat neither serves nor ends"
        return pipe.read()
