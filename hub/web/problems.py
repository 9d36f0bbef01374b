"""Errors as the service tells them: one shape for the API, one page for people."""

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from hub.words import Translate

RETRY_SECONDS = {429: 60, 503: 60}
"""When to ask again, for the statuses that pass by themselves; the sentences say a minute too."""


class ErrorBody(BaseModel):
    """What happened, and what to do."""

    model_config = ConfigDict(extra="forbid")

    code: str
    """For programs; it stays the same in every language."""
    message: str
    hint: str
    """What to do; empty where nothing can be done."""


class ErrorAnswer(BaseModel):
    """Every error of this API."""

    model_config = ConfigDict(extra="forbid")

    error: ErrorBody


class Problem(Exception):
    """Something a caller did or asked cannot be: what happened, and what to do."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str = "",
        facts: dict[str, str] | None = None,
        words: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint
        self.facts = facts or {}
        """What message and hint speak of, filled in once they are in the reader's language."""
        self.words = words or {}
        """Facts that are translated too."""

    def in_words(self, translate: Translate) -> "Problem":
        """This problem as its reader understands it."""
        facts = self.facts | {name: translate(word) for name, word in self.words.items()}
        hint = translate(self.hint).format(**facts) if self.hint else ""
        return Problem(self.status, self.code, translate(self.message).format(**facts), hint)

    def headers(self) -> dict[str, str]:
        """`Retry-After`, for what passes by itself."""
        seconds = RETRY_SECONDS.get(self.status)
        return {"Retry-After": str(seconds)} if seconds else {}

    def as_json(self) -> JSONResponse:
        """`{"error": {"code", "message", "hint"}}` with the right status."""
        return JSONResponse({"error": self.body()}, status_code=self.status, headers=self.headers())

    def body(self) -> dict[str, str]:
        return ErrorBody(code=self.code, message=self.message, hint=self.hint).model_dump()


# --- in the API's description -------------------------------------------------------------------------

Answers = dict[int | str, dict[str, Any]]

_MEANINGS = {
    400: "The body is not JSON.",
    401: "No valid token.",
    403: "Not allowed for the one who asks.",
    404: "Not there, or somebody else's.",
    409: "Not possible as things stand now.",
    410: "The lease has ended.",
    413: "The body is too large.",
    422: "A value that is not allowed; the message names it.",
    429: "Enough asked for; wait until something of it is served.",
    503: "The hub, the devices or the database do not answer; nothing was changed.",
}
WITH_A_BODY = (400, 413, 422)
"""What any route that reads a body may say of it."""


def answers(*statuses: int) -> Answers:
    """A route's `responses`: the errors it can give, each in the one shape."""
    return {status: {"model": ErrorAnswer, "description": _MEANINGS[status], **_headers(status)} for status in statuses}


def _headers(status: int) -> dict[str, Any]:
    if status not in RETRY_SECONDS:
        return {}
    return {"headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}}
