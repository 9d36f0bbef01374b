"""What was used: GPU-hours held and used, waits, seats, storage, energy and its footprint, and who may see it."""
