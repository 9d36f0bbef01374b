"""The broker as the command line asks it: on this machine, with the workbench's own token."""

from typing import Any

import httpx

from hub.errors import BrokerError, WerkbankError
from hub.state import StateDirectory

TIMEOUT = 10.0


class BrokerClient:
    """Raises BrokerError when the broker does not answer, WerkbankError with its sentence when it refuses."""

    def __init__(self, state: StateDirectory, part: str = "/admin") -> None:
        if not state.is_held():
            raise BrokerError("Werkbank does not run here. `./werkbank up` starts it.")
        # The service's own port, so that it works while the proxy does not.
        self._url = f"http://127.0.0.1:{state.ports().service}/services/werkbank/api/v1{part}"
        self._headers = {"Authorization": f"token {state.secret('command-line')}"}

    def get(self, path: str) -> Any:
        """What the broker says about `path`."""
        return self._ask("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Ask the broker to do something."""
        return self._ask("POST", path, json=body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Write something down."""
        return self._ask("PUT", path, json=body)

    def delete(self, path: str) -> None:
        """Remove something."""
        self._ask("DELETE", path)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            reply = httpx.request(
                method, f"{self._url}{path}", headers=self._headers, timeout=TIMEOUT, trust_env=False, **more
            )
        except httpx.HTTPError as error:
            raise BrokerError(f"The broker does not answer ({error}). Running kernels keep their GPUs.") from None
        if reply.status_code == 204:
            return None
        try:
            answer = reply.json()
        except ValueError:
            raise BrokerError(f"The broker answered with status {reply.status_code} and no JSON.") from None
        if reply.status_code >= 400:
            problem = answer["error"]
            raise WerkbankError(f"{problem['message']} {problem['hint']}".strip())
        return answer
