"""A Slurm of several machines on one: namespaces, a bridge, accounting, and devices that are simulated."""
