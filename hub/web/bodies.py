"""How much a caller may send: more than any of our routes needs, less than hurts."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.web.problems import Problem
from hub.words import choose_language, later, translator

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
        counted = _Counted(receive, send)
        try:
            await self._app(scope, counted.receive, counted.send)
        except _TooLarge:
            counted.is_over = True
        if counted.is_over:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = Problem(
            413, "too-large", later("The request is larger than {most} KB."), "", {"most": str(MOST_BYTES // 1024)}
        )
        language = choose_language(None, Headers(scope=scope).get("accept-language"))
        response = problem.in_words(translator(language)).as_json()
        await response(scope, receive, send)


class _Counted:
    """Counts what comes in. Once that is too much, the application's own answer is held back: it sees only a
    body that broke off, and would speak of that.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._seen = 0
        self.is_over = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > MOST_BYTES:
            self.is_over = True
            raise _TooLarge
        return message

    async def send(self, message: Message) -> None:
        if not self.is_over:
            await self._send(message)
