"""Stands in for the hub where only its answer to `GET /user` is needed: `python -m hub.bench.leases.stand_in PORT`.

A token `bench-NAME` is the user NAME with a running seat; every other token is refused, as the hub refuses it.
"""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.bench.leases.world import PROFILE, programme_of

STARTED = "2026-01-01T08:00:00.000000Z"


async def user(request: Request) -> Response:
    """The hub's model of the token's owner; 403 for a token that nobody has."""
    token = request.headers.get("Authorization", "").removeprefix("token ")
    if not token.startswith("bench-user-") or not token.rpartition("-")[2].isdigit():
        return JSONResponse({"status": 403, "message": "Forbidden"}, status_code=403)
    return JSONResponse(_model(token.removeprefix("bench-")))


def _model(name: str) -> dict[str, object]:
    seat = {
        "name": "",
        "url": f"/user/{name}/",
        "ready": True,
        "pending": None,
        "started": STARTED,
        "last_activity": STARTED,
        "user_options": {"profile": PROFILE},
    }
    groups = [programme_of(name)]
    about = {"name": name, "kind": "user", "admin": False, "groups": groups, "servers": {"": seat}}
    return about | {"scopes": ["access:services"]}


def main(port: int) -> None:
    """Answer on loopback until stopped."""
    app = Starlette(routes=[Route("/hub/api/user", user)])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
