"""A stock JupyterHub beside another hub: its defaults, but for what it needs to run here at all."""

import json
import os
from pathlib import Path
from typing import Any

from hub.bench.peers import ADDRESS, PASSWORD, PUBLIC_STATE, SEAT
from hub.runtime import proxy_command
from hub.state import StateDirectory

# A crowd on a small machine takes longer than the usual half minute; this makes no start slower.
PATIENCE_S = 120


def stock_hub(c: Any) -> tuple[StateDirectory, dict[str, Any]]:
    """Configure all but its spawner. Returns where its state is, and what its seats shall be."""
    state = StateDirectory.open(Path(os.environ[PUBLIC_STATE]))
    ports = state.ports()
    c.JupyterHub.bind_url = os.environ[ADDRESS]
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{ports.hub}"
    c.JupyterHub.db_url = state.database("hub")
    c.ConfigurableHTTPProxy.command = proxy_command()
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports.proxy_api}"
    c.JupyterHub.authenticator_class = "dummy"
    c.DummyAuthenticator.password = os.environ[PASSWORD]
    c.Authenticator.allow_all = True
    c.Spawner.start_timeout = c.Spawner.http_timeout = PATIENCE_S
    return state, json.loads(os.environ[SEAT])
