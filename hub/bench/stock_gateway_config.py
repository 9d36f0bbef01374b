"""Stock Dask Gateway for comparison: its backend for local processes, as one user, for who says they are anybody."""

import os
import sys
from pathlib import Path

from dask_gateway_server.backends.local import LocalBackend
from traitlets.config import get_config

from hub.bench.peers import PUBLIC_STATE, WITHOUT_CORRECTIONS
from hub.state import StateDirectory

c = get_config()
state = StateDirectory.open(Path(os.environ[PUBLIC_STATE]))
ports = state.ports()
dask = str(Path(sys.executable).with_name("dask"))

c.DaskGateway.address = f"127.0.0.1:{ports.gateway_api}"
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.Proxy.address = f"127.0.0.1:{ports.gateway}"
c.Proxy.tcp_address = f"127.0.0.1:{ports.gateway_tcp}"
# What these are called differs between versions of Dask.
c.ClusterConfig.scheduler_cmd = [dask, "scheduler"]
c.ClusterConfig.worker_cmd = [dask, "worker"]
c.UnsafeLocalBackend.inherited_environment = [
    *LocalBackend.inherited_environment.default(),
    *WITHOUT_CORRECTIONS,
]
