"""The devices there are: real ones through NVML, simulated ones from the settings."""

from hub.leases.inventory.base import DeviceUse, Inventory, Unreadable
from hub.leases.inventory.combined import Combined, inventory_of

__all__ = ["Combined", "DeviceUse", "Inventory", "Unreadable", "inventory_of"]
