"""Seats as containers, beside stock DockerSpawner and beside seats that are forked."""
