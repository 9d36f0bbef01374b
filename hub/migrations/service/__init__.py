"""Versions of the service's own tables, oldest first."""
