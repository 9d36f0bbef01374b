"""Settings → JupyterHub's configuration; one small function per concern."""

import os
import sys
from collections.abc import Callable
from typing import Any

from hub import logs
from hub.authentication import configuring as authentication
from hub.containers.arrivals import Arrivals
from hub.containers.engine import Engine
from hub.containers.names import sockets_folder
from hub.db import connect
from hub.pages import hub_pages
from hub.runtime import Runtime, proxy_command
from hub.settings import Current, Settings
from hub.slurm.commands import Slurm
from hub.slurm.names import SEAT
from hub.slurm.watch import Watch
from hub.spawners.arrivals import PATH, ArrivalHandler
from hub.spawners.base import SeatSpawner
from hub.spawners.containers import ContainerSpawner
from hub.spawners.local import KEPT_VARIABLES, LocalSpawner
from hub.spawners.slurm import SlurmSpawner
from hub.state import Ports, StateDirectory
from hub.workshops.admission import Admission

SERVICE, GATEWAY, CULLER, COMMAND_LINE = "werkbank", "dask-gateway", "idle-culler", "werkbank-cli"
PROMETHEUS = "prometheus"


def configure(c: Any, runtime: Runtime) -> None:
    """Set everything that werkbank.yaml decides. What comes after in the configuration file wins."""
    logs.configure()
    current, state = runtime.current(), runtime.state
    settings = current.settings
    ports = state.ports()
    _addresses(c, settings, ports)
    _state(c, settings, state)
    _proxy(c, state, ports)
    authentication.configure(c, settings, state)
    authentication.follow(c, current)
    _spawner(c, current, state)
    _services(c, runtime, settings, ports)
    _roles(c, settings)
    hub_pages.install(c, current)


def _addresses(c: Any, settings: Settings, ports: Ports) -> None:
    c.JupyterHub.bind_url = f"http://{settings.server.address}:{settings.server.port}"
    # Seats know this address by heart and outlive the hub, so it stays the same between starts.
    c.JupyterHub.hub_bind_url = f"http://{_listens_on(settings)}:{ports.hub}"
    if settings.site.slurm is not None:
        c.JupyterHub.hub_connect_url = f"http://{settings.site.slurm.address}:{ports.hub}"


def _listens_on(settings: Settings) -> str:
    """Where hub and service are for seats: on this machine, or for nodes of a cluster."""
    return "127.0.0.1" if settings.site.slurm is None else "0.0.0.0"  # noqa: S104 - nodes come by any of its networks


def _state(c: Any, settings: Settings, state: StateDirectory) -> None:
    own = settings.server.database == "sqlite"
    c.JupyterHub.db_url = state.database("hub") if own else settings.server.database
    c.JupyterHub.upgrade_db = True
    # One secret per way of signing in: who was the demo's admin is nobody at the institution.
    cookie = f"cookie-{settings.authentication.kind}"
    state.secret(cookie)
    c.JupyterHub.cookie_secret_file = str(state.secrets / cookie)
    c.ConfigurableHTTPProxy.pid_file = str(state.path / "proxy.pid")
    # Seats and their kernels run on while the hub restarts; `up` ends them when it is asked to.
    c.JupyterHub.cleanup_servers = False


def _proxy(c: Any, state: StateDirectory, ports: Ports) -> None:
    c.ConfigurableHTTPProxy.command = proxy_command()
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports.proxy_api}"
    c.ConfigurableHTTPProxy.auth_token = state.secret("proxy")


def _spawner(c: Any, current: Current, state: StateDirectory) -> None:
    spawner, configure_site = SITES[current.settings.site.kind]
    c.JupyterHub.spawner_class = spawner
    # On the class, not on Spawner: JupyterHub starts its services with a Spawner too.
    ours = c[spawner.__name__]
    ours.current = current
    ours.state = state
    ours.admission = Admission(connect(state.database("werkbank")))
    ours.default_url = "/lab"
    ours.http_timeout = 60
    configure_site(c, ours, current.settings, state)
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.named_server_limit_per_user = 3


def _local(_c: Any, ours: Any, _settings: Settings, _state: StateDirectory) -> None:
    ours.env_keep = KEPT_VARIABLES
    ours.start_timeout = 60
    ours.interrupt_timeout = 10
    ours.term_timeout = 5


def _slurm(c: Any, ours: Any, settings: Settings, _state: StateDirectory) -> None:
    slurm = settings.site.slurm
    assert slurm is not None
    # Nothing of this machine is true on a node.
    ours.env_keep = []
    ours.ip = "0.0.0.0"  # noqa: S104 - the proxy is on another machine
    ours.start_timeout = slurm.patience
    ours.poll_interval = slurm.poll_period
    ours.watch = Watch(Slurm(), SEAT, site=slurm)
    c.JupyterHub.extra_handlers = [(f"/api{PATH}", ArrivalHandler)]


