"""Seats and Dask clusters as jobs of Slurm, beside stock batchspawner and Dask Gateway on the same cluster."""
