"""Who calls the gateway: a JupyterHub user, and from which seat; or the service, for an admin."""

import hmac
from typing import Any

from aiohttp import web
from dask_gateway_server.auth import JupyterHubAuthenticator
from dask_gateway_server.models import User
from traitlets import Unicode

from hub.gateway.seats import seat_of_token


class SeatUser(User):  # type: ignore[misc]
    """A gateway user who knows the seat that the call came from; None for a personal token."""

    def __init__(self, name: str, groups: Any, admin: bool, seat: str | None) -> None:
        super().__init__(name, groups=groups, admin=admin)
        self.seat = seat


class Service(User):  # type: ignore[misc]
    """The workbench's own service: it sees and ends everybody's clusters, and starts none."""

    def __init__(self) -> None:
        super().__init__(None, admin=True)  # without a name the backend lists all

    def has_permissions(self, _cluster: Any) -> bool:
        return True


class SeatAuthenticator(JupyterHubAuthenticator):  # type: ignore[misc]
    """JupyterHub authentication that tells apart the seats of one user.

    Stock caches one record per user name for five minutes: a second seat of the same user would get
    the first one's bounds, and a revoked token would live on. The hub answers in milliseconds, so
    every call asks it.
    """

    service_secret = Unicode(help="What the workbench's service calls with.").tag(config=True)

    async def authenticate_and_handle(self, request: web.Request, handler: Any) -> web.StreamResponse:
        request["user"] = await self.authenticate(request)
        response: web.StreamResponse = await handler(request)
        return response

    async def authenticate(self, request: web.Request) -> User:
        token = self.get_token(request)
        if token is None:
            raise _unauthorized("no JupyterHub token came with the request")
        if self.service_secret and hmac.compare_digest(token.encode(), self.service_secret.encode()):
            return _service(request)
        headers = {"Authorization": f"token {token}"}
        async with self.session.get(f"{self.jupyterhub_api_url}/user", headers=headers) as reply:
            if reply.status in (403, 404):
                raise _unauthorized("the JupyterHub token is not valid any more; restart your seat for a new one")
            if reply.status >= 400:
                raise web.HTTPBadGateway(
                    reason=f"The hub did not answer the gateway ({reply.status}). Nothing was started."
                )
            user = await reply.json()
        scopes = user.get("scopes", [])
        if not {"access:services", f"access:services!service={self.jupyterhub_service_name}"} & set(scopes):
            raise _unauthorized("this token may not use Dask Gateway")
        if user["kind"] != "user":
            raise _unauthorized("only people have clusters, services do not")
        return SeatUser(user["name"], user.get("groups", []), user.get("admin", False), seat_of_token(scopes))


def _service(request: web.Request) -> Service:
    """The service may list clusters and end one, whoever's; for all else there is a person."""
    if request.method not in ("GET", "DELETE") or not request.path.startswith("/api/v1/clusters/"):
        raise _unauthorized("the service has no clusters of its own")
    return Service()


def _unauthorized(why: str) -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(reason=f"Not signed in: {why}.", headers={"WWW-Authenticate": "jupyterhub"})
