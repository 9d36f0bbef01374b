"""Where seats that are jobs say that they serve: only they know on which node and port they came to be."""

from secrets import compare_digest
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.spawner import Spawner
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tornado import web

PATH = "/werkbank/arrivals"


class News(BaseModel):
    """What a seat says: its port, or its last words."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    port: int | None = Field(default=None, ge=1, le=65_535)
    ended: str | None = Field(default=None, max_length=1000)


class ArrivalHandler(APIHandler):  # type: ignore[misc]
    """`POST {"port": 40123}` or `{"ended": "what it printed last"}`, with the seat's own token."""

    @web.authenticated
    async def post(self) -> None:
        """Pass it on to the start that waits for it; 404 when none does (any more)."""
        try:
            news = News.model_validate_json(self.request.body)
        except ValidationError:
            raise web.HTTPError(400, "A seat says its port, or its last words.") from None
        if (news.port is None) == (news.ended is None):
            raise web.HTTPError(400, "A seat says its port, or its last words: one of them.")
        spawner = self._spawner()
        if spawner is None or not spawner.hears(self._address(), news.port, news.ended):
            raise web.HTTPError(404, "Nobody waits for this seat.")
        self.set_status(204)

    def _spawner(self) -> Any:
        """The one that started whoever asks. A person's other tokens start nothing."""
        token, user = self.get_auth_token() or "", self.current_user
        spawners: list[Spawner] = list(getattr(user, "spawners", {}).values())
        mine = (one for one in spawners if one.api_token and compare_digest(one.api_token, token))
        return next((one for one in mine if hasattr(one, "hears")), None)

    def _address(self) -> str:
        """Where the request comes from in truth: a header could send people to a machine of the sender's choice."""
        return str(self.request.connection.context.address[0])
