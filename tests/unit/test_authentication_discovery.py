"""Finding a provider's endpoints, against a real web server that says what a test wants it to say."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from certipy import Certipy
from traitlets.config import Config

from hub.authentication.configuring import configure
from hub.authentication.discovery import discover
from hub.errors import SettingsError
from hub.settings import Settings
from hub.state import StateDirectory


@contextmanager
def _answering(body: str, status: int = 200, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A web server that gives one answer to everything; {here} in it becomes its own address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.replace("{here}", here).encode())

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        here = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


DESCRIPTION = {
    "issuer": "{here}",
    "authorization_endpoint": "{here}/auth",
    "token_endpoint": "{here}/token",
    "userinfo_endpoint": "{here}/me",
}


def _description(**changes: Any) -> str:
    return json.dumps({key: value for key, value in {**DESCRIPTION, **changes}.items() if value is not None})


def test_the_endpoints_are_those_that_the_provider_describes() -> None:
    with _answering(_description()) as issuer:
        endpoints = discover(issuer)
    assert (endpoints.authorization, endpoints.token, endpoints.userinfo) == (
        f"{issuer}/auth",
        f"{issuer}/token",
        f"{issuer}/me",
    )


def test_a_slash_at_the_end_of_the_issuer_makes_no_difference() -> None:
    with _answering(_description(issuer="{here}/")) as issuer:
        assert discover(f"{issuer}/") == discover(issuer)


@pytest.mark.parametrize(
    ("methods", "basic"),
    [
        (None, True),
        (["client_secret_basic"], True),
        (["client_secret_post", "client_secret_basic"], True),
        (["client_secret_post"], False),
    ],
)
def test_the_secret_goes_where_the_provider_wants_it(methods: list[str] | None, basic: bool) -> None:
    with _answering(_description(token_endpoint_auth_methods_supported=methods)) as issuer:
        assert discover(issuer).basic_auth is basic


UNUSABLE = [
    ("", 404, "answered with status 404"),
    ("", 302, "answered with status 302"),
    ("", 500, "answered with status 500"),
    ("<html>Welcome</html>", 200, "did not answer with a provider's description"),
    ("", 200, "did not answer with a provider's description"),
    ("[]", 200, "did not answer with a provider's description"),
    ("{}", 200, "it calls itself None"),
    (_description(issuer="https://other.example.nl"), 200, "it calls itself 'https://other.example.nl'"),
    (_description(token_endpoint=None), 200, "its description has no token_endpoint"),
    (_description(userinfo_endpoint=42), 200, "its description has no userinfo_endpoint"),
    (_description(token_endpoint="http://other.example.nl/token"), 200, "does not begin with https://"),
    (_description(authorization_endpoint="javascript:alert(1)"), 200, "does not begin with https://"),
]


@pytest.mark.parametrize(("body", "status", "says"), UNUSABLE)
def test_what_is_not_a_provider_is_refused_with_its_name(body: str, status: int, says: str) -> None:
    with _answering(body, status) as issuer, pytest.raises(SettingsError) as problem:
        discover(issuer)
    assert str(problem.value).startswith(f"authentication.issuer: {issuer} cannot be used: ")
    assert says in str(problem.value)


def test_a_certificate_counts_only_when_this_machine_trusts_its_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certipy = Certipy(store_dir=str(tmp_path))
    certipy.create_ca("authority")
    files = certipy.create_signed_pair("login", "authority", alt_names=["IP:127.0.0.1"])["files"]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files["cert"], files["key"])
    with _answering(_description(), tls=tls) as issuer:
        with pytest.raises(SettingsError, match="CERTIFICATE_VERIFY_FAILED"):
            discover(issuer)
        monkeypatch.setenv("SSL_CERT_FILE", files["ca"])
        assert discover(issuer).token == f"{issuer}/token"


@pytest.mark.parametrize("issuer", ["http://login.example.nl", "http://10.0.0.1:8080", "http://localhost.example.nl"])
def test_plain_http_is_for_this_machine_alone(issuer: str) -> None:
    with pytest.raises(SettingsError, match="must begin with https://"):
        discover(issuer)


def test_a_provider_that_is_down_at_the_start_is_a_problem_of_the_settings(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    profile = {
        "name": "small",
        "cpu": 1,
        "memory": "512MiB",
        "title": {"en": "Small", "nl": "Klein"},
        "description": {"en": "For the tests.", "nl": "Voor de tests."},
    }
    sign_in = {"kind": "oidc", "issuer": issuer, "client_id": "w", "client_secret": "s"}
    settings = Settings.model_validate({"profiles": [profile], "authentication": sign_in})
    with pytest.raises(SettingsError, match=f"{issuer} cannot be used: it cannot be reached"):
        configure(Config(), settings, StateDirectory.open(tmp_path))
