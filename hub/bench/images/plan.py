"""What is measured of the images, and what each figure should not exceed."""

from dataclasses import dataclass

MEASURED = ("hub", "lab", "worker", "werkbank")
GOALS = {"hub_mb": 450.0, "lab_mb": 900.0, "worker_mb": 450.0, "cold_s": 360.0, "unchanged_s": 5.0, "hub_s": 5.0}
BUILT = ("hub", "lab", "worker")
"""Whose builds are measured, with all that they are built on."""


@dataclass(frozen=True)
class Start:
    """A container, and when it counts as started."""

    image: str
    port: int
    paths: tuple[str, ...]
    """All of them answer."""
    command: tuple[str, ...] = ()
    """In place of the image's own."""


STOCK = """
from hub.runtime import proxy_command
from jupyterhub.app import main

main([
    "--JupyterHub.bind_url=http://0.0.0.0:8000",
    "--JupyterHub.authenticator_class=dummy",
    f"--ConfigurableHTTPProxy.command={proxy_command()!r}",
])
"""
"""JupyterHub as it comes, out of the same image: no service and no gateway beside it."""
HUB = ("/hub/health", "/services/werkbank/health")
STARTS = {
    "stock": Start("hub", 8000, HUB[:1], ("python", "-c", STOCK)),
    "hub": Start("hub", 8000, HUB),
    "werkbank": Start("werkbank", 8000, HUB),
    "lab": Start("lab", 8888, ("/api",)),
    "worker": Start("worker", 8787, ("/health",)),
}


@dataclass(frozen=True)
class Plan:
    """What is measured, and how often."""

    runs: int
    cold: bool
    """Build hub, lab and worker from nothing, too; it takes minutes."""

    @property
    def rounds(self) -> int:
        """Starts altogether: the first of each is not counted."""
        return (self.runs + 1) * len(STARTS)
