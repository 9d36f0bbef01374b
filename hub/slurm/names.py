"""What Werkbank's jobs are called: one question to Slurm finds all of a kind."""

SEAT = "werkbank-seat"
"""Every job that is a seat."""
DASK = "werkbank-dask"
"""Every job of a Dask cluster, schedulers and workers alike."""
KERNEL = "werkbank-kernel"
"""Every job that is the GPU of one lease."""
