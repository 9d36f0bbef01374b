"""Stock JupyterHub with DockerSpawner for comparison: its defaults, but for what it needs to run at this engine."""

import json
import os
from pathlib import Path

from dockerspawner import DockerSpawner
from traitlets.config import get_config

from hub.bench.peers import ADDRESS, PASSWORD, PUBLIC_STATE, SEAT
from hub.runtime import proxy_command
from hub.state import StateDirectory

c = get_config()
state = StateDirectory.open(Path(os.environ[PUBLIC_STATE]))
ports = state.ports()
seat = json.loads(os.environ[SEAT])

c.JupyterHub.bind_url = os.environ[ADDRESS]
# Containers come by a network of their own.
c.JupyterHub.hub_bind_url = f"http://0.0.0.0:{ports.hub}"
c.JupyterHub.hub_connect_url = f"http://{seat['hub']}:{ports.hub}"
c.JupyterHub.db_url = state.database("hub")
c.ConfigurableHTTPProxy.command = proxy_command()
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports.proxy_api}"

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ[PASSWORD]
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = DockerSpawner
c.DockerSpawner.client_kwargs = {"base_url": f"unix://{seat['socket']}"}
c.DockerSpawner.image = seat["image"]
c.DockerSpawner.prefix = seat["prefix"]
c.DockerSpawner.network_name = seat["network"]
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
c.DockerSpawner.cmd = ["jupyterhub-singleuser"]
c.DockerSpawner.args = seat["arguments"]
c.DockerSpawner.environment = seat["variables"]
c.DockerSpawner.mem_limit, c.DockerSpawner.cpu_limit = seat["memory"], seat["cpu"]
c.DockerSpawner.start_timeout = 120
c.DockerSpawner.http_timeout = 120
