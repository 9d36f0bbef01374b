"""Stock JupyterHub with stock batchspawner: their defaults, but for what they need to run here at all.

Read in an environment without Werkbank. What differs from the defaults is said in the report (NOTES in hubs.py).
"""

import json
import os

import batchspawner  # importing it adds the address to which seats tell their port
from traitlets.config import get_config

c = get_config()
given = json.loads(os.environ["WERKBANK_BENCH_STOCK"])
gateway = f"{given['head']}:{given['gateway_port']}"

c.JupyterHub.bind_url = f"http://:{given['port']}"
c.JupyterHub.hub_ip = given["head"]
c.ConfigurableHTTPProxy.command = given["proxy"]
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = given["password"]
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = batchspawner.SlurmSpawner
c.SlurmSpawner.batchspawner_singleuser_cmd = f"{given['programs']}/batchspawner-singleuser"
c.SlurmSpawner.cmd = [f"{given['programs']}/jupyterhub-singleuser"]
c.SlurmSpawner.req_nprocs = str(given["cores"])
c.SlurmSpawner.req_memory = f"{given['memory_mib']}M"
# A job that Slurm puts back in the line counts as a seat that runs, for ever: that a node died would never be seen.
c.SlurmSpawner.req_options = "--no-requeue"
c.SlurmSpawner.environment = {
    "DASK_GATEWAY__ADDRESS": f"http://{given['head']}:{given['port']}/services/dask-gateway/",
    "DASK_GATEWAY__PROXY_ADDRESS": f"gateway://{gateway}",
    "DASK_GATEWAY__AUTH__TYPE": "jupyterhub",
}
c.JupyterHub.services = [
    {"name": "dask-gateway", "api_token": given["gateway_token"], "url": f"http://{gateway}"},
]
