"""GPU leases: who gets which device, when, and why somebody waits."""
