"""What a workshop asks of the workbench: a class that comes in, and rooms that are open."""
