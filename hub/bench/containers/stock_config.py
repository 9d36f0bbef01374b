"""Stock JupyterHub for comparison: its seats are containers of DockerSpawner."""

from dockerspawner import DockerSpawner
from traitlets.config import get_config

from hub.bench.stock_hub import stock_hub

c = get_config()
state, seat = stock_hub(c)
hub = state.ports().hub

# Containers come by a network of their own.
c.JupyterHub.hub_bind_url = f"http://0.0.0.0:{hub}"
c.JupyterHub.hub_connect_url = f"http://{seat['hub']}:{hub}"
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
