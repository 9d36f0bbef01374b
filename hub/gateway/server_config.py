"""Configuration of the gateway's own process, read by `dask-gateway-server -f`."""

import os
from pathlib import Path

from dask_gateway_server.backends import db_base
from traitlets.config import get_config

from hub import logs
from hub.gateway.authenticator import SeatAuthenticator
from hub.gateway.backend import SameUserBackend, SystemAccountsBackend
from hub.gateway.broker_api import BrokerApi
from hub.gateway.certificates import new_keypair
from hub.gateway.gpu_workers import GpuWorkers
from hub.gateway.seats import HubSeats
from hub.runtime import Runtime
from hub.spawners.confinement import confinement_of

logs.configure()
db_base.new_keypair = new_keypair
c = get_config()

runtime = Runtime.from_environment()
current, ports = runtime.current(), runtime.state.ports()
settings = current.settings
same_user = settings.site.seats_run_as == "same-user"
backend = SameUserBackend if same_user else SystemAccountsBackend

c.DaskGateway.address = f"127.0.0.1:{ports.gateway_api}"
c.DaskGateway.authenticator_class = SeatAuthenticator
c.DaskGateway.backend_class = backend
c.SeatAuthenticator.service_secret = runtime.state.secret("gateway-leases")
c.Proxy.address = f"127.0.0.1:{ports.gateway}"
c.Proxy.tcp_address = f"127.0.0.1:{ports.gateway_tcp}"
c.Proxy.prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"].rstrip("/")

folder = c[backend.__name__]
folder.current = current
folder.workbench = runtime.state.path
folder.confinement = confinement_of(settings, runtime.state)
folder.seats = HubSeats(os.environ["JUPYTERHUB_API_URL"], os.environ["JUPYTERHUB_API_TOKEN"])
service = f"http://127.0.0.1:{ports.service}{os.environ['JUPYTERHUB_BASE_URL']}services/werkbank/api/v1"
folder.gpu_workers = GpuWorkers(BrokerApi(service, runtime.state.secret("gateway-leases")))
folder.clusters_directory = str(runtime.state.clusters)
# Stock notices a worker that died at its start after 30 s; people are watching.
folder.worker_status_period = 5
folder.cluster_status_period = 5
# Only then does it know which workers run. A scheduler that is busy for half a minute is not dead, as in stock.
folder.cluster_heartbeat_period = 5
folder.cluster_heartbeat_timeout = 30
folder.sigint_timeout = 5
Path(folder.clusters_directory).mkdir(exist_ok=True)
c.ClusterConfig.idle_timeout = settings.gateway.idle_timeout
c.ClusterConfig.environment = {"OMP_NUM_THREADS": "1"}
