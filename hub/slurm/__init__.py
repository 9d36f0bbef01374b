"""The site's Slurm: what it says, in typed values, and a small one to try."""
