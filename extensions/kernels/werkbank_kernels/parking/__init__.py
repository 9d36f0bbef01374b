"""Parking: taking a kernel's device memory to the host while it idles, and giving it back: in place,
or on another device of the same kind.

One process, the actuator, does it for all kernels of its user. `client` is what the seat uses.
"""