def _containers(_c: Any, ours: Any, settings: Settings, state: StateDirectory) -> None:
    containers = settings.site.containers
    assert containers is not None
    ports = state.ports()
    # Nothing of this machine is true in a container.
    ours.env_keep = []
    ours.start_timeout = containers.patience
    ours.pull_policy = "skip"
    ours.engine = Engine(containers.socket)
    ours.arrivals = Arrivals(sockets_folder(state.path), {"hub": ports.hub, "service": ports.service})


SITES: dict[str, tuple[type[SeatSpawner], Callable[[Any, Any, Settings, StateDirectory], None]]] = {
    "local": (LocalSpawner, _local),
    "containers": (ContainerSpawner, _containers),
    "slurm": (SlurmSpawner, _slurm),
}


def _services(c: Any, runtime: Runtime, settings: Settings, ports: Ports) -> None:
    environment = os.environ | runtime.environment()
    services = [_web_service(environment, settings, ports)]
    if settings.gateway.enabled:
        services.append(_gateway(environment, ports))
    # Nobody waits for the culler: it begins when those that answer do (hub/running/hub.py).
    services += [_culler(environment, settings), _command_line(runtime), _prometheus(runtime)]
    c.JupyterHub.services = services


def _web_service(environment: dict[str, str], settings: Settings, ports: Ports) -> dict[str, Any]:
    return {
        "name": SERVICE,
        "command": [sys.executable, "-m", "hub.service"],
        "url": f"http://{_listens_on(settings)}:{ports.service}",
        "environment": environment,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [
            "read:users!user",
            "read:servers!user",
            "delete:servers!user",
            f"access:services!service={SERVICE}",
            f"access:services!service={GATEWAY}",
        ],
    }


def _gateway(environment: dict[str, str], ports: Ports) -> dict[str, Any]:
    config = os.path.join(os.path.dirname(__file__), "gateway", "server_config.py")
    return {
        "name": GATEWAY,
        "command": [sys.executable, "-m", "dask_gateway_server", "-f", config],
        "url": f"http://127.0.0.1:{ports.gateway}",
        "environment": environment,
        "display": False,
    }


def _culler(environment: dict[str, str], settings: Settings) -> dict[str, Any]:
    config = os.path.join(os.path.dirname(__file__), "seats", "culler_config.py")
    address = f"http://{settings.server.address}:{settings.server.port}"
    return {
        "name": CULLER,
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--config={config}"],
        "environment": environment | {"WERKBANK_PUBLIC_URL": address},
        "display": False,
    }


def _command_line(runtime: Runtime) -> dict[str, Any]:
    """Not a process: the token that `up`, `down` and `status` act with."""
    return {"name": COMMAND_LINE, "api_token": runtime.state.secret("command-line"), "display": False}


def _prometheus(runtime: Runtime) -> dict[str, Any]:
    """Not a process of ours: the token with which a Prometheus reads the hub's metrics, and nothing else."""
    return {"name": PROMETHEUS, "api_token": runtime.state.secret(PROMETHEUS), "display": False}


def _roles(c: Any, settings: Settings) -> None:
    access = [f"access:services!service={SERVICE}"]
    access += [f"access:services!service={GATEWAY}"] if settings.gateway.enabled else []
    c.JupyterHub.load_roles = [
        {"name": "user", "scopes": ["self", *access]},
        # A seat's token: what JupyterHub gives it, and the two services on behalf of its user.
        {
            "name": "server",
            "scopes": ["users:activity!user", "access:servers!server", "read:users!user", "read:servers!user", *access],
        },
        # `access:servers` to read a notebook that its learner shows (hub/web/seat_api.py).
        _role(SERVICE, ["list:users", "read:users", "read:servers", "read:hub", "access:servers"]),
        _role(CULLER, ["list:users", "read:users:activity", "read:servers", "delete:servers", "access:servers"]),
        _role(
            COMMAND_LINE,
            ["admin:servers", "admin:users", "list:users", "read:hub", "read:metrics", "read:services", "shutdown"],
        ),
        _role(PROMETHEUS, ["read:metrics"]),
        *([_role(GATEWAY, ["list:users", "read:users", "read:servers"])] if settings.gateway.enabled else []),
    ]


def _role(service: str, scopes: list[str]) -> dict[str, Any]:
    return {"name": f"{service}-service", "scopes": scopes, "services": [service]}
