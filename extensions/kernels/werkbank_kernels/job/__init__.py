"""Kernels that are jobs of a cluster: a host on the job's node, and a relay in the seat that stands for the kernel."""
