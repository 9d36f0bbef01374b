"""Stock JupyterHub for comparison: its seats are processes of one user."""

import os

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets.config import get_config

from hub.bench.stock_hub import stock_hub

c = get_config()
state, seat = stock_hub(c)
ports = state.ports()

# LocalProcessSpawner without becoming another user, as Werkbank's seats in same-user mode.
c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
c.SimpleLocalProcessSpawner.home_dir_template = f"{state.homes}/{{username}}"
c.SimpleLocalProcessSpawner.args = [*(["--allow-root"] if os.geteuid() == 0 else []), *seat["arguments"]]
c.SimpleLocalProcessSpawner.environment = {
    **seat["variables"],
    "DASK_GATEWAY__ADDRESS": f"http://127.0.0.1:{ports.gateway}",
    "DASK_GATEWAY__PROXY_ADDRESS": f"gateway://127.0.0.1:{ports.gateway_tcp}",
}
