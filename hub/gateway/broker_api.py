"""The broker as the gateway asks it. Whatever cannot be asked raises; it never looks like "no lease"."""

from typing import Any

import aiohttp


class Refused(Exception):
    """The broker's sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class BrokerApi:
    """Raises aiohttp.ClientError or TimeoutError when the broker does not answer, Refused when it refuses."""

    def __init__(self, address: str, secret: str) -> None:
        self._address, self._secret = address, secret

    async def request(self, session: aiohttp.ClientSession, body: dict[str, Any], language: str) -> dict[str, Any]:
        """Ask for a lease: `{"lease": …, "token": …}`."""
        return await self._post(session, "/gateway/leases", f"token {self._secret}", body, language)

    async def act(self, session: aiohttp.ClientSession, lease: str, token: str, verb: str, body: Any) -> dict[str, Any]:
        """`bound`, `heartbeat` or `release`: the lease as it is afterwards."""
        return await self._post(session, f"/leases/{lease}/{verb}", f"Bearer {token}", body, "en")

    async def _post(
        self, session: aiohttp.ClientSession, path: str, authorization: str, body: Any, language: str
    ) -> dict[str, Any]:
        headers = {"Authorization": authorization, "Accept-Language": language}
        async with session.post(f"{self._address}{path}", json=body, headers=headers) as reply:
            answer: dict[str, Any] = await reply.json()
            if reply.status >= 500:
                reply.raise_for_status()
            if reply.status >= 400:
                raise Refused(
                    answer["error"]["code"], f"{answer['error']['message']} {answer['error']['hint']}".strip()
                )
            return answer
