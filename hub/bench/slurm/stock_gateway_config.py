"""Stock Dask Gateway with its Slurm backend: its defaults, but for what it needs to run here at all.

Read in an environment without Werkbank. What differs from the defaults is said in the report (NOTES in hubs.py).
"""

import json
import os

from traitlets.config import get_config

c = get_config()
given = json.loads(os.environ["WERKBANK_BENCH_STOCK"])

c.DaskGateway.backend_class = "dask_gateway_server.backends.jobqueue.slurm.SlurmBackend"
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.JupyterHubAuthenticator"
c.JupyterHubAuthenticator.jupyterhub_api_token = given["gateway_token"]
c.JupyterHubAuthenticator.jupyterhub_api_url = f"http://{given['head']}:{given['hub_port']}/hub/api"
c.Proxy.address = f"{given['head']}:{given['gateway_port']}"
c.Proxy.prefix = "/services/dask-gateway"
# What these are called differs between versions of Dask; a job's PATH is its user's.
c.SlurmClusterConfig.scheduler_cmd = [f"{given['programs']}/dask", "scheduler"]
c.SlurmClusterConfig.worker_cmd = [f"{given['programs']}/dask", "worker"]
