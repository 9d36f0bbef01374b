"""Somebody's seat as the service reads it: no more than a notebook that its owner shows."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

SHOWN = "werkbank/lab/shown"
"""Below a seat's own address."""
PATIENCE = 15.0
"""Seconds: a long notebook takes some to be made into a page."""
MOST_BYTES = 64 * 2**20


class NotReadable(Exception):
    """The seat does not answer, or not as one does that shows a notebook."""


class NothingShown(Exception):
    """The seat says that it shows none."""


class ShownNotebook(BaseModel):
    """What is shown. A seat is its owner's program: what it says is checked as what anybody says."""

    model_config = ConfigDict(extra="ignore")

    path: str = Field(min_length=1, max_length=1024)
    saved: float = Field(ge=0, le=1e11)
    """Unix seconds."""


class SeatApi:
    """Reads through the proxy, with the service's own token. Raises NothingShown and NotReadable."""

    def __init__(self, client: httpx.AsyncClient, site: str, token: str) -> None:
        """`site` is scheme, address and port at which the proxy listens."""
        self._client, self._site = client, site
        self._headers = {"Authorization": f"token {token}"}

    async def shown(self, seat: str) -> ShownNotebook:
        """What a seat shows; `seat` is its path, such as `/user/ada/`."""
        told = await self._read(seat, "state", 65_536)
        try:
            return ShownNotebook.model_validate_json(told)
        except ValidationError as error:
            raise NotReadable(str(error)) from error

    async def notebook(self, seat: str) -> bytes:
        """The notebook as HTML that its reader must not trust."""
        return await self._read(seat, "content", MOST_BYTES)

    async def _read(self, seat: str, what: str, most: int) -> bytes:
        url = f"{self._site}{quote(seat, safe='/%')}{SHOWN}/{what}"
        try:
            async with self._client.stream("GET", url, headers=self._headers, timeout=PATIENCE) as reply:
                if reply.status_code == httpx.codes.NOT_FOUND:
                    raise NothingShown
                if reply.status_code != httpx.codes.OK:
                    raise NotReadable(f"{what}: {reply.status_code}")
                return await _at_most(reply.aiter_bytes(), most)
        except httpx.HTTPError as error:
            raise NotReadable(f"{what}: {error!r}") from error


async def _at_most(chunks: AsyncIterator[bytes], most: int) -> bytes:
    found = bytearray()
    async for chunk in chunks:
        found += chunk
        if len(found) > most:
            raise NotReadable(f"more than {most} bytes")
    return bytes(found)
