"""Who is asking: a JupyterHub token in the header, or a browser that signed in through the hub's OAuth."""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from hub.web.hub_api import HubApi, Person
from hub.web.problems import Problem
from hub.words import later

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class OAuthClient:
    """What the hub told this service about itself."""

    client_id: str
    secret: str
    callback: str
    authorize_url: str
    prefix: str
    scope: str

    @property
    def base_url(self) -> str:
        """Where the workbench begins: `/`, or `/some/prefix/`."""
        return self.prefix.removesuffix("services/werkbank/")

    @classmethod
    def from_environment(cls) -> "OAuthClient":
        """Read the variables that JupyterHub gives a managed service."""
        return cls(
            client_id=os.environ["JUPYTERHUB_CLIENT_ID"],
            secret=os.environ["JUPYTERHUB_API_TOKEN"],
            callback=os.environ["JUPYTERHUB_OAUTH_CALLBACK_URL"],
            authorize_url=f"{os.environ['JUPYTERHUB_BASE_URL']}hub/api/oauth2/authorize",
            prefix=os.environ["JUPYTERHUB_SERVICE_PREFIX"],
            scope=f"access:services!service={os.environ['JUPYTERHUB_SERVICE_NAME']}",
        )


class SignInNeeded(Exception):
    """The page needs a signed-in person."""


async def api_person(request: Request) -> Person:
    """The caller of an API route. Raises Problem 401."""
    person = await _person(request)
    if person is None:
        raise Problem(
            401, "not-signed-in", later("This needs a JupyterHub token."), later("Send `Authorization: token …`.")
        )
    return person


async def recent_person(request: Request) -> Person:
    """The caller of an API route that seats call often; who they are may be half a minute old. Raises Problem 401."""
    client: OAuthClient = request.app.state.oauth
    hub: HubApi = request.app.state.hub
    token = _token(request)
    person = await hub.recent_person(token, client.scope) if _is_possible(token) else None
    return person or await api_person(request)


async def person_or_none(request: Request) -> Person | None:
    """Whoever reads a page that is for everybody."""
    return await _person(request)


async def page_person(request: Request) -> Person:
    """The reader of a page; anybody else is sent to sign in and back."""
    person = await _person(request)
    if person is None:
        raise SignInNeeded
    return person


async def posting_person(request: Request, csrf: Annotated[str, Form(max_length=100)] = "") -> Person:
    """The sender of a page's form, proved by the form's own token. Raises Problem 403."""
    person = await page_person(request)
    require_csrf(request, csrf)
    return person


def require_csrf(request: Request, csrf: str) -> None:
    """Raises Problem 403 for a form that does not come from a page of this session."""
    if not hmac.compare_digest(csrf.encode(), csrf_token(request).encode()):
        raise Problem(
            403,
            "stale-form",
            later("This form is too old or came from elsewhere."),
            later("Reload the page and try again."),
        )


ApiPerson = Annotated[Person, Depends(api_person)]
RecentPerson = Annotated[Person, Depends(recent_person)]
PagePerson = Annotated[Person, Depends(page_person)]
PostingPerson = Annotated[Person, Depends(posting_person)]


def csrf_token(request: Request) -> str:
    """The token that forms of this session carry."""
    return str(request.session.setdefault("csrf", secrets.token_urlsafe(24)))


async def _person(request: Request) -> Person | None:
    hub: HubApi = request.app.state.hub
    client: OAuthClient = request.app.state.oauth
    token = _token(request)
    return await hub.person(token, client.scope) if _is_possible(token) else None


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind.lower() in ("token", "bearer") else str(request.session.get("token", ""))


def _is_possible(token: str) -> bool:
    """What is not printable ASCII cannot be a token, nor travel in a header to the hub."""
    return bool(token) and token.isascii() and token.isprintable()


def sign_in(request: Request) -> RedirectResponse:
    """Send the browser to the hub; it comes back to `oauth_callback` and then to where it wanted to go."""
    client: OAuthClient = request.app.state.oauth
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    request.session["oauth"] = {"state": state, "verifier": verifier, "next": _back_to(request)}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": client.client_id,
        "redirect_uri": client.callback,
        "response_type": "code",
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return RedirectResponse(f"{client.authorize_url}?{urlencode(asked)}", status_code=303)


def _back_to(request: Request) -> str:
    """Where a reader goes on after signing in: the page that was asked for, or the one whose form was sent."""
    if request.method == "GET":
        return f"{request.url.path}?{request.url.query}".rstrip("?")
    return same_site(request)


def same_site(request: Request) -> str:
    """The page that the reader came from: its path alone, so never one on another host."""
    referer = request.headers.get("Referer", "")
    own = f"{request.url.scheme}://{request.headers.get('Host', '')}/"
    # One slash: `//host` would be another host to a browser.
    return "/" + referer.removeprefix(own).lstrip("/\\") if referer.startswith(own) else request.app.state.oauth.prefix


@router.get("/oauth_callback")
async def oauth_callback(request: Request, code: str = "", state: str = "") -> RedirectResponse:
    """Where the hub sends the browser back to."""
    client: OAuthClient = request.app.state.oauth
    hub: HubApi = request.app.state.hub
    started = request.session.pop("oauth", None)
    if started is None or not hmac.compare_digest(state.encode(), started["state"].encode()):
        raise Problem(
            403,
            "sign-in-lost",
            later("This sign-in was not started here, or too long ago."),
            later("Open the page again."),
        )
    token = await hub.token_for(
        {
            "client_id": client.client_id,
            "client_secret": client.secret,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.callback,
            "code_verifier": started["verifier"],
        }
    )
    if token is None:
        raise Problem(
            403, "sign-in-refused", later("The hub did not accept this sign-in."), later("Open the page again.")
        )
    request.session["token"] = token
    return RedirectResponse(started["next"], status_code=303)
