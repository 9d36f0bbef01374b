"""Configuration of the gateway's own process, read by `dask-gateway-server -f`."""

import base64
import os

from dask_gateway_server.backends import db_base
from traitlets.config import get_config

from hub import logs
from hub.gateway.authenticator import SeatAuthenticator
from hub.gateway.backend import SameUserBackend, SystemAccountsBackend
from hub.gateway.broker_api import BrokerApi
from hub.gateway.certificates import new_keypair
from hub.gateway.gpu_workers import GpuWorkers
from hub.gateway.seats import HubSeats
from hub.gateway.slurm import SlurmClusters
from hub.runtime import Runtime
from hub.slurm.commands import Slurm
from hub.slurm.names import DASK
from hub.slurm.watch import Watch
from hub.spawners.confinement import confinement_of

IN_LINE_S = 24 * 3600

logs.configure()
db_base.new_keypair = new_keypair
c = get_config()

runtime = Runtime.from_environment()
current, ports = runtime.current(), runtime.state.ports()
settings = current.settings
same_user = settings.site.seats_run_as == "same-user"
slurm = settings.site.slurm
backend = SlurmClusters if slurm else SameUserBackend if same_user else SystemAccountsBackend
listens_on = "0.0.0.0" if slurm else "127.0.0.1"  # noqa: S104 - jobs come from nodes

c.DaskGateway.address = f"{listens_on}:{ports.gateway_api}"
c.DaskGateway.authenticator_class = SeatAuthenticator
c.DaskGateway.backend_class = backend
c.SeatAuthenticator.service_secret = runtime.state.secret("gateway-leases")
c.Proxy.address = f"{listens_on}:{ports.gateway}"
c.Proxy.tcp_address = f"{listens_on}:{ports.gateway_tcp}"
c.Proxy.prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"].rstrip("/")

folder = c[backend.__name__]
folder.current = current
folder.workbench = runtime.state.path
folder.confinement = confinement_of(settings, runtime.state)
folder.seats = HubSeats(os.environ["JUPYTERHUB_API_URL"], os.environ["JUPYTERHUB_API_TOKEN"])
service = f"http://127.0.0.1:{ports.service}{os.environ['JUPYTERHUB_BASE_URL']}services/werkbank/api/v1"
folder.gpu_workers = GpuWorkers(BrokerApi(service, runtime.state.secret("gateway-leases")))
# Stock notices a worker that died at its start after 30 s; people are watching.
folder.worker_status_period = 5
folder.cluster_status_period = 5
# Only then does it know which workers run. A scheduler that is busy for half a minute is not dead, as in stock.
folder.cluster_heartbeat_period = 5
folder.cluster_heartbeat_timeout = 30
if slurm:
    folder.watch = Watch(Slurm(), DASK, site=slurm)
    folder.api_url = f"http://{slurm.address}:{ports.gateway_api}/api"
    # Whether a scheduler's job lives Slurm says within seconds; one on a busy node may be late for long.
    folder.cluster_heartbeat_timeout = 120
    # Clusters are kept while this starts anew: their jobs run on, and it knows them.
    folder.db_url = runtime.state.database("gateway")
    folder.db_encrypt_keys = [base64.b64encode(bytes.fromhex(runtime.state.secret("gateway-database")))]
    folder.stop_clusters_on_shutdown = False
    # Stock gives a worker up that waits in line for a minute, and puts it at the end of the line again, for ever.
    folder.worker_start_timeout = IN_LINE_S
    folder.cluster_start_timeout = slurm.patience
else:
    folder.clusters_directory = str(runtime.state.clusters)
    folder.sigint_timeout = 5
    runtime.state.clusters.mkdir(exist_ok=True)
c.ClusterConfig.idle_timeout = settings.gateway.idle_timeout
c.ClusterConfig.environment = {"OMP_NUM_THREADS": "1"}
