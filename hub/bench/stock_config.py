"""Stock JupyterHub for comparison: its defaults, but for what it needs to run beside another hub as one user."""

import json
import os
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets.config import get_config

from hub.bench.peers import ADDRESS, PASSWORD, PUBLIC_STATE, SEAT
from hub.runtime import proxy_command
from hub.state import StateDirectory

c = get_config()
state = StateDirectory.open(Path(os.environ[PUBLIC_STATE]))
ports = state.ports()
seat = json.loads(os.environ[SEAT])

c.JupyterHub.bind_url = os.environ[ADDRESS]
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{ports.hub}"
c.JupyterHub.db_url = state.database("hub")
c.ConfigurableHTTPProxy.command = proxy_command()
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports.proxy_api}"

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ[PASSWORD]
c.Authenticator.allow_all = True

# LocalProcessSpawner without becoming another user, as Werkbank's seats in same-user mode.
c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
c.SimpleLocalProcessSpawner.home_dir_template = f"{state.homes}/{{username}}"
c.SimpleLocalProcessSpawner.args = [*(["--allow-root"] if os.geteuid() == 0 else []), *seat["arguments"]]
c.SimpleLocalProcessSpawner.environment = {
    **seat["variables"],
    "DASK_GATEWAY__ADDRESS": f"http://127.0.0.1:{ports.gateway}",
    "DASK_GATEWAY__PROXY_ADDRESS": f"gateway://127.0.0.1:{ports.gateway_tcp}",
}
# A crowd on a small machine takes longer than the usual half minute; this makes no start slower.
c.SimpleLocalProcessSpawner.start_timeout = 120
c.SimpleLocalProcessSpawner.http_timeout = 120
