"""How many GPUs do people need under which policy? Traces of notebook use, and their replay."""
