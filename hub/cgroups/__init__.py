"""What seats and workers may take of this machine, through control groups: CPU, memory and GPU devices."""
