"""Ask an OpenID Connect provider where its endpoints are (OpenID Connect Discovery 1.0)."""

import ipaddress
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from hub.errors import SettingsError

_TIMEOUT_SECONDS = 10.0
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")


@dataclass(frozen=True)
class Endpoints:
    """Where to send people, codes and tokens."""

    authorization: str
    token: str
    userinfo: str
    basic_auth: bool
    """The client's secret goes in a header; otherwise in the form."""


def discover(issuer: str) -> Endpoints:
    """The endpoints of `issuer`. Raises SettingsError when it is not a provider we can trust now."""
    issuer = issuer.rstrip("/")
    if not _is_safe(issuer):
        raise _unusable(issuer, "it must begin with https:// (plain http is only for a provider on this machine)")
    document = _document(issuer)
    if str(document.get("issuer")).rstrip("/") != issuer:
        # What another issuer says about itself must not be believed here.
        raise _unusable(issuer, f"it calls itself {document.get('issuer')!r}, which must be the same")
    authorization, token, userinfo = (_endpoint(issuer, document, name) for name in _ENDPOINTS)
    # Left out, the standard's default holds, which is the header.
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(authorization, token, userinfo, basic_auth="client_secret_basic" in methods)


def _document(issuer: str) -> dict[str, Any]:
    response = _fetch(issuer)
    if response.status_code != httpx.codes.OK:
        raise _unusable(issuer, f"{response.url} answered with status {response.status_code}")
    try:
        document = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        document = None
    if not isinstance(document, dict):
        raise _unusable(issuer, f"{response.url} did not answer with a provider's description")
    return document


def _fetch(issuer: str) -> httpx.Response:
    try:
        # The system's certificates, as the hub uses later on: an institution may have its own authority.
        # A web proxy from the environment cannot reach a provider on this machine.
        trusted, by_proxy = ssl.create_default_context(), not _is_loopback(issuer)
        with httpx.Client(timeout=_TIMEOUT_SECONDS, verify=trusted, trust_env=by_proxy) as client:
            return client.get(f"{issuer}/.well-known/openid-configuration")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unusable(issuer, f"it cannot be reached ({error or type(error).__name__})") from error


def _endpoint(issuer: str, document: dict[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str):
        raise _unusable(issuer, f"its description has no {name}")
    if not _is_safe(url):
        raise _unusable(issuer, f"its {name} is {url!r}, which does not begin with https://")
    return url


def _is_safe(url: str) -> bool:
    scheme = urlsplit(url).scheme
    return scheme == "https" or (scheme == "http" and _is_loopback(url))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unusable(issuer: str, why: str) -> SettingsError:
    return SettingsError(f"authentication.issuer: {issuer} cannot be used: {why}. Nothing was started.")
