"""Settings: werkbank.yaml as one frozen, documented tree."""

from hub.settings.current import Current
from hub.settings.model import (
    ContainersSite,
    Culling,
    DemoAuthentication,
    Environment,
    GpuClass,
    Leases,
    OidcAuthentication,
    PamAuthentication,
    Profile,
    Settings,
    SlurmSite,
)
from hub.settings.reading import judge, load, schema, undocumented

__all__ = [
    "ContainersSite",
    "Culling",
    "Current",
    "DemoAuthentication",
    "Environment",
    "GpuClass",
    "Leases",
    "OidcAuthentication",
    "PamAuthentication",
    "Profile",
    "Settings",
    "SlurmSite",
    "judge",
    "load",
    "schema",
    "undocumented",
]
