"""Forks seats, kernels and workers from a process that has already imported what they need.

`parent` accepts, asks the kernel who calls, and forks; it never reads what the caller says. `child` becomes the
caller's user before it reads a byte of the request. What happens before that point is in `parent`, `header`, `become`
and `caller`: short enough to be read whole by whoever has to trust it.
"""
