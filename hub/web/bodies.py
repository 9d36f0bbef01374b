"""How much a caller may send: more than any of our routes needs, less than hurts."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.web.problems import Problem
from hub.words import later

MOST_BYTES = 256 * 1024


class _TooLarge(Exception):
    """The body grew over the limit while it was read."""


class BodyLimit:
    """Refuses larger bodies, also those that do not say how large they are, before anybody parses them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MOST_BYTES:
            await self._refuse(scope, receive, send)
            return
        try:
            await self._app(scope, _counted(receive), send)
        except _TooLarge:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = Problem(
            413, "too-large", later("The request is larger than {most} KB."), "", {"most": str(MOST_BYTES // 1024)}
        )
        response = problem.in_words(str).as_json()
        await response(scope, receive, send)


def _counted(receive: Receive) -> Receive:
    seen = 0

    async def count() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise _TooLarge
        return message

    return count
