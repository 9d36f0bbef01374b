"""Settings: werkbank.yaml as one frozen, documented tree."""

from hub.settings.model import (
    Culling,
    DemoAuthentication,
    Environment,
    GpuClass,
    Leases,
    OidcAuthentication,
    PamAuthentication,
    Profile,
    Settings,
)
from hub.settings.reading import load, schema, undocumented

__all__ = [
    "Culling",
    "DemoAuthentication",
    "Environment",
    "GpuClass",
    "Leases",
    "OidcAuthentication",
    "PamAuthentication",
    "Profile",
    "Settings",
    "load",
    "schema",
    "undocumented",
]
