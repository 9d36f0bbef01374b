"""Errors as the service tells them: one shape for the API, one page for people."""

from typing import Any

from fastapi.responses import JSONResponse

from hub.words import Translate


class Problem(Exception):
    """Something a caller did or asked cannot be: what happened, and what to do."""

    def __init__(
        self, status: int, code: str, message: str, hint: str = "", facts: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint
        self.facts = facts or {}
        """What message and hint speak of, filled in once they are in the reader's language."""

    def in_words(self, translate: Translate) -> "Problem":
        """This problem as its reader understands it."""
        hint = translate(self.hint).format(**self.facts) if self.hint else ""
        return Problem(self.status, self.code, translate(self.message).format(**self.facts), hint)

    def as_json(self) -> JSONResponse:
        """`{"error": {"code", "message", "hint"}}` with the right status."""
        return JSONResponse({"error": self.body()}, status_code=self.status)

    def body(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "hint": self.hint}
