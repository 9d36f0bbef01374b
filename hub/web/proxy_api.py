"""The proxy as the service sees it: the door that everybody comes through."""

import httpx

from hub.settings import Settings


def site_of(settings: Settings) -> str:
    """Scheme, address and port at which the proxy is reached from this machine."""
    address = settings.server.address
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{settings.server.port}"


class ProxyApi:
    """Asks at the public address, as people's browsers do."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings) -> None:
        self._client, self._address = client, site_of(settings)

    async def alive(self) -> bool:
        """Whether it answers. Raises httpx.HTTPError when it does not."""
        # The proxy answers this path itself, so a hub that is away is not taken for a proxy that is.
        return (await self._client.get(f"{self._address}/_chp_healthz")).status_code == 200
