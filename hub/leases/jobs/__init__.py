"""Leases that are jobs of a Slurm cluster: Slurm decides who is next, and what it says is the lease's."""
