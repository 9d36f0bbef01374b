"""How much a caller may send: more than any of our routes needs, less than hurts."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.web.problems import Problem
from hub.words import choose_language, later, translator

MOST_BYTES = 256 * 1024


class _TooLarge(Exception):
    """The body grew over the limit while it was read."""


class BodyLimit:
    """Refuses larger bodies, also those that do not say how large they are, before anybody parses them."""

    def __init__(self, app: ASGIApp, larger: Mapping[str, int] = MappingProxyType({})) -> None:
        self._app, self._larger = app, larger
        """`larger` says for the ends of some paths how many bytes they may be sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = next((most for end, most in self._larger.items() if scope["path"].endswith(end)), MOST_BYTES)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > most:
            await self._refuse(most, scope, receive, send)
            return
        counted = _Counted(most, receive, send)
        try:
            await self._app(scope, counted.receive, counted.send)
        except _TooLarge:
            counted.is_over = True
        if counted.is_over:
            await self._refuse(most, scope, receive, send)

    async def _refuse(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        sentence = later("The request is larger than {most} KB.")
        problem = Problem(413, "too-large", sentence, "", {"most": str(most // 1024)})
        language = choose_language(None, Headers(scope=scope).get("accept-language"))
        response = problem.in_words(translator(language)).as_json()
        await response(scope, receive, send)


class _Counted:
    """Counts what comes in. Once that is too much, the application's own answer is held back: it sees only a
    body that broke off, and would speak of that.
    """

    def __init__(self, most: int, receive: Receive, send: Send) -> None:
        self._most, self._receive, self._send = most, receive, send
        self._seen = 0
        self.is_over = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            self.is_over = True
            raise _TooLarge
        return message

    async def send(self, message: Message) -> None:
        if not self.is_over:
            await self._send(message)
