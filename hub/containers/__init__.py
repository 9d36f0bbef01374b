"""Seats as containers of one machine: what they are called, how they are closed in, their way to the workbench."""
